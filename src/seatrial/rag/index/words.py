"""The words of texts as indexes of seatrial compare them."""

from __future__ import annotations

from seatrial.rag.index.postings import Analysis
from seatrial.rag.text.stemming import english_stem
from seatrial.rag.text.words import terms

WORDS = Analysis("terms, English stems: 1", terms, english_stem)
"""Normalised words by their English stems. Its name changes when either does."""

"""BM25 over a question set's documents, small and in memory: what fits and benchmarks search with.

Source: Lucene's form of BM25 (k1 1.2, b 0.75); terms are those of the check of groundedness.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.groundedness.terms import terms
from seatrial.rag.retrieval.keywords import keywords
from seatrial.rag.text.language import language_of

_K1 = 1.2
_B = 0.75


class Bm25:
    """Scores of all documents."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(term.text for term in terms(text)) for text in texts]
        lengths = np.array([sum(count.values()) for count in counts], float)
        norm = _K1 * (1 - _B + _B * lengths / max(lengths.mean(), 1))
        postings: dict[str, list[tuple[int, int]]] = {}
        for number, count in enumerate(counts):
            for term, n in count.items():
                postings.setdefault(term, []).append((number, n))
        self._n = len(texts)
        self._weights: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        for term, held in postings.items():
            rows = np.array([row for row, _ in held])
            tf = np.array([n for _, n in held], float)
            idf = np.log1p((self._n - len(held) + 0.5) / (len(held) + 0.5))
            self._weights[term] = rows, idf * tf / (tf + norm[rows])

    def scores(self, question: str) -> NDArray[np.float64]:
        """Of every document (n,)."""
        total = np.zeros(self._n)
        for term in {term.text for term in terms(keywords(question, language_of(question)))}:
            if term in self._weights:
                rows, weights = self._weights[term]
                total[rows] += weights
        return total

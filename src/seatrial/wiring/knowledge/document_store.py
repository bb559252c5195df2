"""Documents that a program adds and searches, in a folder of its own."""

from __future__ import annotations

from pathlib import Path

from seatrial.adapters.index.embedded import EmbeddedIndexStore
from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.index.words import WORDS
from seatrial.rag.knowledge.document_store import DocumentStore


def open_document_store(
    folder: Path | str, *, embedder: Embedder | None, name: str = "documents"
) -> DocumentStore:
    """A store of documents in a folder, which is made with the first.

    Args:
        folder: not on a network drive.
        embedder: None searches words alone.
        name: of the index in it.
    Raises: StoreDiffers.
    """
    return DocumentStore(EmbeddedIndexStore(folder, WORDS), name, embedder)

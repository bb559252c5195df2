"""The port of indexes that are built: versions beside each other, one of them live.

A version is built as a draft beside the live one, and published by one atomic step; published
versions never change. A draft survives the death of its builder: what `put` and `remove` returned
from is there when the draft is opened again. The suite `seatrial.testing.IndexStoreSuite` says what
an adapter must do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index.difference import Difference
from seatrial.rag.index.reading import Index
from seatrial.rag.text.document import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How documents become what is kept; versions of equal recipes share what did not change.

    Args:
        embedder: name of the embedder; None: no vectors.
        dimensions: of its vectors; 0 without an embedder.
        chunker: name of the chunker.
    """

    embedder: str | None
    dimensions: int
    chunker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedDocument:
    """A document as it is kept.

    Args:
        chunks: spans of its text; none for a document without words.
        vectors: float32 (n_chunks, dimensions), unit length; None where the recipe has none.
    """

    document: Document
    chunks: Sequence[Chunk]
    vectors: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """A published version."""

    version: int
    recipe: Recipe
    n_documents: int
    n_chunks: int
    created: datetime
    live: bool


class Draft(Protocol):
    """A version being built. One builder at a time; used from one thread."""

    def digests(self) -> Mapping[str, str]:
        """Digest of every document in the draft by id: those of the live version at first, where
        recipes are equal, and what an interrupted builder had put."""
        ...

    def put(self, documents: Sequence[IndexedDocument]) -> None:
        """Add, or replace by id, all or none. Durable on return.

        Raises: Invalid (a span outside its text, a vector that is not finite or of another
            length), Unavailable (disk full).
        """
        ...

    def remove(self, documents: Sequence[str]) -> None:
        """Take out by id; unknown ids are no error. Durable on return."""
        ...

    def publish(self) -> int:
        """Make it the live version, atomically, and give its number. One that changed nothing
        makes no new version and gives the number of the live one."""
        ...

    def discard(self) -> None:
        """Throw it away; the live version is as it was."""
        ...

    def close(self) -> None:
        """Let go, keeping the draft for the next builder; no error after the other two."""
        ...


class IndexStore(Protocol):
    """All versions of all indexes. May be used from several threads and processes at once."""

    def names(self) -> Sequence[str]:
        """Indexes with a published version, sorted."""
        ...

    def versions(self, name: str) -> Sequence[VersionFacts]:
        """Oldest first. Raises: NotFound."""
        ...

    def live(self, name: str) -> int:
        """The number of the live version: one cheap read. Raises: NotFound."""
        ...

    def open(self, name: str, version: int | None = None) -> Index:
        """One version for reading; None: the live one. Raises: NotFound, Invalid (damaged)."""
        ...

    def draft(self, name: str, recipe: Recipe) -> Draft:
        """Begin a version, or go on with the draft of an interrupted builder of the same recipe.

        Raises: Conflict, while another process builds this index.
        """
        ...

    def activate(self, name: str, version: int) -> None:
        """Make a published version live: rollback. Raises: NotFound."""
        ...

    def forget(self, name: str, *, keep: int) -> Sequence[int]:
        """Remove the oldest versions beyond the newest `keep` (>= 1), never the live one, and
        give their numbers. Who has one open reads on. Raises: NotFound, Invalid."""
        ...

    def audit(self, name: str, version: int | None = None) -> Sequence[Difference]:
        """Read all of a version (None: the live one) and tell what in it does not agree: documents,
        chunks, words, vectors, and what is written with its checksums. Raises: NotFound."""
        ...

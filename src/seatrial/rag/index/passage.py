"""What a search finds: keys with scores, and the passages behind them."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.rag.text.document import Metadata, Span


class Hits(msgspec.Struct, frozen=True, eq=False):
    """Keys of chunks and their scores, the best first; equal scores by rising key.

    Args:
        keys: int64 (n,), unique.
        scores: float32 (n,): cosine similarity in [-1, 1] of a dense search, BM25 (>= 0) of a
            lexical one.
    """

    keys: NDArray[np.int64]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.keys)


NO_HITS = Hits(np.empty(0, np.int64), np.empty(0, np.float32))


class Candidates(msgspec.Struct, frozen=True, eq=False):
    """What legs of a search found, together.

    Args:
        keys: int64 (n,), unique, ascending.
        scores: float64 (n_legs, n): of each leg for each key; NaN where a leg did not find it; in
            what `Index.both` gives, BM25 is 0 where it is not known.
        sought: the idf of all different words that were asked for, together.
        rarest: the idf of a word that no chunk has.
    """

    keys: NDArray[np.int64]
    scores: NDArray[np.float64]
    sought: float = 0.0
    rarest: float = 0.0

    def __len__(self) -> int:
        return len(self.keys)


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk with its text and what a citation tells of its document.

    A search makes ten, and a frozen dataclass of so many fields takes 20 times as long to make.

    ``text == document.text[span.start:span.end]``, and likewise `parent_text` and `parent`.
    """

    key: int
    document: str
    title: str
    source: str
    language: str | None
    metadata: Metadata
    span: Span
    text: str
    parent: Span
    parent_text: str
    n_tokens: int
    section: tuple[str, ...] = ()
    page: int | None = None

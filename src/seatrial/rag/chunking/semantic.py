"""Chunks whose borders lie where the subject changes: where neighbouring sentences differ most."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.chunking.chunkers import Sizes, cut, structure
from seatrial.rag.chunking.cutting import Rule
from seatrial.rag.chunking.levels import Places, WordEnds, section_places
from seatrial.rag.chunking.ruler import Unit
from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.text.document import Document
from seatrial.rag.text.sentences import sentences

_LEAST_FILL = 0.3


class SemanticChunker:
    """Cuts each chunk behind the sentence that is least like the next one.

    Every sentence is embedded with its two neighbours, three times the work of embedding chunks;
    then of the ends of sentences that leave a chunk between 30 % and all of its length, that with
    the greatest distance (1 - cosine) is taken. Sections are cut as in ``recursive``.
    """

    def __init__(self, sizes: Sizes, unit: Unit, embedder: Embedder) -> None:
        self._sizes = sizes
        self._unit = unit
        self._embedder = embedder

    @property
    def name(self) -> str:
        """See `Chunker`."""
        return f"semantic {self._sizes} {self._unit.name} by {self._embedder.name}"

    def chunks(self, document: Document) -> Sequence[Chunk]:
        """See `Chunker`. Raises: what the embedder raises."""
        above = structure(document) if self._sizes.parent else ()
        rules = (
            Rule(Places(section_places(document)), 0.25, severs=True),
            Rule(self._changes(document.text), _LEAST_FILL),
            Rule(WordEnds(document.text)),
        )
        return cut(document, self._unit, self._sizes, rules, above)

    def _changes(self, text: str) -> Changes:
        said = sentences(text)
        if len(said) < 2:
            return Changes([], np.zeros(0, np.float32))
        around = [
            text[said[max(0, n - 1)].start : said[min(n + 1, len(said) - 1)].end]
            for n in range(len(said))
        ]
        vectors = self._embedder.embed_documents(around)
        distances = 1 - np.einsum("nd,nd->n", vectors[:-1], vectors[1:])
        return Changes([sentence.end for sentence in said[:-1]], distances)


class Changes:
    """Ends of sentences, the best of which is that with the greatest distance to what follows.

    Args:
        places: in order.
        distances: float32 (n_places,).
    """

    def __init__(self, places: Sequence[int], distances: NDArray[np.float32]) -> None:
        self._places = places
        self._distances = distances

    def last(self, after: int, to: int) -> int | None:
        """See `Level`: here, the place of the greatest change, the last of equal ones."""
        first, end = bisect_right(self._places, after), bisect_right(self._places, to)
        if first == end:
            return None
        return self._places[end - 1 - int(np.argmax(self._distances[first:end][::-1]))]

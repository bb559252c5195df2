"""What an index holds, as suites compare it."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index.reading import Index, Scope
from seatrial.rag.index.writing import IndexedDocument, IndexStore
from seatrial.testing import index_corpus as corpus
from seatrial.testing.index_corpus import RECIPE

ALL = Scope(readers=None)
_OF_CHUNK = ("span", "parent", "n_tokens", "section", "page")


def build(store: IndexStore, made: Sequence[IndexedDocument], *, name: str = "ship") -> int:
    """Put documents, and publish."""
    draft = store.draft(name, RECIPE)
    draft.put(made)
    return draft.publish()


def keys_of(index: Index, *names: str) -> list[int]:
    """Keys of the chunks of some documents; without names, of all."""
    hits = index.dense(corpus.unit_vectors(Random(0), 1)[0], 10**6, ALL)
    passages = index.passages(hits.keys.tolist())
    return [one.key for one in passages if not names or one.document in names]


def read(index: Index) -> list[tuple[object, ...]]:
    """All chunks of an index with their vectors, apart from their keys."""
    keys = keys_of(index)
    return [
        _row(one.document, Chunk(**{n: getattr(one, n) for n in _OF_CHUNK}), one.text, vector)
        for one, vector in zip(index.passages(keys), index.vectors(keys), strict=True)
    ]


def written(made: Sequence[IndexedDocument]) -> list[tuple[object, ...]]:
    """The same of what was put."""
    return [
        _row(
            one.document.id,
            chunk,
            one.document.text[chunk.span.start : chunk.span.end],
            vector,
        )
        for one in made
        for chunk, vector in zip(
            one.chunks, one.vectors if one.vectors is not None else [], strict=True
        )
    ]


def _row(document: str, chunk: Chunk, text: str, vector: NDArray[np.float32]) -> tuple[object, ...]:
    """Can be sorted: what may be None is written."""
    return (document, chunk.span, text, chunk.parent, str(chunk), vector.tobytes())

"""Points made by chance, for the suites of vector stores."""

from __future__ import annotations

from random import Random

import numpy as np

from seatrial.rag.index.reading import Scope
from seatrial.rag.index.vector_store import Point, VectorStore
from seatrial.rag.index.words import WORDS
from seatrial.testing import index_corpus as corpus

ALL = Scope(readers=None)


def keys_of(vectors: VectorStore) -> list[int]:
    """All keys, sorted."""
    return sorted(np.concatenate([np.empty(0, np.int64), *vectors.keys()]).tolist())


def point(random: Random, key: int, **given: object) -> Point:
    """A point made by chance, but for what is given."""
    made = corpus.document(random, f"doc-{key}").document
    values: dict[str, object] = {
        "vector": corpus.unit_vectors(random, 1)[0],
        "words": WORDS.words(made.text),
        "metadata": made.metadata,
        "readers": made.readers,
        **given,
    }
    return Point(key=key, document=made.id, **values)  # type: ignore[arg-type]


def points(random: Random, n: int, *, rich: bool = True) -> list[Point]:
    """Points 0 to n - 1."""
    return [point(random, key, metadata=corpus.metadata(random, rich=rich)) for key in range(n)]

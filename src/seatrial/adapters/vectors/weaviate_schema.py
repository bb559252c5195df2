"""What collections in Weaviate hold, and how words are searched there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from seatrial.adapters.vectors.remote import BY, META, OPEN, flat
from seatrial.rag.index.postings import hashes_of
from seatrial.rag.index.vector_store import Point

FACTS, WORDS = "facts", "words"

_SPREAD = 0.25
"""From the nearest of 100 cosines to the last, of what they could be: measured 0.1 to 0.28."""

_PLAIN = re.compile(r"[^\W_]{1,64}")


def settings() -> dict[str, Any]:
    """Of a new collection, as the client's ``create`` takes them."""
    from weaviate.classes.config import (
        Configure,
        DataType,
        Property,
        StopwordsPreset,
        Tokenization,
        VectorDistances,
    )

    whole = {"tokenization": Tokenization.FIELD, "index_searchable": False}
    nearest = Configure.VectorIndex.hnsw(distance_metric=VectorDistances.COSINE, ef=256)
    return {
        "vector_config": Configure.Vectors.self_provided(vector_index_config=nearest),
        "inverted_index_config": Configure.inverted_index(stopwords_preset=StopwordsPreset.NONE),
        "properties": [
            words_property(),
            Property(name="document", data_type=DataType.TEXT, **whole),
            Property(
                name=META, data_type=DataType.TEXT, index_filterable=False, index_searchable=False
            ),
            Property(name=OPEN, data_type=DataType.BOOL),
            Property(name=BY, data_type=DataType.TEXT_ARRAY, **whole),
            Property(name=FACTS, data_type=DataType.TEXT_ARRAY, **whole),
        ],
    }


def words_property() -> Any:
    """Of all words of a chunk, searched as they are."""
    from weaviate.classes.config import DataType, Property, Tokenization

    return Property(
        name=WORDS,
        data_type=DataType.TEXT,
        index_filterable=False,
        tokenization=Tokenization.WHITESPACE,
    )


def number_property(name: str) -> Any:
    """Of a field of numbers."""
    from weaviate.classes.config import DataType, Property

    return Property(name=name, data_type=DataType.NUMBER, index_range_filters=True)


def properties_of(point: Point, *, with_words: bool) -> dict[str, Any]:
    """What is kept with a vector."""
    kept: dict[str, Any] = {WORDS: text_of(point.words)} if with_words and point.words else {}
    facts: list[str] = []
    for name, value in flat(point).items():
        if name in {META, "document", OPEN, BY} or name.startswith("n"):
            kept[name] = value
        elif isinstance(value, list):
            facts += [f"{name}={one}" for one in value]
        else:
            facts.append(f"{name}={value}")
    if facts:
        kept[FACTS] = facts
    return kept


def text_of(words: Sequence[str]) -> str:
    """Words as one text that is cut at its spaces: those that are long, or of more than letters and
    digits, by their hashes."""
    return " ".join(
        word if _PLAIN.fullmatch(word) else f"_{hashed:016x}"
        for word, hashed in zip(words, hashes_of(words).tolist(), strict=True)
    )


def alpha_of(dense_weight: float) -> float:
    """The share of vectors as ``relativeScoreFusion`` takes it.

    That stretches the scores of the 100 best, or of so many as are asked for, of each kind to 0 to
    1: cosines, which fill a part of what they could be, count by that part of their share.
    """
    near = _SPREAD * dense_weight
    return near / (near + 1 - dense_weight)

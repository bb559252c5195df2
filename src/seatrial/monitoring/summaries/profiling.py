"""Making the reference profile of a sample of rows.

What it holds is `summaries/profile.py`; counting a window against it is `summaries/counting.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.naming import coded, name_hashes, words
from seatrial.monitoring.rows.row_hash import row_repeats
from seatrial.monitoring.rows.table import Coded, Column, Table
from seatrial.monitoring.summaries.embedding import embedding_profile
from seatrial.monitoring.summaries.numeric import numeric_profile
from seatrial.monitoring.summaries.profile import (
    LABELS,
    Categorical,
    ColumnProfile,
    Profile,
    Text,
)

MAX_CATEGORIES = 1_000
"""Names counted one by one; the rest is counted together."""

MAX_OTHERS = 20_000
"""Further names that are known, by 32 bits of their hash, but not counted one by one."""

WORDS_OF_TEXT = 4
"""Names with as many words in the median are texts, and their words are counted instead."""


def profile_of(
    features: Table,
    *,
    predictions: Table | None = None,
    labels: Column | None = None,
    categorical: Collection[str] = (),
    ordered: Mapping[str, NDArray[np.generic]] | None = None,
    repeats: bool = True,
) -> Profile:
    """The profile of a sample.

    Args:
        features: what goes into the model.
        predictions: what the model answered on the same rows.
        labels: what was true, shape (n,).
        categorical: columns whose numbers are names of classes, of all three; `LABELS` for those.
        ordered: `ordered_values` of features of numbers, where they are at hand.
        repeats: whether to hash rows, to know the share that repeats another.
    """

    known = ordered or {}

    def each(columns: Mapping[str, Column]) -> dict[str, ColumnProfile]:
        return {
            name: column_profile(column, categorical=name in categorical)
            for name, column in columns.items()
        }

    def feature(name: str, column: Column) -> ColumnProfile:
        if name in known and isinstance(column, np.ndarray):
            return numeric_profile(column, known[name])
        return column_profile(column, categorical=name in categorical)

    return Profile(
        n=features.n,
        features={name: feature(name, column) for name, column in features.columns.items()},
        predictions=each(predictions.columns) if predictions else {},
        labels=None
        if labels is None
        else column_profile(labels, categorical=LABELS in categorical),
        repeat_share=row_repeats(features).share if repeats and features.n else None,
    )


def column_profile(column: Column, *, categorical: bool = False) -> ColumnProfile:
    """The profile of one column.

    Args: the column; whether its numbers are names of classes.
    """
    if isinstance(column, Coded):
        return text_profile(column) if is_text(column) else names_profile(column)
    if column.ndim == 2:
        return embedding_profile(column)
    if categorical or column.dtype.kind == "b":
        return names_profile(coded(column))
    return numeric_profile(column)


def names_profile(column: Coded) -> Categorical:
    """The profile of names."""
    counts = column.counts()
    used = {name: n for name, n in zip(column.values, counts[1:].tolist(), strict=True) if n > 0}
    return _names(used, n=len(column), n_missing=int(counts[0]))


def text_profile(column: Coded) -> Text:
    """The profile of texts."""
    used = column.counts()
    lengths = np.array([len(text) for text in column.values], np.int64)
    present = column.codes[column.codes >= 0]
    vocabulary = word_counts(zip(column.values, used[1:].tolist(), strict=True))
    return Text(
        n=len(column),
        n_missing=int(used[0]),
        length=numeric_profile(lengths[present]),
        vocabulary=_names(vocabulary, n=sum(vocabulary.values()), n_missing=0),
    )


def word_counts(texts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """How often each word is in the texts, each of which is there so many times."""
    found: dict[str, int] = {}
    for text, n in texts:
        if n > 0:
            for word in words(text):
                found[word] = found.get(word, 0) + n
    return found


def is_text(column: Coded) -> bool:
    """Whether names are texts: at least `WORDS_OF_TEXT` words in the median of distinct ones."""
    some = column.values[:1_000]
    if not some:
        return False
    return sorted(len(words(value)) for value in some)[len(some) // 2] >= WORDS_OF_TEXT


def _names(counts: Mapping[str, int], *, n: int, n_missing: int) -> Categorical:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    top, rest = ordered[:MAX_CATEGORIES], ordered[MAX_CATEGORIES:]
    hashes = name_hashes(name for name, _ in rest) if len(rest) <= MAX_OTHERS else None
    return Categorical(
        n=n,
        n_missing=n_missing,
        n_distinct=len(ordered),
        n_once=sum(1 for _, times in ordered if times == 1),
        counts=dict(top),
        n_other=sum(times for _, times in rest),
        others=None if hashes is None else tuple(np.unique(hashes >> np.uint64(32)).tolist()),
    )

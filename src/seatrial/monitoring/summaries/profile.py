"""The reference profile: what the training sample looked like, column by column.

It is kept in the bundle, and every later window is counted between its edges and by its names. Its
stored form is `summaries/profile_record.py`; counting a window is `summaries/summary.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.naming import coded, name_hashes, words
from seatrial.monitoring.rows.row_hash import row_repeats
from seatrial.monitoring.rows.table import Coded, Column, Table
from seatrial.stats.cells import cell_ends
from seatrial.stats.histogram import MAX_BINS, Edges, quantile_edges

LABELS = "labels"
"""What the column of true labels is called among the categorical ones."""

MAX_CATEGORIES = 1_000
"""Names counted one by one; the rest is counted together."""

MAX_OTHERS = 20_000
"""Further names that are known, by 32 bits of their hash, but not counted one by one."""

MAX_AXES = 8
"""Principal axes of vectors that are watched, beside the distance from the middle."""

WORDS_OF_TEXT = 4
"""Names with as many words in the median are texts, and their words are counted instead."""


_LARGEST = 1e150


class Numeric(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="numeric"):
    """Numbers: bin i holds ``edges[i - 1] < x <= edges[i]``; the first and last bin lie outside.

    Args:
        n: rows; of them ``n_missing`` NaN and ``n_infinite`` infinite.
        mean: of the finite ones, as ``std``, ``lowest`` and ``highest``; None without any.
        edges: ascending.
        counts: one more than edges.
    """

    n: int
    n_missing: int = 0
    n_infinite: int = 0
    mean: float | None = None
    std: float | None = None
    lowest: float | None = None
    highest: float | None = None
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = (0,)


class Categorical(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="categorical"):
    """Names, and booleans as "False" and "True".

    Args:
        n: rows (of words: words), of them ``n_missing`` without a name.
        n_distinct: different names.
        n_once: names met once: over ``n``, the share of new names to expect (Good 1953).
        counts: rows by name, the most frequent first.
        n_other: rows with names that are not in ``counts``.
        others: 32-bit hashes of those names, ascending; None when they were too many.
    """

    n: int
    n_missing: int = 0
    n_distinct: int = 0
    n_once: int = 0
    counts: dict[str, int] = {}
    n_other: int = 0
    others: tuple[int, ...] | None = ()


class Text(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="text"):
    """Texts: their length in characters, and their words."""

    n: int
    n_missing: int
    length: Numeric
    vocabulary: Categorical


class Vectors(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="vectors"):
    """Vectors: their places along the principal axes, and their distance from the middle.

    Args:
        n: rows, of them ``n_missing`` with a number that is not finite or over 1e150.
        middle: mean vector, ``width`` numbers.
        axes: unit vectors, the one with most variance first.
        places: along each axis, from the middle.
        distance: from the middle, what the axes cannot see included.
    """

    n: int
    n_missing: int
    middle: tuple[float, ...]
    axes: tuple[tuple[float, ...], ...]
    places: tuple[Numeric, ...]
    distance: Numeric


ColumnProfile: TypeAlias = Numeric | Categorical | Text | Vectors


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of a reference sample.

    Args:
        n: rows.
        features: what goes into the model, by name.
        predictions: what comes out, by name.
        labels: what was true, if known.
        importance: of features for the model, >= 0, 1 on average; empty where it is not known.
        repeat_share: share of rows of features that repeat another; None where it is not known.
    """

    n: int
    features: dict[str, ColumnProfile]
    predictions: dict[str, ColumnProfile] = {}
    labels: ColumnProfile | None = None
    importance: dict[str, float] = {}
    repeat_share: float | None = None


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
        return vectors_profile(column)
    if categorical or column.dtype.kind == "b":
        return names_profile(coded(column))
    return numeric_profile(column)


def numeric_profile(
    column: NDArray[np.generic], ordered: NDArray[np.generic] | None = None
) -> Numeric:
    """The profile of numbers, shape (n,); ``ordered``: their `ordered_values`, if at hand."""
    finite = ordered_values(column) if ordered is None else ordered
    n_missing = int(np.isnan(column).sum()) if len(finite) < len(column) else 0
    if len(finite) == 0:
        return Numeric(n=len(column), n_missing=n_missing, n_infinite=len(column) - n_missing)
    places = quantile_edges(finite)
    # Where almost every edge is another value, they may as well lie where counting is cheap.
    edges = Edges(cell_ends(places) if len(places) > MAX_BINS / 2 else places)
    counted = edges.count_ordered(edges.shifted(finite), finite)
    # Around the middle, so that large values with a small spread keep their digits.
    middle = float(finite[len(finite) // 2])
    with np.errstate(over="ignore", invalid="ignore"):
        shifted = finite.astype(np.float64) - middle
        mean, std = middle + float(shifted.mean()), float(shifted.std())
    return Numeric(
        n=len(column),
        n_missing=n_missing,
        n_infinite=len(column) - len(finite) - n_missing,
        mean=mean if np.isfinite(mean) else None,
        std=std if np.isfinite(std) else None,
        lowest=float(finite[0]),
        highest=float(finite[-1]),
        edges=tuple(edges.values.tolist()),
        counts=tuple(counted.counts.tolist()),
    )


def ordered_values(column: NDArray[np.generic]) -> NDArray[np.generic]:
    """The finite numbers of a column, ascending; a new array."""
    finite = column[np.isfinite(column)] if column.dtype.kind == "f" else column.copy()
    finite.sort()
    return finite


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


def vectors_profile(column: NDArray[np.generic]) -> Vectors:
    """The profile of vectors, shape (n, d)."""
    vectors = column.astype(np.float64, copy=False)
    whole = whole_rows(vectors)
    rows = vectors[whole]
    width = vectors.shape[1]
    middle = rows.mean(axis=0) if len(rows) else np.zeros(width)
    centred = rows - middle
    # float32 keeps the record short; the axes need not be exact, only the same for all windows.
    axes = _axes(centred).astype(np.float32).astype(np.float64)
    return Vectors(
        n=len(column),
        n_missing=int((~whole).sum()),
        middle=tuple(middle.tolist()),
        axes=tuple(tuple(axis) for axis in axes.tolist()),
        places=tuple(numeric_profile(place) for place in (centred @ axes.T).T),
        distance=numeric_profile(np.sqrt((centred**2).sum(axis=1))),
    )


def whole_rows(vectors: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Rows of which every number is finite, and small enough to be squared. Shape (n,)."""
    whole: NDArray[np.bool_] = np.all(np.abs(vectors) <= _LARGEST, axis=1)
    return whole


def _axes(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Principal axes as rows, each with its largest number positive."""
    width = centred.shape[1]
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors.T[::-1][: min(MAX_AXES, width, max(len(centred) - 1, 0))]
    largest = np.abs(axes).argmax(axis=1)
    signs = np.sign(axes[np.arange(len(axes)), largest])
    return axes * signs[:, None]  # type: ignore[no-any-return]


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

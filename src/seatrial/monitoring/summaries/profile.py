"""The reference profile: what the training sample looked like, column by column.

It is kept in the bundle, and every later window is counted between its edges and by its names. Its
stored form is `summaries/profile_record.py`; counting a window is `summaries/summary.py`.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

LABELS = "labels"
"""What the column of true labels is called among the categorical ones."""


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


class Embedding(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="embedding"):
    """Vectors, measured from their middle in units of their spread; see `stats/whole_vectors.py`.

    Arrays are bytes, little-endian.

    Args:
        n: rows, of them ``n_missing`` without a vector and ``n_invalid`` with a vector of which a
            number is not finite, or too large for float32.
        width: numbers of a vector, d >= 1.
        middle, unit: float32, shape (d,).
        along: float32, shape (p, d), principal axes of the rows that units were made from.
        places: along these, in units, of the other rows.
        distance: of the other rows from the middle, in units.
        axes: float32, shape (2, a, d), principal axes of all rows: of the coordinates and of their
            absolute values.
        variances: float64, shape (2, a + 1).
        n_half, sums: int64, shapes (2,) and (2, 2, d), of rows by half.
        hashes, times, rows: uint64, int64 and int16, shapes (k,), (k,) and (k, d): a sample.
    """

    n: int
    n_missing: int
    n_invalid: int
    width: int
    middle: bytes
    unit: bytes
    along: bytes
    places: tuple[Numeric, ...]
    distance: Numeric
    axes: bytes
    variances: bytes
    n_half: bytes
    sums: bytes
    hashes: bytes
    times: bytes
    rows: bytes


ColumnProfile: TypeAlias = Numeric | Categorical | Text | Embedding


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of a reference sample.

    Args:
        n: rows.
        features: what goes into the model, by name.
        predictions: what comes out, by name.
        labels: what was true, if known.
        importance: of features for the model, >= 0, 1 on average; empty where it is not known.
        repeat_share: share of rows of features that repeat another; None where it is not known.
        segments: the sample by segment, as `segment_reference` reads it; None without any.
    """

    n: int
    features: dict[str, ColumnProfile]
    predictions: dict[str, ColumnProfile] = {}
    labels: ColumnProfile | None = None
    importance: dict[str, float] = {}
    repeat_share: float | None = None
    segments: bytes | None = None

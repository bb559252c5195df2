"""Some rows, counted against a reference profile: additive, bounded, the same however they are cut.

``+`` adds the summaries of two sets of rows. It is associative and commutative, and any partition
of rows gives the identical summary: all that is kept are counts, sums of whole numbers, extremes
and the smallest hashes.
Counting is `summaries/counting.py`, the stored form `summaries/summary_record.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.monitoring.rows.naming import name_hash
from seatrial.stats.distinct import Repeats
from seatrial.stats.vector_counts import Moments, RowSample

MAX_NEWCOMERS = 100
"""Names that the reference does not know, counted one by one; a fair choice of them if more."""

Ints: TypeAlias = NDArray[np.int64]
_V = TypeVar("_V")


class SummariesDiffer(Invalid):
    """Two summaries were counted against different profiles and cannot be added."""

    code = "monitoring.summaries_differ"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Numbers:
    """Numbers between the edges of the profile.

    Args:
        counts: shape (bins,), finite ones.
        n_missing: NaNs.
        n_infinite: infinities.
        lowest: the least finite one; None without any.
        highest: the largest.
    """

    counts: Ints
    n_missing: int = 0
    n_infinite: int = 0
    lowest: float | None = None
    highest: float | None = None

    @property
    def n(self) -> int:
        """Rows, missing ones included."""
        return self.n_present + self.n_missing + self.n_infinite

    @property
    def n_present(self) -> int:
        """Finite numbers."""
        return int(self.counts.sum())

    def __add__(self, other: Numbers) -> Numbers:
        return Numbers(
            counts=_add(self.counts, other.counts),
            n_missing=self.n_missing + other.n_missing,
            n_infinite=self.n_infinite + other.n_infinite,
            lowest=_extreme(min, self.lowest, other.lowest),
            highest=_extreme(max, self.highest, other.highest),
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Numbers)
            and np.array_equal(self.counts, other.counts)
            and (self.n_missing, self.n_infinite, self.lowest, self.highest)
            == (other.n_missing, other.n_infinite, other.lowest, other.highest)
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Names:
    """Names, by their place in the profile.

    Args:
        counts: shape (names counted in the profile,), in its order.
        n_missing: rows without a name.
        n_other: names that the profile knows but does not count one by one.
        n_new: names it does not know.
        newcomers: rows by such a name; those with the smallest hashes, at most `MAX_NEWCOMERS`.
    """

    counts: Ints
    n_missing: int = 0
    n_other: int = 0
    n_new: int = 0
    newcomers: Mapping[str, int] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Rows, missing ones included."""
        return self.n_present + self.n_missing

    @property
    def n_present(self) -> int:
        """Rows with a name."""
        return int(self.counts.sum()) + self.n_other + self.n_new

    def __add__(self, other: Names) -> Names:
        newcomers = dict(self.newcomers)
        for name, n in other.newcomers.items():
            newcomers[name] = newcomers.get(name, 0) + n
        return Names(
            counts=_add(self.counts, other.counts),
            n_missing=self.n_missing + other.n_missing,
            n_other=self.n_other + other.n_other,
            n_new=self.n_new + other.n_new,
            newcomers=fair_choice(newcomers),
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Names)
            and np.array_equal(self.counts, other.counts)
            and (self.n_missing, self.n_other, self.n_new, self.newcomers)
            == (other.n_missing, other.n_other, other.n_new, other.newcomers)
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Texts: rows without one, lengths of the others, and their words."""

    n_missing: int
    length: Numbers
    vocabulary: Names

    @property
    def n(self) -> int:
        """Rows, missing ones included."""
        return self.n_missing + self.length.n

    def __add__(self, other: Texts) -> Texts:
        return Texts(
            n_missing=self.n_missing + other.n_missing,
            length=self.length + other.length,
            vocabulary=self.vocabulary + other.vocabulary,
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """Vectors, in the units of the profile.

    Args:
        n_missing: rows without a vector.
        n_invalid: rows with a vector of which a number is not finite.
        places: along the profile's axes; of a reference, of a part of its rows.
        distance: from its middle.
        moments: exact sums.
        sample: of the rows.
    """

    n_missing: int
    n_invalid: int
    places: tuple[Numbers, ...]
    distance: Numbers
    moments: Moments
    sample: RowSample

    @property
    def n(self) -> int:
        """Rows, missing ones included."""
        return self.n_missing + self.n_invalid + int(self.moments.n.sum())

    def __add__(self, other: Embeddings) -> Embeddings:
        return Embeddings(
            n_missing=self.n_missing + other.n_missing,
            n_invalid=self.n_invalid + other.n_invalid,
            places=tuple(a + b for a, b in zip(self.places, other.places, strict=True)),
            distance=self.distance + other.distance,
            moments=self.moments + other.moments,
            sample=self.sample + other.sample,
        )

    __hash__ = None  # type: ignore[assignment]


ColumnSummary: TypeAlias = Numbers | Names | Texts | Embeddings


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What the rows held, column by column.

    Args:
        known: columns of the profile, where they came as the profile knows them.
        absent: rows that did not have a column of the profile.
        misread: rows in which a column came as another kind, by name and what it came as.
        strange: rows with a column that the profile does not have.
    """

    known: Mapping[str, ColumnSummary] = field(default_factory=dict)
    absent: Mapping[str, int] = field(default_factory=dict)
    misread: Mapping[tuple[str, str], int] = field(default_factory=dict)
    strange: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Columns) -> Columns:
        known = dict(self.known)
        for name, column in other.known.items():
            known[name] = _sum(name, known[name], column) if name in known else column
        return Columns(
            known=known,
            absent=_merged(self.absent, other.absent),
            misread=_merged(self.misread, other.misread),
            strange=_merged(self.strange, other.strange),
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Some rows against a profile; the neutral element of ``+`` without arguments.

    Args:
        n: rows.
        features, predictions: what they held.
        repeats: hashes of whole rows of features.
        first_us: the earliest time, microseconds since the epoch; None when no row has one.
        last_us: the latest.
        n_untimed: rows that have a column for their time and no time in it.
        segments: rows of one value of a column, by column and value; counted in coarser bins and
            without segments of their own.
    """

    n: int = 0
    features: Columns = field(default_factory=Columns)
    predictions: Columns = field(default_factory=Columns)
    repeats: Repeats = field(default_factory=Repeats)
    first_us: int | None = None
    last_us: int | None = None
    n_untimed: int = 0
    segments: Mapping[str, Mapping[str, Summary]] = field(default_factory=dict)

    def __add__(self, other: Summary) -> Summary:
        segments = {name: dict(values) for name, values in self.segments.items()}
        for name, values in other.segments.items():
            mine = segments.setdefault(name, {})
            for value, summary in values.items():
                mine[value] = mine.get(value, Summary()) + summary
        return Summary(
            n=self.n + other.n,
            features=self.features + other.features,
            predictions=self.predictions + other.predictions,
            repeats=self.repeats + other.repeats,
            first_us=_extreme(min, self.first_us, other.first_us),
            last_us=_extreme(max, self.last_us, other.last_us),
            n_untimed=self.n_untimed + other.n_untimed,
            segments=segments,
        )

    __hash__ = None  # type: ignore[assignment]


def fair_choice(names: Mapping[str, int]) -> dict[str, int]:
    """Those names with the smallest hashes, by name: the same ones however rows are cut."""
    kept = sorted(names, key=lambda name: (name_hash(name), name))[:MAX_NEWCOMERS]
    return {name: names[name] for name in sorted(kept)}


def _add(left: Ints, right: Ints) -> Ints:
    if left.shape != right.shape:
        raise _differ(f"{len(left)} and {len(right)} counts")
    return left + right


def _sum(name: str, left: ColumnSummary, right: ColumnSummary) -> ColumnSummary:
    if isinstance(left, Numbers) and isinstance(right, Numbers):
        return left + right
    if isinstance(left, Names) and isinstance(right, Names):
        return left + right
    if isinstance(left, Texts) and isinstance(right, Texts):
        return left + right
    if isinstance(left, Embeddings) and isinstance(right, Embeddings):
        return left + right
    raise _differ(f"the column {name!r} as {type(left).__name__} and {type(right).__name__}")


def _differ(what: str) -> SummariesDiffer:
    return SummariesDiffer(
        f"Two summaries to be added hold {what}.",
        remedy="Add only summaries that were counted against one profile.",
    )


def _merged(left: Mapping[_V, int], right: Mapping[_V, int]) -> dict[_V, int]:
    return {key: left.get(key, 0) + right.get(key, 0) for key in sorted({*left, *right})}  # type: ignore[type-var]


def _extreme(pick: Callable[[_V, _V], _V], left: _V | None, right: _V | None) -> _V | None:
    if left is None:
        return right
    return left if right is None else pick(left, right)

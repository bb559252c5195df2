"""Counting one column as its profile knows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.naming import coded, name_hash
from seatrial.monitoring.rows.table import Coded, Column
from seatrial.monitoring.summaries.embedding import missing_rows, whole_vectors_of
from seatrial.monitoring.summaries.profile import (
    Categorical,
    ColumnProfile,
    Embedding,
    Numeric,
    Text,
)
from seatrial.monitoring.summaries.profiling import word_counts
from seatrial.monitoring.summaries.summary import (
    ColumnSummary,
    Embeddings,
    Names,
    Numbers,
    Texts,
    fair_choice,
)
from seatrial.stats.cell_counts import count_many
from seatrial.stats.divergence import Divergence
from seatrial.stats.histogram import Counted, Edges
from seatrial.stats.vector_reference import blocks, counted, finite_rows


@dataclass(frozen=True, slots=True)
class Misread:
    """Values that came as another kind than their profile's.

    Args:
        came_as: ``names``, ``numbers``, ``vectors`` or ``vectors of 7``.
        n: rows with such a value; missing values have no kind and count as missing.
    """

    came_as: str
    n: int


Counting: TypeAlias = tuple[ColumnSummary, Misread | None]


class NumberCounter:
    """Numbers; booleans count as 0 and 1."""

    def __init__(self, profile: Numeric) -> None:
        self.edges = Edges(np.array(profile.edges, np.float64))

    def numbers(self, column: NDArray[np.generic]) -> Numbers:
        """The summary of numbers, shape (n,)."""
        return self.measured(column, None)[0]

    def measured(
        self, column: NDArray[np.generic], reference: NDArray[np.generic] | None
    ) -> tuple[Numbers, Divergence | None]:
        """The summary of numbers, and their exact distance to ascending reference values."""
        counted, distance = count_many(self.edges, column, reference)
        return numbers_of(counted), distance

    def count(self, column: Column) -> Counting:
        """The summary of a column, and what was not a number."""
        if isinstance(column, Coded):
            n_missing = int((column.codes < 0).sum())
            return self.numbers(np.full(n_missing, np.nan)), _others(column, n_missing, "names")
        if column.ndim != 1:
            return self.numbers(np.empty(0)), _others(column, 0, "vectors")
        return self.numbers(column), None


class NameCounter:
    """Names, or numbers that mean classes."""

    def __init__(self, profile: Categorical) -> None:
        self._n_known = len(profile.counts)
        self._place = {name: i for i, name in enumerate(profile.counts)}
        self._others = frozenset(profile.others or ())
        self._open = profile.others is None

    def count(self, column: Column) -> Counting:
        """The summary of a column, and what had no name."""
        if isinstance(column, np.ndarray) and column.ndim != 1:
            return self.count_names({}, n_missing=0), _others(column, 0, "vectors")
        names = coded(column)
        rows = names.counts()
        used = np.flatnonzero(rows[1:])
        times = rows[1:][used].tolist()
        found = {names.values[i]: n for i, n in zip(used.tolist(), times, strict=True)}
        return self.count_names(found, n_missing=int(rows[0])), None

    def count_names(self, rows: dict[str, int], *, n_missing: int) -> Names:
        """Count names of which the rows are known."""
        counts = np.zeros(self._n_known, np.int64)
        n_other = 0
        strange: dict[str, int] = {}
        for name, n in rows.items():
            place = self._place.get(name)
            if place is not None:
                counts[place] += n
            elif self._open or (self._others and name_hash(name) >> 32 in self._others):
                # With too many names to know them all, whether one is new cannot be said.
                n_other += n
            else:
                strange[name] = n
        return Names(
            counts=counts,
            n_missing=n_missing,
            n_other=n_other,
            n_new=sum(strange.values()),
            newcomers=fair_choice(strange),
        )


class TextCounter:
    """Lengths and words of texts."""

    def __init__(self, profile: Text) -> None:
        self._length = NumberCounter(profile.length)
        self._words = NameCounter(profile.vocabulary)

    def count(self, column: Column) -> Counting:
        """The summary of a column, and what was no text."""
        if isinstance(column, Coded):
            return self._texts(column), None
        if column.ndim != 1:
            return self._missing(0), _others(column, 0, "vectors")
        n_missing = int(np.isnan(column).sum()) if column.dtype.kind == "f" else 0
        return self._missing(n_missing), _others(column, n_missing, "numbers")

    def _texts(self, column: Coded) -> Texts:
        rows = column.counts()
        lengths = np.array([len(text) for text in column.values], np.int64)
        words = word_counts(zip(column.values, rows[1:].tolist(), strict=True))
        return Texts(
            n_missing=int(rows[0]),
            length=self._length.numbers(lengths[column.codes[column.codes >= 0]]),
            vocabulary=self._words.count_names(words, n_missing=0),
        )

    def _missing(self, n: int) -> Texts:
        return self._texts(Coded(np.full(n, -1, np.int32), ()))


class EmbeddingCounter:
    """Vectors: their places along the profile's axes, exact sums, and a sample."""

    def __init__(self, profile: Embedding) -> None:
        self._width = profile.width
        self._whole = whole_vectors_of(profile)
        self._places = [NumberCounter(place) for place in profile.places]
        self._distance = NumberCounter(profile.distance)

    def count(self, column: Column) -> Counting:
        """The summary of a column, and what was no vector of that width."""
        width = self._width
        if isinstance(column, Coded):
            n_missing = int((column.codes < 0).sum())
            return self._vectors(_none(n_missing, width)), _others(column, n_missing, "names")
        if column.ndim == 1:
            # A part of the data that has no vector at all comes as numbers that are missing.
            n_missing = int(np.isnan(column).sum()) if column.dtype.kind == "f" else 0
            return self._vectors(_none(n_missing, width)), _others(column, n_missing, "numbers")
        if column.shape[1] != width:
            came_as = f"vectors of {column.shape[1]}"
            n_missing = int(missing_rows(column).sum())
            return self._vectors(_none(n_missing, width)), _others(column, n_missing, came_as)
        return self._vectors(column), None

    def _vectors(self, column: NDArray[np.generic]) -> Embeddings:
        whole = finite_rows(column)
        n_missing = int(missing_rows(column[~whole]).sum())
        kept = column if whole.all() else column[whole]
        moments, sample, places, distance = counted(self._width, blocks(self._whole, kept))
        along = places.T if len(kept) else np.zeros((len(self._places), 0))
        return Embeddings(
            n_missing=n_missing,
            n_invalid=len(column) - len(kept) - n_missing,
            places=tuple(
                counter.numbers(place) for counter, place in zip(self._places, along, strict=True)
            ),
            distance=self._distance.numbers(distance),
            moments=moments,
            sample=sample,
        )


ColumnCounter: TypeAlias = NumberCounter | NameCounter | TextCounter | EmbeddingCounter


def counter_of(profile: ColumnProfile) -> ColumnCounter:
    """What counts columns against a profile; look-ups are prepared once."""
    match profile:
        case Numeric():
            return NumberCounter(profile)
        case Categorical():
            return NameCounter(profile)
        case Text():
            return TextCounter(profile)
        case Embedding():
            return EmbeddingCounter(profile)


def numbers_of(counted: Counted) -> Numbers:
    """A histogram as the summary of a column."""
    return Numbers(
        counts=counted.counts,
        n_missing=counted.n_missing,
        n_infinite=counted.n_infinite,
        lowest=counted.lowest,
        highest=counted.highest,
    )


def _others(column: Column, n_counted: int, came_as: str) -> Misread | None:
    n = len(column) - n_counted
    return Misread(came_as, n) if n else None


def _none(n: int, width: int) -> NDArray[np.float32]:
    return np.full((n, width), np.nan, np.float32)

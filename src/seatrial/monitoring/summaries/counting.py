"""Counting rows against a profile: one vectorised pass, the same for a file and for a batch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.row_hash import row_repeats
from seatrial.monitoring.rows.table import Column, Table, rows_of
from seatrial.monitoring.summaries.column_counter import (
    ColumnCounter,
    Misread,
    NumberCounter,
    counter_of,
)
from seatrial.monitoring.summaries.profile import (
    ColumnProfile,
    Embedding,
    Numeric,
    Profile,
)
from seatrial.monitoring.summaries.segments import Splits
from seatrial.monitoring.summaries.summary import Columns, ColumnSummary, Summary
from seatrial.stats.coarse import firsts_inside
from seatrial.stats.distinct import Repeats
from seatrial.stats.divergence import Divergence

SEGMENT_BINS = 32
"""Bins of a number inside a segment: of these there are many, each with few rows."""


class Summariser:
    """Counts tables against one profile. Keeps no rows, so it may be shared.

    Args:
        profile: of the reference.
        segments: columns whose values are also counted each by itself; see `summaries/segments.py`.
        repeats: whether rows are hashed, to know how many of them repeat another.
    Raises: NoSuchSegment, TooManySegments.

    Attributes: ``features`` and ``predictions`` hold what counts each column, by name.
    """

    def __init__(
        self, profile: Profile, *, segments: Sequence[str] = (), repeats: bool = True
    ) -> None:
        self.profile = profile
        self.features = _counters(profile.features)
        self.predictions = _counters(profile.predictions)
        self._splits = Splits(profile, segments)
        self._inside = Summariser(coarse(profile), repeats=False) if segments else None
        self._repeats = repeats

    def summarise(
        self,
        features: Table,
        predictions: Table | None = None,
        *,
        without: tuple[Collection[str], Collection[str]] = ((), ()),
    ) -> Summary:
        """The summary of some rows.

        Args:
            features: the model's inputs by name, any columns.
            predictions: its answers on the same rows, by name.
            without: features and predictions that somebody else counts.
        """
        return self.measure(features, predictions, {}, without=without)[0]

    def measure(
        self,
        features: Table,
        predictions: Table | None,
        ordered: Mapping[str, NDArray[np.generic]],
        *,
        without: tuple[Collection[str], Collection[str]] = ((), ()),
    ) -> tuple[Summary, dict[str, Divergence]]:
        """The summary of some rows, and exact distances of features to reference values.

        Args: ``ordered``: finite values of reference features of numbers, ascending, by name.
        Returns: distances of those that are numbers in both, by name. Of one column and pass, but
            unlike the summary they cannot be added.
        """
        times = _times(features)
        counted, exact = _count(self.features, features, ordered, without[0])
        answers = Columns()
        if predictions is not None:
            answers, _ = _count(self.predictions, predictions, {}, without[1])
        summary = Summary(
            n=features.n,
            features=counted,
            predictions=answers,
            repeats=row_repeats(features) if self._repeats else Repeats(),
            first_us=int(times.min()) if len(times) else None,
            last_us=int(times.max()) if len(times) else None,
            n_untimed=0 if features.at is None else features.n - len(times),
            segments=self._split(features, predictions),
        )
        return summary, exact

    def _split(
        self, features: Table, predictions: Table | None
    ) -> Mapping[str, Mapping[str, Summary]]:
        found: dict[str, dict[str, Summary]] = {}
        for split in self._splits.columns:
            column = features.columns.get(split.name)
            if self._inside is None or column is None:
                continue
            places = split.places(column)
            for place in np.unique(places).tolist():
                rows = np.flatnonzero(places == place)
                found.setdefault(split.name, {})[split.values[place]] = self._inside.summarise(
                    rows_of(_without_vectors(features), rows),
                    rows_of(_without_vectors(predictions), rows) if predictions else None,
                )
        return found


def coarse(profile: Profile) -> Profile:
    """The profile for parts of the rows, of which there are many: without vectors.

    Neighbouring bins of numbers are joined to at most `SEGMENT_BINS` and two more.
    """

    def joined(column: ColumnProfile) -> ColumnProfile:
        return coarse_numbers(column, SEGMENT_BINS) if isinstance(column, Numeric) else column

    return Profile(
        n=profile.n,
        features={n: joined(c) for n, c in profile.features.items() if not _is_embedding(c)},
        predictions={n: joined(c) for n, c in profile.predictions.items() if not _is_embedding(c)},
        labels=joined(profile.labels) if profile.labels else None,
        importance=profile.importance,
        repeat_share=profile.repeat_share,
    )


def _is_embedding(column: ColumnProfile) -> bool:
    return isinstance(column, Embedding)


def coarse_numbers(column: Numeric, n_bins: int) -> Numeric:
    """Numbers in at most ``n_bins`` bins of like counts, and the two outside, which stay."""
    if len(column.edges) <= 2:
        return column
    counts = np.array(column.counts)
    firsts = firsts_inside(counts, n_bins)
    edges = np.array(column.edges)[firsts[1:] - 1]
    return Numeric(
        n=column.n,
        n_missing=column.n_missing,
        n_infinite=column.n_infinite,
        mean=column.mean,
        std=column.std,
        lowest=column.lowest,
        highest=column.highest,
        edges=tuple(edges.tolist()),
        counts=tuple(np.add.reduceat(counts, firsts).tolist()),
    )


def _without_vectors(table: Table) -> Table:
    columns = {
        name: column
        for name, column in table.columns.items()
        if not (isinstance(column, np.ndarray) and column.ndim == 2)
    }
    return Table(columns=columns, n=table.n, at=table.at)


def _counters(columns: Mapping[str, ColumnProfile]) -> dict[str, ColumnCounter]:
    return {name: counter_of(profile) for name, profile in columns.items()}


def _count(
    counters: Mapping[str, ColumnCounter],
    table: Table,
    ordered: Mapping[str, NDArray[np.generic]],
    without: Collection[str],
) -> tuple[Columns, dict[str, Divergence]]:
    known: dict[str, ColumnSummary] = {}
    misread: dict[tuple[str, str], int] = {}
    exact: dict[str, Divergence] = {}
    for name, counter in counters.items():
        column = table.columns.get(name)
        if column is None or name in without:
            continue
        known[name], other, distance = measure_column(counter, column, ordered.get(name))
        if other is not None:
            misread[name, other.came_as] = other.n
        if distance is not None:
            exact[name] = distance
    columns = Columns(
        known=known,
        misread=misread,
        absent={name: table.n for name in counters if name not in table.columns and table.n},
        strange={name: table.n for name in table.columns if name not in counters and table.n},
    )
    return columns, exact


def measure_column(
    counter: ColumnCounter, column: Column, ordered: NDArray[np.generic] | None
) -> tuple[ColumnSummary, Misread | None, Divergence | None]:
    """The summary of a column, what was of another kind, and the exact distance of numbers.

    Args: ``ordered``: the reference's finite values, ascending; None where they are not at hand.
    """
    if ordered is not None and isinstance(counter, NumberCounter) and _is_numbers(column):
        summary, distance = counter.measured(column, ordered)
        return summary, None, distance
    return *counter.count(column), None


def _is_numbers(column: Column) -> TypeGuard[NDArray[np.generic]]:
    return isinstance(column, np.ndarray) and column.ndim == 1


def _times(table: Table) -> NDArray[np.int64]:
    if table.at is None:
        return np.empty(0, np.int64)
    known = table.at[~np.isnat(table.at)]
    return known.astype("datetime64[us]").astype(np.int64)

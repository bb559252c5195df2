"""Counting batches as they are served: the summaries of `summaries/counting.py`, for less.

Numbers of all columns are counted together and added in place; a summary is made when one is asked
for. It equals that of the same rows in one table, but for repeats, which are not looked for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.column_counter import ColumnCounter, NumberCounter, numbers_of
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profile import Profile
from seatrial.monitoring.summaries.summary import Columns, ColumnSummary, Summary
from seatrial.stats.live_histogram import LiveHistograms


class LiveCounter:
    """Counts batches against a profile. Not for two threads at once.

    Args:
        profile: of the version that answers.
    """

    def __init__(self, profile: Profile) -> None:
        self._summariser = Summariser(profile, repeats=False)
        self._features = _Numbers(self._summariser.features)
        self._predictions = _Numbers(self._summariser.predictions)
        self._rest = Summary()
        self._n_plain = 0
        """Rows of batches that hold numbers only and no times: nothing else of them to keep."""

    def add(self, features: Table, predictions: Table | None = None) -> None:
        """Count one batch, as `Summariser.summarise` would."""
        numbers = self._features.of(features)
        answers = self._predictions.of(predictions) if predictions else []
        if numbers is None or answers is None:
            # A column is missing or of another kind: rare, and worth the longer way.
            self._rest = self._rest + self._summariser.summarise(features, predictions)
            return
        self._features.add(numbers)
        self._predictions.add(answers)
        if self._plain(features, predictions):
            self._n_plain += features.n
            return
        self._rest = self._rest + self._summariser.summarise(
            features, predictions, without=(self._features.names, self._predictions.names)
        )

    def take(self) -> Summary:
        """The summary of all batches since the last call; counting starts again from nothing."""
        taken = self._rest + Summary(
            n=self._n_plain,
            features=self._features.take(),
            predictions=self._predictions.take(),
        )
        self._rest, self._n_plain = Summary(), 0
        return taken

    def _plain(self, features: Table, predictions: Table | None) -> bool:
        return (
            features.at is None
            and self._features.all_of(features)
            and (predictions is None or self._predictions.all_of(predictions))
        )


class _Numbers:
    """The columns of numbers of one side of a model."""

    def __init__(self, counters: dict[str, ColumnCounter]) -> None:
        numbers = {n: c for n, c in counters.items() if isinstance(c, NumberCounter)}
        self.names = frozenset(numbers)
        self._order = tuple(numbers)
        self._histograms = LiveHistograms([counter.edges for counter in numbers.values()])
        self._n = 0
        self._only = len(numbers) == len(counters)

    def all_of(self, table: Table) -> bool:
        """Whether these, which the table has, are all of its columns and of the profile's."""
        return self._only and len(table.columns) == len(self.names)

    def of(self, table: Table) -> list[NDArray[np.generic]] | None:
        """The columns in their order; None when one is not there as numbers."""
        found = []
        for name in self._order:
            column = table.columns.get(name)
            if not isinstance(column, np.ndarray) or column.ndim != 1:
                return None
            found.append(column)
        return found

    def add(self, columns: list[NDArray[np.generic]]) -> None:
        if columns and len(columns[0]):
            self._n += len(columns[0])
            self._histograms.add(columns)

    def take(self) -> Columns:
        if self._n == 0:
            return Columns()
        known: dict[str, ColumnSummary] = {
            name: numbers_of(self._histograms.counted(i)) for i, name in enumerate(self._order)
        }
        self._histograms.clear()
        self._n = 0
        return Columns(known=known)

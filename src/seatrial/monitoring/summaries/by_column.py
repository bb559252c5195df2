"""A reference and a window, column beside column: profile, summary and exact distances in one go.

The same numbers as `profile_of` and `Summariser.measure` give for all rows at once, in the memory
of one column of each. Segments need whole rows, so there are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.by_column import RolesByColumn
from seatrial.monitoring.rows.columns import Kind
from seatrial.monitoring.rows.row_hash import RowHash, first_columns
from seatrial.monitoring.rows.row_join import Room
from seatrial.monitoring.rows.table import Column, Table
from seatrial.monitoring.summaries.column_counter import counter_of
from seatrial.monitoring.summaries.counting import Summariser, measure_column
from seatrial.monitoring.summaries.importance import Explaining, Importance
from seatrial.monitoring.summaries.log_rows import answers_of, kinds_of
from seatrial.monitoring.summaries.numeric import numeric_profile, ordered_values
from seatrial.monitoring.summaries.profile import ColumnProfile, Profile
from seatrial.monitoring.summaries.profiling import column_profile, profile_of
from seatrial.monitoring.summaries.summary import Columns, ColumnSummary, Summary
from seatrial.stats.distinct import Repeats
from seatrial.stats.divergence import Divergence

Ordered = NDArray[np.generic]

_RANKS: Mapping[Kind | None, int] = {"name": 1, "embedding": 2}
"""Of `first_columns`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A window beside a reference.

    Args:
        profile: of the reference.
        summary: of the window, counted against it.
        exact: Kolmogorov-Smirnov distances of raw values, by feature.
        importance: of the reference's features for the answers to its rows; None where its rows are
            not at hand.
    """

    profile: Profile
    summary: Summary
    exact: Mapping[str, Divergence]
    importance: Importance | None = None


def measure_pair(reference: RolesByColumn, window: RolesByColumn) -> Measured:
    """Profile the reference and count the window, a column of each at a time.

    Raises: SourceUnreadable, SourceUnavailable.
    """
    n = reference.source.n
    answers = _answers(reference, None)
    of_answers = profile_of(Table(columns={}, n=n), predictions=answers, repeats=False)
    room = Room()
    hashing = _Hashing(reference, {}, room)
    counting = _Counting(window, {name: reference.kind(name) for name in reference.features})
    explaining = Explaining(answers, n=n, n_columns=len(reference.features))
    profiles: dict[str, ColumnProfile] = {}
    for name in reference.features:
        column = reference.column(name, room=room)
        if column is None:
            continue
        hashing.add(name, column)
        explaining.add(name, column)
        profiles[name], ordered = _profiled(column)
        counting.count(name, profiles[name], ordered)
    profile = Profile(
        n=n,
        features=profiles,
        predictions=of_answers.predictions,
        repeat_share=hashing.repeats().share if n else None,
    )
    return Measured(
        profile=profile,
        summary=counting.summary(profile),
        exact=counting.exact,
        importance=explaining.result(),
    )


def measure_against(profile: Profile, window: RolesByColumn) -> Measured:
    """Count a window, a column at a time; without the reference's rows no distance is exact.

    Raises: SourceUnreadable, SourceUnavailable.
    """
    counting = _Counting(window, kinds_of(profile, window.features))
    for name, column in profile.features.items():
        counting.count(name, column, None)
    return Measured(profile=profile, summary=counting.summary(profile), exact={})


class _Counting:
    """Counts a window's columns; each is held only while it is counted."""

    def __init__(self, window: RolesByColumn, kinds: Mapping[str, Kind | None]) -> None:
        self._window = window
        self._features = frozenset(window.features)
        self._room = Room()
        self._hashing = _Hashing(window, kinds, self._room)
        self._known: dict[str, ColumnSummary] = {}
        self._misread: dict[tuple[str, str], int] = {}
        self.exact: dict[str, Divergence] = {}

    def count(self, name: str, profile: ColumnProfile, ordered: Ordered | None) -> None:
        """Count the column of that name, if the window has it."""
        if name not in self._features:
            return
        column = self._window.column(name, _kind_of(name, profile), self._room)
        if column is None:
            return
        self._hashing.add(name, column)
        counter = counter_of(profile)
        self._known[name], other, distance = measure_column(counter, column, ordered)
        if other is not None:
            self._misread[name, other.came_as] = other.n
        if distance is not None:
            self.exact[name] = distance

    def summary(self, profile: Profile) -> Summary:
        """The summary of all: answers, times and columns that the profile lacks are read now."""
        n = self._window.source.n
        strange = {name: n for name in self._window.features if self._is_strange(name, profile)}
        bare = Table(columns={}, n=n, at=self._window.times())
        of_answers = Profile(n=profile.n, features={}, predictions=profile.predictions)
        counted = Summariser(of_answers, repeats=False).summarise(
            bare, _answers(self._window, profile)
        )
        return replace(
            counted,
            features=Columns(
                known=self._known,
                misread=self._misread,
                absent={name: n for name in profile.features if name not in self._known and n},
                strange=strange if n else {},
            ),
            repeats=self._hashing.repeats(),
        )

    def _is_strange(self, name: str, profile: Profile) -> bool:
        column = None
        if name not in profile.features:
            column = self._window.column(name, room=self._room)
        if column is None:
            return False
        self._hashing.add(name, column)
        return True


class _Hashing:
    """The hash of rows; it begins with their first columns, which therefore are read twice."""

    def __init__(self, rows: RolesByColumn, kinds: Mapping[str, Kind | None], room: Room) -> None:
        names = {name: _RANKS.get(rows.kind(name, kinds.get(name)), 0) for name in rows.features}
        first = ((name, rows.parts(name, kinds.get(name))) for name in first_columns(names))
        self._hash = RowHash(first, rows.source.n, room)

    def add(self, name: str, column: Column) -> None:
        self._hash.add(name, column)

    def repeats(self) -> Repeats:
        return self._hash.repeats()


def _profiled(column: Column) -> tuple[ColumnProfile, Ordered | None]:
    if isinstance(column, np.ndarray) and column.ndim == 1 and column.dtype.kind != "b":
        ordered = ordered_values(column)
        return numeric_profile(column, ordered), ordered
    return column_profile(column), None


def _kind_of(name: str, profile: ColumnProfile) -> Kind | None:
    return kinds_of(Profile(n=0, features={name: profile}), (name,)).get(name)


def _answers(rows: RolesByColumn, known: Profile | None) -> Table | None:
    """What the model answered, with the names of the profile, if that is known."""
    roles = rows.roles
    names = (*((roles.prediction,) if roles.prediction else ()), *roles.scores)
    kinds = {} if known is None else kinds_of(known, names)
    read = {name: rows.column(name, kinds.get(name)) for name in names}
    found = {name: column for name, column in read.items() if column is not None}
    return answers_of(Table(columns=found, n=rows.source.n), roles, known)

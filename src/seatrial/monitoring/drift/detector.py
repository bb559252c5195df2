"""When to raise the drift alarm: one detector over all columns of a model's inputs and outputs.

Counts come in as plain arrays, column by column, in the bins of the reference; the mathematics is
`stats/edetector.py`. An alarm asks for evidence over the budget *and* an effect that matters, so a
million rows do not turn a trifle into news. Pure: windows and their times are arguments.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seatrial.monitoring.drift.alarm_state import (
    STIRRED,
    AlarmSettings,
    Watched,
    WatchedMean,
    WatchState,
    bad_watch,
)
from seatrial.monitoring.drift.decision import DriftDecision, DriftOutcome, Movement
from seatrial.monitoring.drift.mean_watch import MeanWatch
from seatrial.stats.clustering import effective_rows, estimate_clustering
from seatrial.stats.coarse import largest, neighbours
from seatrial.stats.divergence import Divergence, psi_of_columns
from seatrial.stats.edetector import EDetector, Evidence
from seatrial.stats.ranking import rank
from seatrial.stats.scores import what_moved
from seatrial.stats.vector_counts import Moments

Floats = NDArray[np.float64]

MOST_BINS = 32
"""Bins of a column in which evidence is gathered, apart from missing and unseen values."""

_ROWS_A_BIN = 10
_SIGNS = {1: " up", -1: " down", 0: ""}


class DriftAlarm:
    """Watches columns against their references. Immutable.

    Args:
        columns: at least one, names distinct.
        settings: what an alarm asks for.
        means: vectors that classifiers watch, named otherwise than the columns.

    Raises: BadWatch.

    Example:
        >>> from datetime import UTC
        >>> age = Watched(name="age", reference=np.full(10, 500), ordered=True)
        >>> alarm, at = DriftAlarm([age]), datetime(2026, 1, 1, tzinfo=UTC)
        >>> state, said = alarm.step(alarm.start(), {"age": np.full(10, 100)}, at=at)
        >>> said.outcome.value
        'quiet'
        >>> state, said = alarm.step(state, {"age": np.arange(10) * 20}, at=at)
        >>> said.outcome.value, said.moved[0].column, said.moved[0].moved
        ('drift', 'age', 'level up')
    """

    n_ordered: tuple[int, ...]
    """Bins of each column that are in order, after joining."""

    def __init__(
        self,
        columns: Sequence[Watched],
        settings: AlarmSettings | None = None,
        *,
        means: Sequence[WatchedMean] = (),
    ) -> None:
        _check_names([*columns, *means])
        if not columns:
            raise bad_watch("columns", "are none")
        self._means = MeanWatch(means)
        self._columns = tuple(columns)
        self._settings = settings or AlarmSettings()
        self._groups = [_groups(c) for c in columns]
        used = [int(g.max()) + 1 for g in self._groups]
        self._width = max(used)
        self._places = np.concatenate([g + i * self._width for i, g in enumerate(self._groups)])
        self._reference = self.coarse({c.name: c.reference for c in columns})
        self._n_bins = tuple(used)
        first_apart = np.array([u - c.n_apart for c, u in zip(columns, used, strict=True)])
        self._apart = np.arange(self._width) >= first_apart[:, None]
        self._weights = np.array([*(c.weight for c in columns), *(mean.weight for mean in means)])
        self._rows_per_effective = np.array([_rows_per_effective(c) for c in columns])
        self.n_ordered = tuple(
            u - c.n_apart if c.ordered else 0 for c, u in zip(columns, used, strict=True)
        )
        self._detector = EDetector(
            self._reference,
            n_ordered=self.n_ordered,
            n_bins=used,
            weights=self._weights[: len(columns)],
            beside=self._weights[len(columns) :],
            clustering=[c.clustering for c in columns],
            reference_windows=[c.n_windows for c in columns],
            budget=self._settings.budget,
        )

    @property
    def columns(self) -> tuple[Watched, ...]:
        """What is watched."""
        return self._columns

    def start(self) -> WatchState:
        """No window yet. Also how to begin again for a new version, or after a repaired source."""
        return WatchState(
            detector=self._detector.start(),
            recent=np.zeros_like(self._reference),
            stirred=np.zeros(len(self._columns), dtype=np.bool_),
            moments={},
            means=self._means.start(),
        )

    def step(
        self,
        state: WatchState,
        window: Mapping[str, ArrayLike],
        *,
        at: datetime,
        means: Mapping[str, Moments] | None = None,
        psi: Mapping[str, Divergence] | None = None,
    ) -> tuple[WatchState, DriftDecision]:
        """Take in one window and decide.

        Args:
            state: as `start` or the last `step` returned it.
            window: rows of each column in the bins of its reference. A column that is not there
                has no rows; it is named in the decision and keeps its evidence.
            at: when the window began, aware UTC.
            means: sums of its vectors, in the units of their references, by name.
            psi: of the columns of this window, in the bins in which people are shown it, by name.
                It is the effect where the evidence is of this window alone, so that nobody is shown
                two figures.

        Raises: BadWatch, naming the column; BadDetectorState for the state of another alarm.
        """
        counts = self.coarse(window)
        vectors = self._means.step(
            state.means,
            means or {},
            number=state.detector.n_windows,
            most=self._detector.log_most_beside.tolist(),
        )
        beside = self._means.log_evidence(vectors)
        detector, evidence = self._detector.step(state.detector, counts, beside=beside)
        if detector.n_windows == state.detector.n_windows:
            return state, self._decision(state, evidence, window, counts, {})
        if not evidence.alarm:
            vectors = self._means.learning(vectors, means or {})
        seen = counts.sum(axis=1) > 0
        goes_on = state.stirred | ~seen
        kept = np.where(goes_on[:, None], state.recent + counts, counts)
        numbers = {int(i) for i in np.unique(detector.since)}
        numbers |= self._means.beginnings(vectors)
        known = {**state.moments, detector.n_windows - 1: at}
        after = WatchState(
            detector=detector,
            recent=kept,
            stirred=evidence.log_column >= STIRRED,
            moments={i: moment for i, moment in known.items() if i in numbers},
            means=vectors,
        )
        return after, self._decision(after, evidence, window, counts, psi or {})

    def coarse(self, window: Mapping[str, ArrayLike]) -> Floats:
        """The window in the bins in which evidence is gathered, shape (c, k).

        Raises: BadWatch.
        """
        fine = [self._counts(i, window) for i in range(len(self._columns))]
        n_places = len(fine) * self._width
        joined = np.bincount(self._places, weights=np.concatenate(fine), minlength=n_places)
        return joined.reshape(len(fine), self._width).astype(np.float64, copy=False)

    def _counts(self, i: int, window: Mapping[str, ArrayLike]) -> Floats:
        column, n_bins = self._columns[i], len(self._groups[i])
        if column.name not in window:
            return np.zeros(n_bins)
        counts = np.asarray(window[column.name], dtype=np.float64)
        if counts.shape != (n_bins,):
            raise bad_watch(column.name, f"has counts of shape {counts.shape}, not {n_bins} bins")
        # The sum is infinite or no number when one of them is.
        if not (counts.min(initial=0.0) >= 0 and math.isfinite(counts.sum())):
            raise bad_watch(column.name, "has a count that is negative or no number")
        return counts

    def _decision(
        self,
        state: WatchState,
        evidence: Evidence,
        window: Mapping[str, ArrayLike],
        counts: Floats,
        psi: Mapping[str, Divergence],
    ) -> DriftDecision:
        movements = self._movements(state, evidence, self._shown(psi, state, counts))
        decision = DriftDecision(
            outcome=DriftOutcome.QUIET,
            log_evidence=evidence.log_total,
            budget=self._settings.budget,
            effect_floor=self._settings.effect_floor,
            since=None,
            movements=movements,
            absent=tuple(
                c.name
                for c, n in zip(self._columns, counts.sum(axis=1).tolist(), strict=True)
                if not n
            ),
            unknown=tuple(sorted(set(window) - {c.name for c in self._columns})),
        )
        if not counts.any():
            return replace(decision, outcome=DriftOutcome.NO_DATA)
        if not evidence.alarm:
            return decision
        decision = replace(decision, outcome=DriftOutcome.SMALL)
        matters = any((m.effect or 0.0) >= self._settings.effect_floor for m in decision.moved)
        return replace(
            decision,
            outcome=DriftOutcome.DRIFT if matters else DriftOutcome.SMALL,
            since=min((m.since for m in decision.moved if m.since is not None), default=None),
        )

    def _shown(
        self, psi: Mapping[str, Divergence], state: WatchState, counts: Floats
    ) -> dict[int, float]:
        """The effects, by column, that the window's own PSI says as well.

        That one leaves out missing and unseen values: where their share moved by as much as
        matters, it says something else.
        """
        inside, apart = self._split(self._reference), self._split(state.recent)
        split = psi_of_columns(inside, apart, self._rows_per_effective)
        return {
            i: psi[column.name].corrected
            for i, column in enumerate(self._columns)
            if column.name in psi
            and (state.recent[i] == counts[i]).all()
            and split[i] < self._settings.effect_floor
        }

    def _split(self, counts: Floats) -> Floats:
        """Rows in the bins of values, and in those apart from them, shape (c, 2)."""
        apart = (counts * self._apart).sum(axis=1)
        return np.stack([counts.sum(axis=1) - apart, apart], axis=1)

    def _movements(
        self, state: WatchState, evidence: Evidence, shown: Mapping[int, float]
    ) -> tuple[Movement, ...]:
        rows = state.recent.sum(axis=1)
        effects = psi_of_columns(self._reference, state.recent, self._rows_per_effective)
        others = self._means.log_evidence(state.means)
        ranked = rank(
            np.append(evidence.log_column, others),
            log_alpha=-self._detector.log_threshold,
            weights=self._weights,
        )
        found = []
        for place in ranked:
            i = place.index
            if i >= len(self._columns):
                mean = i - len(self._columns)
                found.append(self._means.movement(mean, state.means, place, state.moments))
                continue
            found.append(
                Movement(
                    column=self._columns[i].name,
                    log_evidence=place.log_evidence,
                    found=place.found,
                    moved=self._moved(i, state.recent[i])
                    if place.log_evidence >= STIRRED
                    else None,
                    since=state.moments.get(int(evidence.since[i])),
                    effect=shown.get(i, float(effects[i])) if rows[i] else None,
                    n=int(rows[i]),
                    n_bins=None if i in shown else self._n_bins[i],
                )
            )
        return tuple(found)

    def _moved(self, i: int, recent: Floats) -> str:
        score, sign = what_moved(self._detector.scores[i], self._reference[i] + 0.5, recent)
        return score + _SIGNS[sign]


def with_clustering(
    columns: Sequence[Watched], windows: Sequence[Mapping[str, ArrayLike]]
) -> tuple[Watched, ...]:
    """The columns with the clustering of their rows, as windows show it in which nothing drifted.

    Args:
        columns: as for `DriftAlarm`.
        windows: at least 2, such as the days of the reference; cut as the windows to come will be.

    Raises: BadWatch; BadStatistic with fewer windows.
    """
    alarm = DriftAlarm(columns)
    counts = np.array([alarm.coarse(window) for window in windows])
    found = estimate_clustering(counts, n_ordered=alarm.n_ordered)
    rows = np.maximum(counts.sum(axis=2).mean(axis=0), 1.0)
    return tuple(
        replace(c, clustering=float(x), n_windows=max(1.0, float(c.reference.sum() / n)))
        for c, x, n in zip(columns, found, rows, strict=True)
    )


def _rows_per_effective(column: Watched) -> float:
    """How many rows of a window of the reference's size tell as much as one independent row."""
    a_window = float(column.reference.sum()) / column.n_windows
    return a_window / max(float(effective_rows(a_window, column.clustering)), 1e-300)


def _groups(column: Watched) -> NDArray[np.intp]:
    """Which of the column's bins are joined; fewer are left when the reference is small."""
    counts = np.asarray(column.reference, dtype=np.float64)
    inner = counts[: len(counts) - column.n_apart]
    most = max(2, min(MOST_BINS, int(inner.sum()) // _ROWS_A_BIN))
    if not len(inner):
        return np.arange(column.n_apart)
    joined = neighbours if column.ordered else partial(largest, least=_ROWS_A_BIN)
    groups = joined(inner, most)
    return np.concatenate([groups, groups.max() + 1 + np.arange(column.n_apart)])


def _check_names(columns: Sequence[Watched | WatchedMean]) -> None:
    names = [c.name for c in columns]
    for name in names:
        if names.count(name) > 1:
            raise bad_watch(name, "is watched twice")

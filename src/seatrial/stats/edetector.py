"""Has any column drifted? Evidence gathered window by window, with a budget of false alarms.

Each column of each window is a histogram on the bins of its reference. A **component** is one idea
of how a column may have drifted (a higher level, a wider spread, another mix), put as a law for the
window's counts. Its e-value is the likelihood of that law against "as in the reference". What a
window adds to the evidence of a component is the recursion of Shiryaev and Roberts::

    M_t = (M_{t-1} + 1) e_t,        M_0 = 0

which is the evidence of a change at any of the windows so far. Columns and components are averaged
with weights fixed beforehand; the alarm sounds when the average reaches B.

**The promise.** If nothing changes, the chance of an alarm within the first t windows is at most
t / B, for every t, and E[windows until the alarm] >= B. For let E[e_t | past] <= 1. Then M_t - t is
a supermartingale, and so is the average less t, however columns depend on each other within a
window. Stopped at the alarm T: B P(T <= t) <= E[M_min(T,t)] <= E[min(T, t)] <= t, and B <= E[T]
(Shin, Ramdas, Rinaldo 2024, "E-detectors", NEJSDS 2:229; averages of e-values: Vovk and Wang 2021,
Ann. Statist. 49:1736).

**The reference is finite**, and its own error is the same in every window: a detector that takes
its shares for the truth gathers that error until it alarms. Slack against it costs power for
ever. Here the null is what is *known*: given the reference the true shares p follow
Dirichlet(alpha), alpha = reference counts and a prior (one row in all on bins of numbers, half a
row on each name); given the windows so far as well, Dirichlet(alpha + their counts), for as long as
nothing has alarmed. So each quiet window makes the reference larger. Under this law every e-value
has a mean <= 1 given the past, exactly (ideas, e-values and proof are in `stats/changes.py`).

**What "on average" means.** The mean runs over what the reference leaves open about p. For numbers
without ties, in bins between the reference's own order statistics, the Dirichlet law is no belief:
it is the sampling law of these shares (Wilks 1962, Mathematical Statistics, section 8.7), so the
promise holds over reference and windows together. For names and ties it is the posterior under a
nearly flat prior, and for several columns at once that of the Bayesian bootstrap (Rubin 1981, Ann.
Statist. 9:130). Given one unlucky reference it may fall short by a factor of about exp(z^2 / 2) in
a component whose reference is off by z standard errors, no more: the windows correct it.

**What it asks of the rows**: that windows are independent draws. Rows that come in clusters (hour,
session, user) are weaker evidence than they seem; `stats/clustering.py` estimates by how much, and
``clustering`` takes it out of the counts. Drift within what the reference showed is not an alarm.

**After the alarm** nothing is learned, and the alarm holds until the evidence is under a third of
what raised it. The evidence of a column is cut at exp(5) times what it needs to raise the alarm
alone, all its components by the same factor, lest a drift that is repaired alarm for as long as
it lasted; less of M breaks no promise.

**The margin.** The alarm asks for 3 times the budget, which leaves a factor of 3 for what is not
exact: names and ties, unlucky references, rows not quite independent.

Time counts in windows. One with fewer than 100 rows counts as its part of a window and an empty one
not at all, so that idle columns do not use up the budget by waiting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seatrial.stats.changes import (
    CHANGES,
    COMPONENTS,
    N_TILTS,
    log_free,
    log_tilts,
    log_weights,
)
from seatrial.stats.clustering import effective_rows
from seatrial.stats.counts import BadStatistic
from seatrial.stats.detector_state import LEAST_LOG, DetectorState, bad_state
from seatrial.stats.scores import scores_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BUDGET = 10_000.0
"""Windows per false alarm, over all columns together."""

MARGIN = 3.0
"""The alarm asks for so many times the budget."""

_FULL_WINDOW = 100
_HELD = math.log(3)
_MOST_OVER = 5.0
_FEW = 5


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Evidence:
    """What the windows so far say.

    Args:
        log_total: natural log of the evidence over all columns.
        alarm: whether it has reached the budget and its margin, and not fallen under a third of
            that since.
        log_column: shape (c,), the evidence of each column, before its weight.
        since: shape (c,), window at which its change began, counted from 0.
    """

    log_total: float
    alarm: bool
    log_column: Floats
    since: Ints


class EDetector:
    """The fixed part: reference, components, weights, budget. Immutable.

    Args:
        reference: shape (c, k), counts >= 0 of the reference rows. About 32 bins a column are best
            (`stats/coarse.py` joins more).
        n_ordered: shape (c,), so many leading bins hold numbers in order; the others hold names,
            missing or unseen values. 0 for a column of names.
        n_bins: shape (c,), bins in use, the others being padding; all when None. A bin in use may
            be empty in the reference: what falls into it later is evidence.
        weights: shape (c,), > 0, how much each column matters; equal when None. Choose them before
            the data.
        clustering: intraclass correlation of rows within a window, in [0, 1), one or by column.
        reference_windows: how many windows the reference rows come from, >= 1, one or by column:
            with clustering, one long window of them would tell little.
        budget: >= 1, windows per false alarm.
        beside: shape (g,), > 0, weights of evidence that somebody else gathers and `step` is given.

    Raises: BadStatistic.

    Example:
        >>> detector = EDetector(np.full((1, 4), 1000), n_ordered=[4])
        >>> state, evidence = detector.step(detector.start(), [[25, 25, 25, 25]])
        >>> evidence.alarm
        False
        >>> state, evidence = detector.step(state, [[100, 100, 200, 600]])
        >>> evidence.alarm, int(evidence.since[0])
        (True, 1)
    """

    def __init__(
        self,
        reference: ArrayLike,
        *,
        n_ordered: ArrayLike,
        n_bins: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        clustering: ArrayLike = 0.0,
        reference_windows: ArrayLike = 1.0,
        budget: float = BUDGET,
        beside: ArrayLike = (),
    ) -> None:
        counts = _checked_counts(reference, None)
        self._shape = counts.shape
        n_columns, width = counts.shape
        ordered = _checked_bins("n_ordered", n_ordered, counts.shape)
        used = np.full(n_columns, width) if n_bins is None else np.asarray(n_bins)
        used = np.maximum(_checked_bins("n_bins", used, counts.shape), ordered)
        if not (np.isfinite(budget) and budget >= 1):
            raise BadStatistic(
                f"budget is {budget!r}, not a number of windows.",
                remedy="Give the windows per false alarm, such as 10000.",
                field="budget",
            )
        self._log_threshold = math.log(budget) + math.log(MARGIN)
        self._clustering = _checked_clustering(clustering, n_columns)
        place = np.arange(width)
        self._used = place < used[:, None]
        if (counts[~self._used] > 0).any():
            raise BadStatistic(
                "The reference has rows in a bin that is not in use.",
                remedy="Count the bins with n_bins, empty ones at the end left out.",
                field="n_bins",
            )
        a_window = counts.sum(axis=1) / _checked_windows(reference_windows, n_columns)
        scale = effective_rows(a_window, self._clustering) / np.maximum(a_window, 1e-300)
        self._prior = np.where(self._used, counts * scale[:, None] + _prior(counts, ordered), 0)
        shares = self._prior / np.maximum(self._prior.sum(axis=1, keepdims=True), 1e-300)
        self._scores = np.stack(
            [scores_of(s, int(o)) for s, o in zip(shares, ordered, strict=True)]
        )
        self._degrees = np.maximum(used - 1.0, 1.0)
        self._log_weights = log_weights(self._scores, used)
        others = np.asarray(beside, dtype=np.float64)
        own = np.ones(n_columns) if weights is None else np.asarray(weights, dtype=np.float64)
        log_weights_of_all = _column_weights(np.append(own, others), n_columns + len(others))
        self._log_column_weights = log_weights_of_all[:n_columns]
        self._log_beside_weights = log_weights_of_all[n_columns:]
        self._log_most = self._log_threshold - self._log_column_weights + _MOST_OVER

    @property
    def scores(self) -> Floats:
        """Shape (c, s, k), the scores of each column's bins, for `scores.what_moved`."""
        return self._scores

    @property
    def log_threshold(self) -> float:
        """What ``log_total`` must reach: log of the budget and the margin."""
        return self._log_threshold

    @property
    def log_most_beside(self) -> Floats:
        """Shape (g,), where evidence that somebody else gathers is to be cut."""
        most: Floats = self._log_threshold - self._log_beside_weights + _MOST_OVER
        return most

    def start(self) -> DetectorState:
        """No window yet, no evidence."""
        n_columns, width = self._shape
        evidence = np.full((n_columns, len(COMPONENTS)), LEAST_LOG)
        return DetectorState(
            n_windows=0,
            alarmed=False,
            log_evidence=evidence,
            log_run=np.full_like(evidence, -1.0),
            since=np.zeros(evidence.shape, dtype=np.int64),
            learned=np.zeros((n_columns, width)),
            recent=np.zeros((n_columns, len(CHANGES), width)),
        )

    def step(
        self, state: DetectorState, counts: ArrayLike, *, beside: ArrayLike = ()
    ) -> tuple[DetectorState, Evidence]:
        """Take in one window.

        Args:
            state: as `start` or the last `step` returned it.
            counts: shape (c, k), rows of the window in each bin; a column without any is left as
                it was. Parts of a window are added before, not stepped one by one.

            beside: shape (g,), natural logs of evidence that somebody else gathered, this window
                included; `mean_detector` says what becomes of the promise.

        Returns: the new state, and what all windows so far say.
        Raises: BadStatistic; BadDetectorState when the state is that of another detector.
        """
        window = _checked_counts(counts, self._shape)
        self._check_state(state)
        if (window[~self._used] > 0).any():
            raise BadStatistic(
                "The window has rows in a bin that is not in use.",
                remedy="Count the window in the bins of the reference.",
                field="counts",
            )
        n_rows = window.sum(axis=1)
        if not n_rows.any():
            since, held = state.since, state.alarmed
            return state, self._evidence(state.log_evidence, since, beside, held=held)
        rows = effective_rows(n_rows, self._clustering)
        window = window * (rows / np.maximum(n_rows, 1))[:, None]
        log_e = self._log_e(state, window)
        return self._moved(state, window, rows, log_e, beside)

    def _moved(
        self,
        state: DetectorState,
        window: Floats,
        rows: Floats,
        log_e: Floats,
        beside: ArrayLike,
    ) -> tuple[DetectorState, Evidence]:
        seen = (rows > 0)[:, None]
        log_new_start = np.log(np.clip(rows / _FULL_WINDOW, 1e-300, 1.0))[:, None]
        sums = np.logaddexp(state.log_evidence, log_new_start) + log_e
        over = np.maximum(_log_sum(sums + self._log_weights) - self._log_most, 0.0)[:, None]
        sums = np.maximum(sums - over, LEAST_LOG)
        log_evidence = np.where(seen, sums, state.log_evidence)
        fresh = seen & (state.log_run <= 0)
        since = np.where(fresh, state.n_windows, state.since)
        runs = np.maximum(np.maximum(state.log_run, 0.0) + log_e - over, LEAST_LOG)
        log_run = np.where(seen, runs, state.log_run)
        keep = (log_run[:, N_TILTS:] > 0)[:, :, None]
        evidence = self._evidence(log_evidence, since, beside, held=state.alarmed)
        after = DetectorState(
            n_windows=state.n_windows + 1,
            alarmed=evidence.alarm,
            log_evidence=log_evidence,
            log_run=log_run,
            since=since,
            learned=state.learned if evidence.alarm else state.learned + window,
            recent=np.where(keep, state.recent + window[:, None, :], 0.0),
        )
        return after, evidence

    def _evidence(
        self, log_evidence: Floats, since: Ints, beside: ArrayLike, *, held: bool
    ) -> Evidence:
        weighted = log_evidence + self._log_weights
        leading = weighted.argmax(axis=1)
        log_column = np.maximum(_log_sum(weighted), LEAST_LOG)
        others = np.asarray(beside, dtype=np.float64)
        if others.shape != self._log_beside_weights.shape or not np.isfinite(others).all():
            raise BadStatistic(
                f"{len(self._log_beside_weights)} other parts of the evidence are {others!r:.80}.",
                remedy="Give a finite logarithm for each weight of beside.",
                field="beside",
            )
        weighted_all = np.append(
            log_column + self._log_column_weights, others + self._log_beside_weights
        )
        log_total = float(_log_sum(weighted_all))
        return Evidence(
            log_total=log_total,
            alarm=log_total >= self._log_threshold - (_HELD if held else 0.0),
            log_column=log_column,
            since=np.take_along_axis(since, leading[:, None], axis=1)[:, 0],
        )

    def _log_e(self, state: DetectorState, window: Floats) -> Floats:
        alpha = self._prior + state.learned
        total = alpha.sum(axis=1)
        tilts = log_tilts(self._scores, window, alpha / total[:, None], total)
        free = log_free(window, alpha, state.recent, self._degrees)
        return np.concatenate([tilts, free], axis=1)

    def _check_state(self, state: DetectorState) -> None:
        expected = (self._shape[0], len(COMPONENTS))
        if state.log_evidence.shape != expected or state.learned.shape != self._shape:
            raise bad_state(
                f"it is of {state.log_evidence.shape} columns and components and "
                f"{state.learned.shape} bins, not {expected} and {self._shape}"
            )


def _prior(counts: Floats, ordered: Ints) -> Floats:
    """Rows added to each bin of the reference.

    n rows have n + 1 gaps, so bins between order statistics share one row. Names and bins with few
    rows get Jeffreys' half: with less, names that a reference of 100 rows happened not to show
    alarmed 25 % of runs, and none with the half.
    """
    few = counts < _FEW
    sparse = few | (np.arange(counts.shape[1]) >= ordered[:, None])
    return np.where(sparse, 0.5, 1.0 / np.maximum(ordered, 1)[:, None])


def _column_weights(weights: ArrayLike | None, n_columns: int) -> Floats:
    given = np.ones(n_columns) if weights is None else np.asarray(weights, dtype=np.float64)
    if given.shape != (n_columns,) or not np.all(np.isfinite(given) & (given > 0)):
        raise BadStatistic(
            f"The weights of {n_columns} columns are {given!r:.80}.",
            remedy="Give each column a weight above 0.",
            field="weights",
        )
    logs: Floats = np.log(given / given.sum())
    return logs


def _log_sum(logs: Floats) -> Floats:
    """Log of the sum of exp over the last axis."""
    top = logs.max(axis=-1, keepdims=True)
    total: Floats = top[..., 0] + np.log(np.exp(logs - top).sum(axis=-1))
    return total


def _checked_counts(counts: ArrayLike, shape: tuple[int, int] | None) -> Floats:
    found = np.asarray(counts, dtype=np.float64)
    if found.ndim != 2 or not found.size or (shape is not None and found.shape != shape):
        raise BadStatistic(
            f"Counts of shape {found.shape} are not {shape or 'one row of bins for each column'}.",
            remedy="Give one row of counts for each column, in the bins of its reference.",
            field="counts",
        )
    if not np.all(np.isfinite(found) & (found >= 0)):
        raise BadStatistic(
            "A count is negative or no number.",
            remedy="Give the number of rows in each bin.",
            field="counts",
        )
    return found


def _checked_bins(name: str, bins: ArrayLike, shape: tuple[int, int]) -> Ints:
    found, least = np.asarray(bins, dtype=np.int64), int(name == "n_bins")
    if found.shape != shape[:1] or (found < least).any() or (found > shape[1]).any():
        raise BadStatistic(
            f"{name} is {found.tolist()!r:.80} for {shape[0]} columns of {shape[1]} bins.",
            remedy=f"Give one {name} for each column, from {least} to {shape[1]}.",
            field=name,
        )
    return found


def _checked_clustering(clustering: ArrayLike, n_columns: int) -> Floats:
    found = np.broadcast_to(np.asarray(clustering, dtype=np.float64), (n_columns,))
    if not np.all((found >= 0) & (found < 1)):
        raise BadStatistic(
            f"clustering is {found.tolist()!r:.80}, outside [0, 1).",
            remedy="Give the correlation of two rows of a window, 0 for independent rows.",
            field="clustering",
        )
    return found


def _checked_windows(n_windows: ArrayLike, n_columns: int) -> Floats:
    found = np.broadcast_to(np.asarray(n_windows, dtype=np.float64), (n_columns,))
    if not np.all(np.isfinite(found) & (found >= 1)):
        raise BadStatistic(
            f"reference_windows is {found.tolist()!r:.80}, less than 1 window.",
            remedy="Give the number of windows the reference rows come from.",
            field="reference_windows",
        )
    return found

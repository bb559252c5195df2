"""How well a variant does now: estimated before labels come, measured when they do.

Predictions come in steps, some hundred rows each; a few steps make a window. Each step has an
expectation from the scores alone; labels, whenever they come, correct it (`stats/fusion.py`), and
are summed up per window for what the performance really was. `performance/verdict.py`
says what the numbers mean.

The state is a value: `observe` and `learn` give the next one. The same rows and labels give the
same state, whatever their order and batches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.monitoring.performance.labels import Joined
from seatrial.monitoring.performance.reference import PerformanceReference
from seatrial.monitoring.performance.scored import Scored
from seatrial.stats.calibration import ConfidenceCounts
from seatrial.stats.fusion import Fusion, Residuals, Step, expected_over, extend, revise
from seatrial.stats.performance import ClassSums, ErrorSums

MAX_WINDOWS = 256
"""Windows whose real performance is kept."""

STEP_ROWS = 150
"""Rows of a step when they are counted: an abrupt drop shows within as many."""

MOST_STEPS_PER_WINDOW = 20
"""So that what the estimate remembers is 25 windows, however many rows they have: labels may be as
late as that."""

UNIT_SHARE = 0.01
"""A point: the change of accuracy, or of the MAE relative to the reference, that is one."""


class BadSteps(Invalid):
    """Steps or windows that cannot be."""

    code = "monitoring.bad_steps"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WindowSums:
    """What is known of one window.

    Args:
        n: predictions.
        labelled: those with a label, summed up.
        residuals: outcome minus expectation over those that also have a usable score.
    """

    n: int
    labelled: ClassSums | ErrorSums
    residuals: Residuals


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PerformanceState:
    """All that is kept of a variant's performance.

    Args:
        steps_per_window: >= 1.
        fusion: the estimate.
        recent: of a classifier, rows by predicted class and confidence, by step: the newest
            ``steps_per_window`` of ``fusion``, which are what an estimate speaks of.
        windows: by index, ascending, the newest MAX_WINDOWS.
        n_unusable: predictions whose scores were no probabilities; they are in no estimate.
        n_late: rows and labels of steps that are gone or were passed over; they are in no estimate.
    """

    steps_per_window: int
    fusion: Fusion
    windows: dict[int, WindowSums]
    recent: dict[int, ConfidenceCounts] = field(default_factory=dict)
    n_unusable: int = 0
    n_late: int = 0


def start(reference: PerformanceReference, *, steps_per_window: int) -> PerformanceState:
    """The state before the first prediction.

    Args: steps_per_window >= 1; how many steps of a window: `steps_per_window` of its rows.
    Raises: BadSteps.
    """
    if steps_per_window < 1:
        raise BadSteps(
            f"A window of {steps_per_window} steps is impossible.",
            remedy="Give a window at least one step.",
            field="steps_per_window",
        )
    variance = (reference.main.standard_error or 0.0) ** 2
    fusion = Fusion.start(unit=UNIT_SHARE * reference.scale, variance=variance)
    return PerformanceState(steps_per_window=steps_per_window, fusion=fusion, windows={})


def steps_of_window(window_rows: int) -> int:
    """How many steps a window of so many rows is cut into.   Args: >= 1."""
    return min(MOST_STEPS_PER_WINDOW, max(1, round(window_rows / STEP_ROWS)))


def steps_by_count(
    n_before: int, n: int, *, window_rows: int, steps_per_window: int
) -> NDArray[np.int64]:
    """The step of each of ``n`` rows that follow ``n_before`` others, shape (n,)."""
    row = np.arange(n_before, n_before + n, dtype=np.int64)
    return row * steps_per_window // window_rows


def observe(
    state: PerformanceState, reference: PerformanceReference, rows: Scored
) -> PerformanceState:
    """The state after further predictions; their labels are not looked at.

    Rows without a prediction are left out by whoever makes ``rows``. A step may grow as long as it
    is kept; rows of a step that was passed over without any are counted as late.
    """
    fusion, windows, recent = state.fusion, dict(state.windows), dict(state.recent)
    known = {step.index: step for step in fusion.steps}
    newest = fusion.steps[-1].index if fusion.steps else None
    changed: dict[int, Step] = {}
    n_late = 0
    for index, places in _by_step(rows.step):
        some_score = rows.score[places]
        _count(windows, index // state.steps_per_window, len(places), reference)
        counts = reference.counts(rows.predicted[places], some_score)
        expected = reference.expectation(some_score, counts)
        if expected is None:
            continue
        if counts is not None:
            recent[index] = recent[index] + counts if index in recent else counts
        step = Step(index=index, windows=1 / state.steps_per_window, expected=expected)
        if index in known:
            both = expected_over([known[index], step])
            assert both is not None
            changed[index] = replace(known[index], expected=both)
        elif newest is None or index > newest:
            # Steps without rows pass too, and the bias may have moved meanwhile.
            since = 1 if newest is None else index - newest
            fusion = extend(fusion, replace(step, windows=since / state.steps_per_window))
            newest = index
        else:
            n_late += len(places)
    newest_steps = {step.index for step in fusion.steps[-state.steps_per_window :]}
    _, variance = reference.expected(rows.predicted, rows.score)
    n_unusable = int(np.isnan(variance).sum()) if reference.estimates else 0
    return replace(
        state,
        fusion=revise(fusion, changed),
        windows=_newest(windows),
        recent={index: recent[index] for index in sorted(newest_steps & recent.keys())},
        n_unusable=state.n_unusable + n_unusable,
        n_late=state.n_late + n_late,
    )


def learn(
    state: PerformanceState, reference: PerformanceReference, joined: Joined
) -> PerformanceState:
    """The state after labels: first ones, and others in place of what was said before."""
    rows, before = joined.rows, joined.before
    expected, variance = reference.expected(rows.predicted, rows.score)
    usable = ~np.isnan(expected)
    again = ~np.isnan(before)
    gain = reference.outcome(rows.predicted, rows.label) - expected
    loss = np.where(again, reference.outcome(rows.predicted, before) - expected, 0.0)
    windows = dict(state.windows)
    steps = {step.index: step for step in state.fusion.steps}
    changed: dict[int, Step] = {}
    n_late = 0
    for index, places in _by_step(rows.step):
        use = places[usable[places]]
        news = _residuals(use, gain, loss, variance, again)
        window = windows.get(index // state.steps_per_window)
        if window is not None:
            some = replace(joined, rows=rows.some(places), before=before[places])
            windows[index // state.steps_per_window] = _labelled(window, reference, some, news)
        if index in steps:
            audited = use[rows.audited[use]]
            changed[index] = replace(
                steps[index],
                labelled=steps[index].labelled + news,
                audited=steps[index].audited + _residuals(audited, gain, loss, variance, again),
            )
        else:
            n_late += len(use)
    return replace(
        state,
        fusion=revise(state.fusion, changed),
        windows=windows,
        n_late=state.n_late + n_late,
    )


def audit(
    state: PerformanceState, reference: PerformanceReference, rows: Scored
) -> PerformanceState:
    """The state after predictions were chosen for labelling by chance alone: what labels said of
    them before counts as audited from now on; what they say later, `learn` counts so.

    Args: rows as they were kept, not audited before.
    """
    expected, variance = reference.expected(rows.predicted, rows.score)
    gain = reference.outcome(rows.predicted, rows.label) - expected
    known = np.isfinite(expected) & np.isfinite(rows.label)
    first = np.zeros(len(rows), np.bool_)
    steps = {step.index: step for step in state.fusion.steps}
    changed: dict[int, Step] = {}
    for index, places in _by_step(rows.step):
        some = places[known[places]]
        if index in steps and len(some):
            news = _residuals(some, gain, np.zeros(len(rows)), variance, first)
            changed[index] = replace(steps[index], audited=steps[index].audited + news)
    return replace(state, fusion=revise(state.fusion, changed))


def _by_step(step: NDArray[np.int64]) -> Iterable[tuple[int, NDArray[np.intp]]]:
    """Each step with the places of its rows, ascending."""
    order = np.argsort(step, kind="stable")
    indices, starts = np.unique(step[order], return_index=True)
    return zip(indices.tolist(), np.split(order, starts[1:]), strict=False)


def _count(
    windows: dict[int, WindowSums], index: int, n: int, reference: PerformanceReference
) -> None:
    before = windows.get(index) or WindowSums(
        n=0, labelled=reference.no_sums(), residuals=Residuals()
    )
    windows[index] = replace(before, n=before.n + n)


def _newest(windows: dict[int, WindowSums]) -> dict[int, WindowSums]:
    return {index: windows[index] for index in sorted(windows)[-MAX_WINDOWS:]}


def _residuals(
    rows: NDArray[np.intp],
    gain: NDArray[np.float64],
    loss: NDArray[np.float64],
    variance: NDArray[np.float64],
    again: NDArray[np.bool_],
) -> Residuals:
    """What labels of some rows add to the residuals, less what they replace."""
    first = rows[~again[rows]]
    return Residuals(
        n=len(first),
        total=float(gain[rows].sum() - loss[rows].sum()),
        variance=float(variance[first].sum()),
    )


def _labelled(
    window: WindowSums, reference: PerformanceReference, joined: Joined, news: Residuals
) -> WindowSums:
    rows, before = joined.rows, joined.before
    sums = window.labelled + reference.sums(rows.predicted, rows.score, rows.label)  # type: ignore[operator]
    again = np.flatnonzero(~np.isnan(before))
    if len(again):
        old = rows.some(again)
        sums -= reference.sums(old.predicted, old.score, before[again])  # type: ignore[operator]
    return replace(window, labelled=sums, residuals=window.residuals + news)

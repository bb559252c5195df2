"""Predictions step by step: the state after each, and what was said of each window in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np

from seatrial.monitoring.performance.judge import estimated
from seatrial.monitoring.performance.labels import Joined
from seatrial.monitoring.performance.reference import PerformanceReference
from seatrial.monitoring.performance.scored import Scored
from seatrial.monitoring.performance.state import (
    MAX_WINDOWS,
    PerformanceState,
    learn,
    observe,
)
from seatrial.monitoring.performance.verdict import Estimated, Level, PerformanceRules

SCHEMA = 1

_TROUBLE = frozenset({Level.WARNING.value, Level.CRITICAL.value})


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a window when its newest complete step came; never changed afterwards.

    Args:
        window: its index.
        start_us, end_us: of its predictions, microseconds since 1970.
        n: predictions the estimate spoke of.
    """

    window: int
    start_us: int
    end_us: int
    n: int
    value: float | None
    lower: float | None
    upper: float | None
    label_free: float | None
    level: str
    trust: str


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a version has come.

    Args:
        window_rows: of a window, as when it began.
        n_seen: predictions taken in.
        watermark_us: predictions before it wait no more.
        n_labelled: predictions that got a label.
        n_corrected: labels that replaced another.
        told: index of the newest window whose real performance triggers were told.
        points: by window, ascending, the newest MAX_WINDOWS.
    """

    window_rows: int
    n_seen: int = 0
    watermark_us: int | None = None
    n_labelled: int = 0
    n_corrected: int = 0
    told: int = -1
    points: tuple[Point, ...] = ()
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """What scores said when a step became complete.

    Args:
        step: its index.
        estimate: of the newest window.
        since: begin of the first of the newest windows that are all in trouble; None when the
            newest is not.
        end: of the newest prediction so far.
    """

    step: int
    estimate: Estimated
    since: datetime | None
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """What came of predictions.

    Args:
        state, progress: afterwards.
        steps: those that became complete.
    """

    state: PerformanceState
    progress: Progress
    steps: tuple[Stepped, ...]


def advance(
    state: PerformanceState,
    progress: Progress,
    reference: PerformanceReference,
    rules: PerformanceRules,
    rows: Scored,
) -> Advanced:
    """Take in predictions step by step, and the labels that some of them came with."""
    steps: list[Stepped] = []
    for index in np.unique(rows.step).tolist():
        some = rows.some(np.flatnonzero(rows.step == index))
        labelled = some.some(np.flatnonzero(np.isfinite(some.label)))
        state = observe(state, reference, some)
        if len(labelled):
            state = learn(state, reference, first_labels(labelled))
        n_seen = progress.n_seen + len(some)
        said = estimated(state, reference, rules)
        progress = msgspec.structs.replace(
            progress,
            n_seen=n_seen,
            n_labelled=progress.n_labelled + len(labelled),
            points=_pointed(progress, state, some, said),
        )
        # A step that is still filling says nothing: its few rows would be looked at too often.
        if n_seen * state.steps_per_window // progress.window_rows > index:
            steps.append(
                Stepped(
                    step=index,
                    estimate=said,
                    since=since_trouble(progress.points),
                    end=moment(progress.points[-1].end_us),
                )
            )
    return Advanced(state=state, progress=progress, steps=tuple(steps))


def first_labels(rows: Scored) -> Joined:
    """Labels that came with their predictions.   Args: rows that all have one."""
    return Joined(
        rows=rows,
        before=np.full(len(rows), np.nan),
        n_repeated=0,
        n_corrected=0,
        n_unusable=0,
        n_unknown=0,
        unknown=(),
    )


def since_trouble(points: Sequence[Point]) -> datetime | None:
    """Begin of the first of the newest windows that are all in trouble."""
    start_us = None
    for point in reversed(points):
        if point.level not in _TROUBLE:
            break
        start_us = point.start_us
    return None if start_us is None else moment(start_us)


def moment(us: int) -> datetime:
    """Microseconds since 1970 as a time."""
    return datetime.fromtimestamp(us / 1e6, UTC)


def micros(at: datetime) -> int:
    """A time as microseconds since 1970."""
    return round(at.timestamp() * 1e6)


def _pointed(
    progress: Progress, state: PerformanceState, rows: Scored, found: Estimated
) -> tuple[Point, ...]:
    window = int(rows.step[0]) // state.steps_per_window
    start_us, end_us = int(rows.at_us.min()), int(rows.at_us.max())
    earlier = progress.points
    if earlier and earlier[-1].window == window:
        start_us = min(start_us, earlier[-1].start_us)
        end_us = max(end_us, earlier[-1].end_us)
        earlier = earlier[:-1]
    point = Point(
        window=window,
        start_us=start_us,
        end_us=end_us,
        n=found.n,
        value=found.value,
        lower=found.interval.lower if found.interval else None,
        upper=found.interval.upper if found.interval else None,
        label_free=found.label_free,
        level=found.level.value,
        trust=found.trust.trust.value,
    )
    return (*earlier, point)[-MAX_WINDOWS:]

"""The facts of a run, and the record that follows from them. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from seatrial.kernel.events import Draft, Fact
from seatrial.training.runs.run import Ending, Environment, Point, Run, Value

PREFIX = "training/"
"""Begins the streams of runs."""

STARTED = "training.started"
RESTARTED = "training.restarted"
DESCRIBED = "training.described"
REPORTED = "training.reported"
ENDED = "training.ended"
SENT = "training.sent"
KINDS = (STARTED, RESTARTED, DESCRIBED, REPORTED, ENDED, SENT)


def stream_of(run_id: str) -> str:
    """The stream of a run."""
    return f"{PREFIX}{run_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What is known of a run once its program has been looked at.

    Args: as in `Run`.
    """

    parameters: dict[str, Value] = field(default_factory=dict)
    environment: Environment = field(default_factory=Environment)


def started(run: Run) -> Draft:
    """A run begins."""
    return Draft(kind=STARTED, data=_plain(run), by=run.by)


def restarted(run: Run, *, resumes: bool = False) -> Draft:
    """It was killed midway, and begins anew: what was reported before counts no more.

    Args: resumes: it goes on where it was instead, as a search does.
    """
    attempt = run.attempt if resumes else run.attempt + 1
    return Draft(kind=RESTARTED, data={"attempt": attempt}, by=run.by)


def described(description: Description) -> Draft:
    """Hyperparameters with their defaults, and the environment."""
    return Draft(kind=DESCRIBED, data=_plain(description))


def reported(points: Sequence[Point], *, n_left_out: int = 0) -> Draft:
    """Some points, the oldest first, and how many are not kept."""
    rows = [[p.metric, p.step, _kept(p.value), round(p.at_s, 3)] for p in points]
    return Draft(kind=REPORTED, data={"points": rows, "n_left_out": n_left_out})


def ended(ending: Ending) -> Draft:
    """It is over. What is not finite is among the points, and not here."""
    finite = {name: value for name, value in ending.metrics.items() if math.isfinite(value)}
    return Draft(kind=ENDED, data=_plain(replace(ending, metrics=finite)))


def sent(tracker: str, problem: str) -> Draft:
    """A tracker has all of it, or what kept it from taking it."""
    return Draft(kind=SENT, data={"tracker": tracker, "problem": problem})


def fold(run: Run | None, facts: Iterable[Fact]) -> Run | None:
    """The run after these facts; those that cannot be read change nothing.

    Args: run: as it was before them; None at the beginning of its stream.
    """
    for fact in facts:
        with suppress(msgspec.ValidationError, KeyError, TypeError, ValueError):
            run = _after(run, fact)
    return run


def _after(run: Run | None, fact: Fact) -> Run | None:
    data = dict(fact.data)
    if fact.kind == STARTED:
        return msgspec.convert(data, Run)
    change = _CHANGES.get(fact.kind)
    return run if run is None or change is None else change(run, fact, data)


def _restarted(run: Run, _: Fact, data: dict[str, Any]) -> Run:
    latest = run.latest if data["attempt"] == run.attempt else {}
    return replace(run, attempt=data["attempt"], latest=latest, ending=None, sent={})


def _described(run: Run, _: Fact, data: dict[str, Any]) -> Run:
    said = msgspec.convert(data, Description)
    return replace(run, parameters=said.parameters, environment=said.environment)


def _reported(run: Run, fact: Fact, _: dict[str, Any]) -> Run:
    return replace(run, latest={**run.latest, **latest(points_of(fact))})


def _ended(run: Run, _: Fact, data: dict[str, Any]) -> Run:
    ending = msgspec.convert(data, Ending)
    return replace(run, ending=ending, latest={**run.latest, **ending.metrics})


def _sent(run: Run, _: Fact, data: dict[str, Any]) -> Run:
    return replace(run, sent={**run.sent, data["tracker"]: data["problem"]})


_CHANGES: Mapping[str, Callable[[Run, Fact, dict[str, Any]], Run]] = {
    RESTARTED: _restarted,
    DESCRIBED: _described,
    REPORTED: _reported,
    ENDED: _ended,
    SENT: _sent,
}


def latest(points: Iterable[Point]) -> dict[str, float]:
    """The last value of each metric."""
    return {point.metric: point.value for point in points}


def of_attempt(facts: Iterable[Fact]) -> list[Fact]:
    """The facts of the newest attempt that tell of points, the oldest first."""
    attempt = 1
    found: list[Fact] = []
    for fact in facts:
        if fact.kind == RESTARTED and fact.data.get("attempt") != attempt:
            attempt = int(str(fact.data.get("attempt", 0)))
            found = []
        elif fact.kind == REPORTED:
            found.append(fact)
    return found


def points_of(fact: Fact) -> Iterator[Point]:
    """The points in one fact."""
    rows = fact.data.get("points")
    for row in rows if isinstance(rows, list) else []:
        metric, step, value, at_s = row
        yield Point(metric=str(metric), step=step, value=float(value), at_s=float(at_s))


def _kept(value: float) -> float | str:
    """JSON has no word for these: they are kept as text."""
    return value if math.isfinite(value) else str(value)


def _plain(value: object) -> dict[str, object]:
    found: dict[str, object] = msgspec.to_builtins(value)
    return found

"""What a training says of itself: lines of JSON in a file, read as they come. Pure.

A line is ``{"metric": "loss", "value": 0.3, "step": 7}`` or, for several,
``{"metrics": {"loss": 0.3, "auc": 0.9}, "step": 7}``; ``of`` is how many steps there will be. The
step may be left out. NaN and infinity are written as Python's ``json`` does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from seatrial.training.runs.run import Point

MAX_LINE = 1 << 16
"""Bytes of a line."""

MAX_METRICS = 200
"""Different names in one run."""

_NAME = re.compile(r"[\w][\w ./:-]{0,199}\Z", re.ASCII)
_LARGEST = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one line says.

    Args:
        points: of its metrics.
        of: steps there will be, or None.
        problem: what is wrong with the line; "" when nothing is.
    """

    points: tuple[Point, ...] = ()
    of: int | None = None
    problem: str = ""


@dataclass(slots=True)
class Reports:
    """Reads a growing text; keeps what is no whole line yet.

    Args: names: of the metrics met so far.
    """

    names: set[str] = field(default_factory=set)
    _rest: bytes = b""

    def read(self, more: bytes, *, at_s: float) -> Iterator[Said]:
        """What the lines say that these bytes complete.

        Args: at_s: seconds since the run began.
        """
        *lines, self._rest = (self._rest + more).split(b"\n")
        if len(self._rest) > MAX_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            if line.strip():
                yield self._known(read_line(line, at_s=at_s))

    def _known(self, said: Said) -> Said:
        self.names.update(point.metric for point in said.points)
        if len(self.names) > MAX_METRICS:
            kept = set(sorted(self.names)[:MAX_METRICS])
            self.names = kept
            problem = f"there are more than {MAX_METRICS} metrics; others are left out"
            points = tuple(point for point in said.points if point.metric in kept)
            return Said(points=points, of=said.of, problem=problem)
        return said


def read_line(line: bytes, *, at_s: float) -> Said:
    """What one line says; whatever stands in it, nothing is raised."""
    try:
        return _read(line, at_s)
    except _Wrong as wrong:
        return Said(problem=f"{wrong}: {line[:80].decode('utf-8', 'replace')}")


class _Wrong(Exception):
    """What is wrong with a line."""


def _read(line: bytes, at_s: float) -> Said:
    if len(line) > MAX_LINE:
        raise _Wrong(f"a line of more than {MAX_LINE:,} bytes")
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as bad:
        raise _Wrong("no JSON") from bad
    if not isinstance(said, Mapping):
        raise _Wrong("no JSON object")
    several = said.get("metrics", {said["metric"]: said.get("value")} if "metric" in said else None)
    step, of = said.get("step"), said.get("of")
    if not isinstance(several, Mapping) or not several:
        raise _Wrong('neither "metric" nor "metrics"')
    if not _is_count(step) or not _is_count(of):
        raise _Wrong("a step that is no whole number >= 0")
    points = tuple(
        Point(metric=_name(name), value=_number(value), at_s=at_s, step=step)
        for name, value in several.items()
    )
    return Said(points=points, of=of)


def _name(name: object) -> str:
    if not _NAME.match(str(name)):
        raise _Wrong("the name of a metric is letters, digits, blanks and _./:- alone")
    return str(name)


def _is_count(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Wrong("a metric that is no number")
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")

"""What the suite of counters has had counted, as counters that our own server exposes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping

from seatrial.release.counted import Counted
from seatrial.testing.counters_suite import LIVES, Life

Labels = Mapping[str, str]


def counters(now: float) -> Iterator[tuple[str, Labels, dict[float, float]]]:
    """Each counter by name and labels, with its readings by time."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], dict[float, float]] = defaultdict(dict)
    for life in LIVES:
        for ago_s, counted in life.readings():
            for name, own, value in _of(counted):
                labels = _labels(life) | own
                found[name, tuple(labels.items())][now - ago_s] = value
    for (name, items), readings in found.items():
        yield name, dict(items), readings


def openmetrics(now: float) -> str:
    """The same as text that `promtool tsdb create-blocks-from openmetrics` reads."""
    lines = []
    for name, labels, readings in sorted(counters(now), key=lambda one: one[0]):
        said = ",".join(f'{key}="{value}"' for key, value in labels.items())
        lines += [f"{name}{{{said}}} {value} {at:.3f}" for at, value in readings.items()]
    return "\n".join([*lines, "# EOF", ""])


def _labels(life: Life) -> dict[str, str]:
    return {"model": life.endpoint, "version": life.variant, "instance": life.replica}


def _of(counted: Counted) -> Iterator[tuple[str, dict[str, str], float]]:
    ok = counted.requests - counted.errors
    for outcome, n in (("ok", ok), ("error", counted.errors), ("rejected", counted.refused or 0)):
        yield "seatrial_requests_total", {"outcome": outcome}, n
    for edge, n in (counted.at_most_s or {}).items():
        label = "+Inf" if math.isinf(edge) else f"{edge:g}"
        yield "seatrial_latency_seconds_bucket", {"le": label}, n

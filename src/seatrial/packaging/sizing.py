"""What to ask a cluster for, from what staging measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seatrial.kernel.errors import Invalid

_MEBIBYTE = 1 << 20
_UNMEASURED_CPU_M = 500
_UNMEASURED_MEMORY_MIB = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """What requests took that were sent one at a time, so that none waited for another.

    Args:
        n: how many, >= 0.
        deviation_s: standard deviation in seconds, >= 0.
        quantiles: pairs of a share above 0.95 and the seconds that so many of them took at most.
    """

    n: int
    deviation_s: float
    quantiles: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        figures = (self.n, self.deviation_s, *(s for _, s in self.quantiles))
        known = self.quantiles and all(0.95 < q < 1 for q, _ in self.quantiles)
        if not known or not all(math.isfinite(f) and f >= 0 for f in figures):
            raise _impossible("alone", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What staging saw of one server process under sustained load.

    Args:
        rss_bytes: highest resident memory, children included, > 0.
        cpu_per_request_s: CPU seconds per request, children included, > 0.
        requests_per_s: the rate it answered meanwhile, > 0.
        p95_s: 95th percentile of latency in seconds, > 0.
        start_s: from process start to ready, >= 0.
        alone: what a request takes that waits for no other; None where that was not measured.
    """

    rss_bytes: int
    cpu_per_request_s: float
    requests_per_s: float
    p95_s: float
    start_s: float
    alone: Alone | None = None

    def __post_init__(self) -> None:
        for name in ("rss_bytes", "cpu_per_request_s", "requests_per_s", "p95_s", "start_s"):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0 or (value == 0 and name != "start_s"):
                raise _impossible(name, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one replica asks for.

    Args:
        cpu_m: CPU request in thousandths of a core. There is no CPU limit: a throttled replica
            misses its p95 while cores stand idle.
        memory_mib: memory request and limit in MiB; equal, so that a replica is never killed for
            what its neighbours use.
        start_s: how long a start may take before it counts as failed.
        latency_s: how slow the golden prediction of a health check may be.
        why: the rule with its numbers, for the reader of the file.
    """

    cpu_m: int
    memory_mib: int
    start_s: int
    latency_s: float
    why: str


def size(measured: Measured | None) -> Resources:
    """The resources of a replica with head-room.

    Memory: half again as much as the highest use, rounded up to 32 MiB. CPU: what the measured rate
    took, at least a tenth of a core, rounded up to 50 m. Start: ten times as long, at least 30 s.
    Health check: twenty times the p95, at least 1 s. Without a measurement: round numbers that
    suit a small model, said to be a guess.
    """
    if measured is None:
        return Resources(
            cpu_m=_UNMEASURED_CPU_M,
            memory_mib=_UNMEASURED_MEMORY_MIB,
            start_s=120,
            latency_s=2.0,
            why="a guess: nothing was measured in staging",
        )
    cores = measured.cpu_per_request_s * measured.requests_per_s
    return Resources(
        cpu_m=max(100, _up(cores * 1000, 50)),
        memory_mib=_up(1.5 * measured.rss_bytes / _MEBIBYTE, 32),
        start_s=max(30, math.ceil(10 * measured.start_s)),
        latency_s=max(1.0, math.ceil(200 * measured.p95_s) / 10),
        why=(
            f"staging used {measured.rss_bytes / _MEBIBYTE:.0f} MiB and {cores:.2f} cores for "
            f"{measured.requests_per_s:.0f} requests a second; memory is that plus a half"
        ),
    )


def _impossible(name: str, value: object) -> Invalid:
    return Invalid(
        f"{name} is {value!r}, which staging cannot have measured.",
        remedy="Run staging again and pass on what it measured.",
        field=name,
    )


def _up(value: float, step: int) -> int:
    return math.ceil(value / step) * step

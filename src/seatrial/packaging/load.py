"""Sustained load on a server: closed loop, fixed concurrency, every answer counted."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from seatrial.packaging.http import AnswerLate, Connection, NoAnswer
from seatrial.release.measurement import Summary

TAIL = (96, 97, 98, 99)
"""Percentiles above the 95th that staging keeps of requests that were alone."""


@dataclass(slots=True)
class LoadResult:
    """What a load found.

    Args:
        seconds: how long it ran.
        latencies_s: of every request, failed ones included.
        failures: number of answers or broken connections by kind, such as ``500`` or ``no_answer``.
    """

    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Requests sent."""
        return len(self.latencies_s)

    @property
    def n_failed(self) -> int:
        """Requests without a 2xx answer."""
        return sum(self.failures.values())

    @property
    def rate(self) -> float:
        """Requests answered per second."""
        return self.n / self.seconds if self.seconds > 0 else 0.0

    def percentiles_ms(self) -> dict[str, float]:
        """p50, p95 and p99 in milliseconds; empty without a request."""
        if not self.latencies_s:
            return {}
        values = np.percentile(np.asarray(self.latencies_s) * 1e3, [50, 95, 99])
        return dict(zip(("p50", "p95", "p99"), (float(v) for v in values), strict=True))

    def spread_ms(self) -> dict[str, float]:
        """How many there were, their standard deviation and p96 to p99 in milliseconds.

        Of few requests a percentile is the next longer one that was seen. Empty without a request.
        """
        if not self.latencies_s:
            return {}
        values = np.asarray(self.latencies_s) * 1e3
        tail = np.percentile(values, TAIL, method="higher")
        return {
            "n": float(self.n),
            "sd_ms": float(values.std()),
            **{f"p{p}_ms": float(v) for p, v in zip(TAIL, tail, strict=True)},
        }

    def __add__(self, other: LoadResult) -> LoadResult:
        """One load after the other."""
        kinds = Counter(self.failures) + Counter(other.failures)
        return LoadResult(
            seconds=self.seconds + other.seconds,
            latencies_s=self.latencies_s + other.latencies_s,
            failures=dict(kinds),
        )

    def summary(self) -> Summary:
        """The load in the form that gates judge."""
        return Summary.of(self.latencies_s, errors=self.failures)


async def run_load(
    host: str,
    port: int,
    requests: Sequence[bytes],
    *,
    concurrency: int,
    seconds: float,
    timeout_s: float = 10.0,
) -> LoadResult:
    """Send ``requests`` round and round over ``concurrency`` connections for ``seconds``.

    Args:
        requests: whole requests, at least one.
        concurrency: connections, each with one request in flight, >= 1.
        seconds: how long, > 0; requests in flight at the end are waited for.
    """
    result = LoadResult()
    end = time.perf_counter() + seconds
    begun = time.perf_counter()

    async def client(first: int) -> None:
        async with Connection(host, port, timeout_s=timeout_s) as connection:
            at = first
            while time.perf_counter() < end:
                await _one(connection, requests[at % len(requests)], result)
                at += 1

    await asyncio.gather(*(client(i) for i in range(concurrency)))
    result.seconds = time.perf_counter() - begun
    return result


async def _one(connection: Connection, request: bytes, result: LoadResult) -> None:
    begun = time.perf_counter()
    kind = ""
    try:
        answer = await connection.send(request)
        if not 200 <= answer.status < 300:
            kind = str(answer.status)
    except NoAnswer:
        kind = "no_answer"
    except AnswerLate:
        kind = "timeout"
    result.latencies_s.append(time.perf_counter() - begun)
    if kind:
        result.failures[kind] = result.failures.get(kind, 0) + 1

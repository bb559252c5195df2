"""How long will the verdict take? Asked before a rollout starts, and while it waits.

The numbers are those of a canary that behaves exactly at its mean; in simulation half of all
canaries are done by about then.
"""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.release.gate import Gates
from seatrial.release.judge import requests_to_pass
from seatrial.release.measurement import Summary
from seatrial.stats.counts import BadStatistic


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What it takes until every gate passes.

    Args:
        n_requests: further answers of the canary; None when it would never pass.
        gate: the gate that takes longest, or one that would never pass.
        duration_s: seconds until then at the traffic given; None when never.
    """

    n_requests: int | None
    gate: str
    duration_s: float | None


def time_to_verdict(
    gates: Gates,
    *,
    rate_per_s: float,
    share: float,
    error_rate: float = 0.0,
    slow_share: float = 0.0,
    canary: Summary | None = None,
    stable: Summary | None = None,
) -> Forecast:
    """Forecast when a canary passes.

    Args:
        gates: at least one that counts.
        rate_per_s: requests a second to the endpoint, all versions together, >= 0.
        share: the canary's share of them, in [0, 1].
        error_rate: share of the canary's answers in error from now on, in [0, 1); 0 for a perfect one.
        slow_share: share of them over a latency gate's limit, in [0, 1).
        canary: what it did so far; None before it starts.
        stable: what the version in production did lately; None leaves gates against it out.

    Returns: the forecast.   Raises: BadStatistic: no gate counts, or a number out of range.
    """
    _check_traffic(rate_per_s)
    needed = requests_to_pass(
        gates, canary or Summary.empty(), stable, error_rate=error_rate, slow_share=slow_share
    )
    if not needed:
        raise BadStatistic(
            "No gate counts, so no verdict will come.",
            remedy="Switch a gate on, or take it out of dry_run.",
        )
    gate, n_requests = max(needed.items(), key=lambda item: _or_never(item[1]))
    arriving = rate_per_s * share
    duration_s = n_requests / arriving if n_requests is not None and arriving > 0 else None
    return Forecast(n_requests=n_requests, gate=gate, duration_s=duration_s)


def share_within(n_requests: int, *, rate_per_s: float, within_s: float) -> float | None:
    """The canary's share that brings so many requests in time.

    Args: n_requests >= 0; rate_per_s >= 0, all versions together; within_s > 0.
    Returns: a share in [0, 1]; None when all the traffic would not do.
    Raises: BadStatistic.
    """
    _check_traffic(rate_per_s)
    if n_requests > rate_per_s * within_s:
        return None
    return n_requests / (rate_per_s * within_s) if n_requests else 0.0


def _or_never(n_requests: int | None) -> float:
    return float("inf") if n_requests is None else n_requests


def _check_traffic(rate_per_s: float) -> None:
    if not 0 <= rate_per_s < float("inf"):
        raise BadStatistic(
            f"rate_per_s is {rate_per_s!r}.",
            remedy="Give requests a second, 0 or more.",
            field="rate_per_s",
        )

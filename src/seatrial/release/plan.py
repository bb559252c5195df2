"""How long will the verdict take? Asked before a rollout starts, and while it waits.

The times are medians: half of all canaries like the one described are done by then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from seatrial.release.gate import Gates
from seatrial.release.gate_evidence import Claim
from seatrial.release.judge import claims
from seatrial.release.measurement import Summary
from seatrial.release.verdict import Quantity
from seatrial.stats.counts import BadStatistic
from seatrial.stats.forecast import requests_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What it takes until every gate passes.

    Args:
        n_requests: further answers of the canary; None when it would not pass in any sensible time.
        gate: the gate that takes longest.
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
    canary: Summary | None = None,
    stable: Summary | None = None,
) -> Forecast:
    """Forecast when a canary passes.

    Args:
        gates: at least one that counts.
        rate_per_s: requests a second to the endpoint, all versions together, >= 0.
        share: the canary's share of them, in [0, 1].
        error_rate: share of its answers in error from now on, in [0, 1); 0 for a perfect one. None
            is taken to be over a latency gate's limit or refused.
        canary: what it did so far; None before it starts.
        stable: what the version in production did lately; None leaves gates against it out.

    Returns: the forecast.   Raises: BadStatistic: no gate counts, or a number out of range.
    """
    _check_traffic(rate_per_s)
    asked = claims(gates, canary or Summary.empty(), stable)
    if not asked:
        raise BadStatistic(
            "No gate counts, so no verdict will come.",
            remedy="Switch a gate on, or take it out of dry_run.",
        )
    needed = ((_median(claim, error_rate), claim.gate) for claim in asked)
    n_requests, gate = max(needed, key=lambda item: math.inf if item[0] is None else item[0])
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


def _median(claim: Claim, error_rate: float) -> int | None:
    rate = error_rate if claim.quantity is Quantity.ERROR_RATE else 0.0
    return requests_until(claim.events, limit=claim.limit, alpha=claim.alpha, rate=rate)


def _check_traffic(rate_per_s: float) -> None:
    if not 0 <= rate_per_s < math.inf:
        raise BadStatistic(
            f"rate_per_s is {rate_per_s!r}.",
            remedy="Give requests a second, 0 or more.",
            field="rate_per_s",
        )

"""How long two versions take, asked in turns, so that what else the machine does falls on both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Ask: TypeAlias = Callable[[], Awaitable[object]]
"""Answers once; each call other rows."""

LEAST_CALLS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long calls of so many rows took, in seconds.

    Args:
        n_rows: of a call.
        n: calls.
        p50_s: median.
        p95_s: 95 % took no longer.
        p95_low_s: where the true p95 is not below, but for 2.5 %, if calls come alike.
    """

    n_rows: int
    n: int
    p50_s: float
    p95_s: float
    p95_low_s: float


def times_of(seconds: list[float], *, n_rows: int) -> Times:
    """Sum calls up.

    Source: David and Nagaraja 2003, Order Statistics, 7.1: the bound is the order statistic that a
    binomial with n and 0.95 leaves below, by its normal limit.
    """
    taken = np.sort(np.array(seconds))
    n = len(taken)
    rank = int(np.floor(0.95 * n - 1.96 * np.sqrt(n * 0.95 * 0.05)))
    return Times(
        n_rows=n_rows,
        n=n,
        p50_s=float(np.quantile(taken, 0.5)),
        p95_s=float(np.quantile(taken, 0.95)),
        p95_low_s=float(taken[min(max(rank - 1, 0), n - 1)]),
    )


async def time_in_turns(
    asks: Mapping[str, Ask], *, n_rows: int, budget_s: float, monotonic: Callable[[], float]
) -> dict[str, Times]:
    """Time versions in turns, one call each.

    Args:
        asks: by version.
        n_rows: of a call.
        budget_s: seconds in all, beyond a few calls each.
        monotonic: seconds that never go back.
    """
    taken: dict[str, list[float]] = {name: [] for name in asks}
    for ask in asks.values():
        await ask()  # the first call of all pays for what is loaded late
    begun = monotonic()
    turn = 0
    while turn < LEAST_CALLS or monotonic() - begun < budget_s:
        order = list(asks) if turn % 2 == 0 else list(asks)[::-1]
        for name in order:
            start = monotonic()
            await asks[name]()
            taken[name].append(monotonic() - start)
        turn += 1
    return {name: times_of(seconds, n_rows=n_rows) for name, seconds in taken.items()}

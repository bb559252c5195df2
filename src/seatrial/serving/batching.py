"""When to run what waits, and how much of it: the policy of micro-batching.

Pure: the queue's state, the time and what calls have cost so far go in, a decision comes out.
Waiting and running are in `queue`, joining and cutting rows in `merging`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, takewhile
from typing import TypeAlias

_FLAT_SHARE = 1.0
"""A call's cost is flat when the rows add less than this share of what a call costs anyway. Two
half batches cost 2 a + b n, one whole batch a + b n and the linger; so this errs towards waiting,
which saves up to a and costs at most `_LINGER_SHARE` of it, rather than towards noise in b."""

_LINGER_SHARE = 0.25
"""No more of a call's fixed cost is spent on waiting; the gain is at most that call."""

_LEAST_PATIENCE = 1 / 16
"""So that a closed loop that begins later is still noticed."""

_LONGEST = 3.0
"""Lingers after which a batch runs even while requests keep coming."""

_FORGET = 0.2
"""Weight of a new measurement in its bucket; 90 % of it is from the last ten calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """Bounds of one queue.

    Args:
        max_rows: rows run together, >= 1; one request with more rows still runs, alone.
        max_waiting_rows: rows that may wait, >= 1.
        max_waiting: requests that may wait, >= 1.
        linger_s: wait for more rows after a batch has ended, in seconds, >= 0; up to three times
            as long while they keep coming.
    """

    max_rows: int = 256
    max_waiting_rows: int = 16_384
    max_waiting: int = 1_024
    linger_s: float = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class CostModel:
    """Seconds of a call as ``fixed_s + per_row_s * n_rows``, fitted to the calls seen.

    One running mean is kept for each doubling of the number of rows, and the line is fitted to
    those means: so a closed loop that sends the same size for hours does not wash out what a
    single row costs, as forgetting least squares would.

    Args:
        means: bucket (bits of the number of rows) to mean rows and mean seconds.
    """

    means: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    fixed_s: float = field(init=False)
    per_row_s: float = field(init=False)

    def __post_init__(self) -> None:
        fixed_s, per_row_s = _line(list(self.means.values()))
        object.__setattr__(self, "fixed_s", fixed_s)
        object.__setattr__(self, "per_row_s", per_row_s)

    @classmethod
    def of(cls, fixed_s: float, per_row_s: float, max_rows: int) -> CostModel:
        """The model of costs measured beforehand; calls seen later correct it."""
        sizes = {1, max(1, max_rows)}
        return cls(means={n.bit_length(): (float(n), fixed_s + per_row_s * n) for n in sizes})

    def learn(self, n_rows: int, seconds: float) -> CostModel:
        """The model after one more call; ``n_rows`` >= 1, ``seconds`` >= 0."""
        bucket = n_rows.bit_length()
        rows, cost = self.means.get(bucket, (float(n_rows), seconds))
        mean = (rows + _FORGET * (n_rows - rows), cost + _FORGET * (seconds - cost))
        return CostModel(means={**self.means, bucket: mean})

    def seconds(self, n_rows: int) -> float:
        """The expected cost of a call with ``n_rows``."""
        return self.fixed_s + self.per_row_s * n_rows


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Intercept and slope of least squares, both >= 0; zeros without a point."""
    if not points:
        return 0.0, 0.0
    mean_n = math.fsum(n for n, _ in points) / len(points)
    mean_s = math.fsum(s for _, s in points) / len(points)
    spread = math.fsum((n - mean_n) ** 2 for n, _ in points)
    if spread == 0.0:
        return mean_s, 0.0
    slope = math.fsum((n - mean_n) * (s - mean_s) for n, s in points) / spread
    slope = min(max(slope, 0.0), mean_s / mean_n)
    return max(mean_s - slope * mean_n, 0.0), slope


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """What the policy needs to know of a queue.

    Args:
        busy: whether the engine runs a batch now.
        n_waiting: requests that wait.
        n_rows: rows they have together.
        ended_at: when the last batch ended, on the clock of ``now``; -inf before the first.
        arrived_at: when the newest of those that wait came.
        n_expected: requests in the last batch plus those that waited when it ended: how many a
            closed loop of clients would send.
        patience: share of the linger that proved worth waiting, in (0, 1].
    """

    busy: bool
    n_waiting: int
    n_rows: int
    ended_at: float = -math.inf
    arrived_at: float = -math.inf
    n_expected: int = 0
    patience: float = 1.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Decide again when something happens, and at ``until`` at the latest."""

    until: float = math.inf


@dataclass(frozen=True, slots=True)
class Run:
    """Run what fits now."""


Decision: TypeAlias = Wait | Run


def decide(state: QueueState, now: float, cost: CostModel, limits: BatchLimits) -> Decision:
    """Whether to run what waits now.

    The next batch is what arrived while the last one ran. When a batch has just ended, the clients
    it answered are about to send again; running at once would split them into two half batches for
    ever, so the queue lingers until they are back, if rows are nearly free; somewhat longer while
    they keep coming, for then it is the server that is busy taking them in. An engine that has been
    idle for longer starts on the first request.
    """
    if state.busy or not state.n_waiting:
        return Wait()
    if state.n_rows >= limits.max_rows or state.n_waiting >= state.n_expected:
        return Run()
    linger = state.patience * linger_s(cost, state.n_rows, limits)
    still_coming = min(state.arrived_at + linger / 2, state.ended_at + _LONGEST * linger)
    until = max(state.ended_at + linger, still_coming)
    return Wait(until) if now < until else Run()


def linger_s(cost: CostModel, n_rows: int, limits: BatchLimits) -> float:
    """How long waiting for more rows pays, in seconds; 0 when rows are not nearly free."""
    if cost.per_row_s * n_rows > _FLAT_SHARE * cost.fixed_s:
        return 0.0
    return min(limits.linger_s, _LINGER_SHARE * cost.fixed_s)


def patience_after(patience: float, *, n_came: int) -> float:
    """The patience after a linger during which ``n_came`` requests came.

    Traffic that is no closed loop does not come back at once: there a linger only delays, so each
    one that was for nothing halves the next.
    """
    return min(1.0, 2.0 * patience) if n_came else max(_LEAST_PATIENCE, patience / 2.0)


def n_fitting(rows: Iterable[int], max_rows: int) -> int:
    """How many of the first requests run together: within ``max_rows``, and at least one.

    Args:
        rows: rows of each waiting request in order of arrival, at least one request.
    """
    return max(1, sum(1 for _ in takewhile(lambda total: total <= max_rows, accumulate(rows))))


def drain_s(n_rows: int, cost: CostModel, limits: BatchLimits) -> float:
    """How long the engine needs for ``n_rows`` that wait, in full batches, in seconds."""
    full, rest = divmod(n_rows, limits.max_rows)
    return full * cost.seconds(limits.max_rows) + (cost.seconds(rest) if rest else 0.0)

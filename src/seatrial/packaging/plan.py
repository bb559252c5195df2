"""From measured costs to an engine plan. Pure; the measuring is in `measure`.

The engine in this process answers unless the one in a child wins clearly, since a child costs its
own memory. Between two measured sizes costs are taken as straight lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from seatrial.kernel.errors import Invalid
from seatrial.serving.engine import Choice, Cost, EngineKind, EnginePlan, Step

NATIVE_GAIN = 1.3
"""How many times faster the native engine must be: it holds a second copy of Python and model."""

WIDE_GAIN = 1.1
"""How many times faster the wide graph must be: it holds a second session."""

CHUNK_GAIN = 1.05
"""How many times faster chunks must be than one piece; less is noise."""

INLINE_ONE_ROW_S = 0.3e-3
"""One row above this runs in a thread: it would hold up what else the event loop has to do."""

INLINE_S = 2e-3
"""No batch above this runs on the event loop, whatever one row costs."""

MAX_PIECE_ROWS = 1024
"""An engine in this process runs more rows in pieces: what lies between operators grows with the
rows, and no request may decide how much memory a worker takes."""

MAX_BATCH_ROWS = 256
LINGER_S = 4e-3
LINGER_SHARE = 0.25
"""A batch waits at most this share of what a call costs whatever its rows."""


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to run batches, and its costs at the measured sizes."""

    engine: EngineKind
    chunk_rows: int | None
    seconds: Mapping[int, float]

    def at(self, n_rows: int) -> float:
        """Seconds for a number of rows; the last line goes on beyond the measured sizes."""
        sizes = sorted(self.seconds)
        if n_rows <= sizes[0] or len(sizes) == 1:
            return self.seconds[sizes[0]]
        low, high = next(
            ((a, b) for a, b in pairwise(sizes) if n_rows <= b), (sizes[-2], sizes[-1])
        )
        slope = (self.seconds[high] - self.seconds[low]) / (high - low)
        return max(self.seconds[low] + slope * (n_rows - low), 0.0)


def plan(costs: Sequence[Cost]) -> EnginePlan:
    """The plan for a model with these costs.

    Args:
        costs: each engine at the same sizes, one row among them.
    Raises:
        Invalid: no cost of one row.
    """
    if not any(c.n_rows == 1 for c in costs):
        raise Invalid(
            "An engine plan needs the cost of one row, and none was measured.",
            remedy="Measure each engine at one row first.",
        )
    ways = _ways(costs)
    sizes = sorted({c.n_rows for c in costs})
    chosen = [_best(ways, n) for n in sizes]
    starts = _in_pieces(_starts(sizes, chosen))
    chosen_s = [way.at(n) for n, way in zip(sizes, chosen, strict=True)]
    fixed_s, per_row_s = fit(sizes, chosen_s)
    inline = chosen[0].engine is not EngineKind.NATIVE and chosen_s[0] < INLINE_ONE_ROW_S
    one, many = chosen_s[0], fixed_s + 64 * per_row_s
    batching = not inline and many < 64 * one / 2
    return EnginePlan(
        steps=_steps(starts, inline=inline),
        costs=tuple(costs),
        fixed_s=fixed_s,
        per_row_s=per_row_s,
        batching=batching,
        max_batch_rows=_max_batch_rows(fixed_s, per_row_s) if batching else 1,
        linger_s=min(LINGER_S, LINGER_SHARE * fixed_s) if batching and many <= 2 * one else 0.0,
        reason=_reason(starts, inline=inline, batching=batching),
    )


def elsewhere(here: EnginePlan, engine: str) -> EnginePlan:
    """The plan of the same model where a server elsewhere answers for it.

    What was measured here stays: that server's batches are set by it.

    Args: engine: its name in the configuration.
    """
    choice = Choice(engine=EngineKind.REMOTE, chunk_rows=MAX_PIECE_ROWS, inline=False)
    return replace(
        here,
        steps=(Step(from_rows=1, choice=choice),),
        batching=False,
        max_batch_rows=_max_batch_rows(here.fixed_s, here.per_row_s),
        reason=f"{engine} answers, elsewhere; here it would be {here.reason}",
        remote=engine,
    )


def fit(sizes: Sequence[int], seconds: Sequence[float]) -> tuple[float, float]:
    """The line ``a + b n`` with the least relative errors, a and b >= 0.

    Args:
        sizes: rows, ascending.
        seconds: cost of each, > 0.
    """
    n, s = np.asarray(sizes, np.float64), np.asarray(seconds, np.float64)
    design = np.stack([1 / s, n / s], axis=1)
    a, b = np.linalg.lstsq(design, np.ones(len(s)), rcond=None)[0]
    if b < 0 or len(set(sizes)) == 1:
        return float(np.sum(1 / s) / np.sum(1 / s**2)), 0.0
    if a < 0:
        return 0.0, float(np.sum(n / s) / np.sum(n**2 / s**2))
    return float(a), float(b)


def _ways(costs: Sequence[Cost]) -> list[_Way]:
    seconds: dict[tuple[EngineKind, int | None], dict[int, float]] = {}
    for cost in costs:
        seconds.setdefault((cost.engine, cost.chunk_rows), {})[cost.n_rows] = cost.seconds
    whole = {engine: by_size for (engine, chunk), by_size in seconds.items() if chunk is None}
    return [  # a batch no larger than a chunk goes in one piece
        _Way(engine, chunk, {**whole.get(engine, {}), **by_size})
        for (engine, chunk), by_size in seconds.items()
    ]


def _best(ways: Sequence[_Way], n_rows: int) -> _Way:
    handicap = {EngineKind.ONNX: 1.0, EngineKind.WIDE: WIDE_GAIN, EngineKind.NATIVE: NATIVE_GAIN}

    def judged(way: _Way) -> float:
        chunks = CHUNK_GAIN if way.chunk_rows is not None else 1.0
        return way.seconds[n_rows] * handicap[way.engine] * chunks

    return min((w for w in ways if n_rows in w.seconds), key=judged)


def _starts(sizes: Sequence[int], chosen: Sequence[_Way]) -> list[tuple[int, _Way]]:
    """From how many rows on each way is taken: where its line crosses the one before."""
    starts = [(1, chosen[0])]
    for (low, high), (before, after) in zip(pairwise(sizes), pairwise(chosen), strict=True):
        if after is not before:
            candidates = range(max(low + 1, starts[-1][0] + 1), high + 1)
            crossing = next((n for n in candidates if after.at(n) < before.at(n)), high)
            starts.append((crossing, after))
    return starts


def _in_pieces(starts: Sequence[tuple[int, _Way]]) -> list[tuple[int, _Way]]:
    """The same, the last way cut into pieces above the largest."""
    start, last = starts[-1]
    if last.engine is EngineKind.NATIVE or last.chunk_rows is not None:
        return list(starts)
    piece = _Way(last.engine, MAX_PIECE_ROWS, last.seconds)
    return [*starts, (max(MAX_PIECE_ROWS, start) + 1, piece)]


def _steps(starts: Sequence[tuple[int, _Way]], *, inline: bool) -> tuple[Step, ...]:
    """Each way's step, cut where a batch becomes too long for the event loop."""
    steps: list[Step] = []
    for i, (start, way) in enumerate(starts):
        end = starts[i + 1][0] if i + 1 < len(starts) else None
        loop = inline and way.engine is not EngineKind.NATIVE
        limit = _rows_within(way, start, end) if loop else start
        if limit > start:
            steps.append(_step(start, way, inline=True))
        if end is None or limit < end:
            steps.append(_step(limit, way, inline=False))
    return tuple(steps)


def _rows_within(way: _Way, start: int, end: int | None) -> int:
    """The first number of rows from ``start`` on, at most ``end``, that takes too long."""
    low, high = start, end if end is not None else 1 << 20
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if way.at(middle) <= INLINE_S else (low, middle)
    return low


def _step(start: int, way: _Way, *, inline: bool) -> Step:
    choice = Choice(engine=way.engine, chunk_rows=way.chunk_rows, inline=inline)
    return Step(from_rows=start, choice=choice)


def _max_batch_rows(fixed_s: float, per_row_s: float) -> int:
    """Where nine tenths of the best rate is reached: a larger batch only makes its rows wait."""
    if per_row_s * MAX_BATCH_ROWS <= 9 * fixed_s:
        return MAX_BATCH_ROWS
    return max(2, round(9 * fixed_s / per_row_s))


def _reason(starts: Sequence[tuple[int, _Way]], *, inline: bool, batching: bool) -> str:
    parts = [
        f"{way.engine.value} from {start} row{'s' if start > 1 else ''}"
        f"{'' if way.chunk_rows is None else f' in chunks of {way.chunk_rows}'} "
        f"({way.at(start) * 1e6:.0f} us)"
        for start, way in starts
        if way.chunk_rows != MAX_PIECE_ROWS
    ]
    where = "on the event loop" if inline else "off the event loop"
    together = "batching requests pays" if batching else "batching requests does not pay"
    return f"{', '.join(parts)}; {where}; {together}."

"""Measure what each engine costs at several sizes. Thin shell; the decision is `plan`'s."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import isawaitable
from statistics import median
from typing import TypeAlias

import numpy as np

from seatrial.registry.signature import Batch, Prediction, n_rows, take
from seatrial.serving.engine import Cost, EngineKind

SIZES = (1, 8, 64, 256, 1024)
CHUNKS: Mapping[EngineKind, tuple[int, ...]] = {
    EngineKind.ONNX: (64, 256),
    EngineKind.WIDE: (256,),
    EngineKind.NATIVE: (),
}
"""Sizes to cut larger batches into: caches are small. A native engine pays per call."""

LONG_S = 0.25
"""When even the fastest engine needs longer for a batch, no larger ones are tried: deploying must
not take minutes, and nothing is decided by how slow a model is exactly."""

BATCHES_BYTES = 256 << 20
"""What the batches of one size may take together: of images no large batch is measured."""

MIN_CALLS = 3
MAX_TURNS = 10
HOPELESS = 3.0
"""A way that is at its best so many times slower than the fastest is timed no more."""

BATCHES = 16
"""Calls in a turn, each with other rows."""

Run: TypeAlias = "Callable[[Batch, int | None], Prediction | Awaitable[Prediction]]"
"""Predicts a batch, in chunks of so many rows when given; the whole way, trip to a child too."""

Way: TypeAlias = tuple[EngineKind, int | None]
"""An engine, and the size it cuts a batch into."""


async def measure(
    engines: Mapping[EngineKind, Run],
    rows: Batch,
    *,
    monotonic: Callable[[], float],
    cell_s: float = 0.02,
    seed: int = 0,
) -> tuple[Cost, ...]:
    """Median seconds of each engine at each size, one piece and in chunks.

    Engines take turns of some calls, so that what else the machine does falls on all of them and
    caches are warm as they are under load. Each call gets other rows, or branch predictors learn
    them by heart and small batches look better than they are. Whoever waits for the version waits
    for this, so what has lost is not asked to the end.

    Args:
        engines: by kind.
        rows: valid rows to draw batches from, at least one.
        monotonic: seconds that never go back.
        cell_s: time for one engine at one size, beyond three calls.
        seed: of the drawing.
    """
    rng = np.random.default_rng(seed)
    costs: list[Cost] = []
    row_bytes = _row_bytes(rows)
    for size in SIZES:
        if costs and min(c.seconds for c in costs if c.n_rows == costs[-1].n_rows) > LONG_S:
            break
        if costs and size * row_bytes > BATCHES_BYTES // BATCHES:
            break
        batches = [take(rows, rng.integers(n_rows(rows), size=size)) for _ in range(BATCHES)]
        ways: list[Way] = [(kind, chunk) for kind in engines for chunk in _chunks(kind, size)]
        times: dict[Way, list[float]] = {way: [] for way in ways}
        for way in ways:
            await _timed(engines[way[0]], batches[0], way[1], monotonic)
        for turn in range(MAX_TURNS):
            for kind, chunk in _hopeful(times):
                taken = times[kind, chunk]
                for _ in range(BATCHES):
                    if len(taken) < MIN_CALLS or sum(taken) < cell_s * (turn + 1) / MAX_TURNS:
                        batch = batches[len(taken) % BATCHES]
                        taken.append(await _timed(engines[kind], batch, chunk, monotonic))
        costs += [
            Cost(engine=kind, n_rows=size, chunk_rows=chunk, seconds=median(taken))
            for (kind, chunk), taken in times.items()
        ]
    return tuple(costs)


def _hopeful(times: Mapping[Way, Sequence[float]]) -> list[Way]:
    """The ways that may still turn out to be the fastest."""
    limit_s = HOPELESS * min((median(t) for t in times.values() if t), default=0.0)
    return [way for way, t in times.items() if len(t) < MIN_CALLS or min(t) <= limit_s]


def _row_bytes(rows: Batch) -> int:
    arrays = rows.values() if isinstance(rows, dict) else (rows,)
    return sum(array.nbytes for array in arrays) // n_rows(rows)


def _chunks(kind: EngineKind, size: int) -> list[int | None]:
    return [None, *(c for c in CHUNKS[kind] if c < size)]


async def answered(run: Run, batch: Batch, chunk_rows: int | None = None) -> Prediction:
    """What an engine answers."""
    answer = run(batch, chunk_rows)
    return await answer if isawaitable(answer) else answer


async def _timed(
    run: Run, batch: Batch, chunk_rows: int | None, monotonic: Callable[[], float]
) -> float:
    start = monotonic()
    await answered(run, batch, chunk_rows)
    return monotonic() - start

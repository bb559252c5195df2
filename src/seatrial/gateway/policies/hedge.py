"""A second request when the first one is late; the first answer wins.

Source: J. Dean and L. Barroso, The Tail at Scale, Communications of the ACM 56(2), 2013, "hedged
requests", sent once the first is slower than 95 of 100 are.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing
from math import ceil
from typing import TypeVar

import msgspec

from seatrial.gateway.chat.provider import Chunks
from seatrial.gateway.chat.response import Chunk

T = TypeVar("T")


class HedgeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """When a second request is sent.

    Args:
        after_s: how late the first token, or whole answer, must be, > 0; None for the quantile of
            those seen last from the same candidate.
        quantile: in (0, 1).
        min_seen: answers below which the quantile says nothing, and nothing is hedged; >= 1.
        least_s: lower bound of the quantile: fast providers are not asked twice for nothing.
    """

    after_s: float | None = None
    quantile: float = 0.95
    min_seen: int = 20
    least_s: float = 0.05


class Lateness:
    """How long answers took, of the last `n`.

    One that was cancelled because the other answered first counts with the time it had taken so
    far: left out, the quantile would sink with every hedge, and ever more would be hedged.
    """

    def __init__(self, n: int = 200) -> None:
        self._last: deque[float] = deque(maxlen=n)
        self._sorted: list[float] = []

    def add(self, seconds: float) -> None:
        """One took so long, or at least so long."""
        if len(self._last) == self._last.maxlen:
            del self._sorted[bisect_left(self._sorted, self._last[0])]
        self._last.append(seconds)
        insort(self._sorted, seconds)

    def hedge_after_s(self, options: HedgeOptions) -> float | None:
        """How long to wait before a second request; None for no second one."""
        if options.after_s is not None:
            return options.after_s
        n = len(self._sorted)
        if n < options.min_seen:
            return None
        return max(options.least_s, self._sorted[ceil(options.quantile * n) - 1])


async def hedged(
    first: Coroutine[object, object, T],
    second: Callable[[], Coroutine[object, object, T]],
    *,
    after_s: float,
    goes_on: Callable[[Exception], bool],
    discard: Callable[[T], Awaitable[object]],
) -> T:
    """The answer of the first, or of a second one that starts when the first is late.

    The first runs in the caller's task: one that is in time costs a timer and no more. The loser is
    cancelled, and has ended when this returns. A failure of the first before the second was started
    is raised at once. Afterwards the other is waited for, unless the failure forbids it.

    Args:
        after_s: how late, >= 0.
        goes_on: whether the other may still answer after this failure.
        discard: called with an answer that came too late to be used.

    Raises: what the last of them failed with.
    """
    loop = asyncio.get_running_loop()
    spare: asyncio.Task[T] | None = None

    def ended(task: asyncio.Task[T]) -> None:
        if task.cancelled() or first_done:
            return
        error = task.exception()
        if not isinstance(error, Exception) or not goes_on(error):
            limit.reschedule(loop.time())

    def start() -> None:
        nonlocal spare
        spare = loop.create_task(second())
        spare.add_done_callback(ended)

    timer = loop.call_later(after_s, start)
    first_done = False
    try:
        try:
            async with asyncio.timeout(None) as limit:
                try:
                    return await first
                finally:
                    first_done = True
        except TimeoutError:
            if not limit.expired() or spare is None:
                raise
        except Exception as failure:
            if spare is None or not goes_on(failure):
                raise
        answer = await spare
        spare = None
        return answer
    finally:
        timer.cancel()
        if spare is not None:
            await _abandon(spare, discard)


async def _abandon(task: asyncio.Task[T], discard: Callable[[T], Awaitable[object]]) -> None:
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and task.exception() is None:
        await discard(task.result())


async def pumped(pieces: Chunks) -> Chunks:
    """The same pieces, read by a task of their own, one ahead.

    So that whoever goes on reading need not be the task that began.
    """
    ready: asyncio.Queue[Chunk | Exception | None] = asyncio.Queue(1)

    async def pump() -> None:
        end: Exception | None = None
        async with aclosing(pieces):
            try:
                async for piece in pieces:
                    await ready.put(piece)
            except Exception as failure:  # noqa: BLE001 - raised again by who reads
                end = failure
        await ready.put(end)

    task = asyncio.create_task(pump())
    try:
        while isinstance(item := await ready.get(), Chunk):
            yield item
        if item is not None:
            raise item
    finally:
        task.cancel()
        await asyncio.wait([task])

"""Waiting for an answer, or for the pieces of a stream, no longer than told.

`asyncio.timeout` cannot span the pieces of a generator, and one for each piece costs more than most
pieces do; here one timer serves the whole stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TypeVar

from seatrial.gateway.chat.provider import Chunks
from seatrial.gateway.chat.response import Chunk

T = TypeVar("T")

_CLOSE_S = 0.0005  # loops round their timers, to a millisecond at most


async def in_time(work: Awaitable[T], within_s: float) -> T:
    """As `asyncio.timeout` does, at less than half of its cost.

    Args: within_s: > 0.
    Raises: OutOfPatience: it was not done by then, and was cancelled.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task(loop)
    assert task is not None
    alarm = _Alarm(task)
    timer = loop.call_later(within_s, alarm.ring)
    try:
        return await work
    except asyncio.CancelledError:
        if alarm.rang and task.uncancel() <= alarm.n_cancels:
            raise OutOfPatience from None
        raise
    finally:
        timer.cancel()


class _Alarm:
    __slots__ = ("n_cancels", "rang", "task")

    def __init__(self, task: asyncio.Task[object]) -> None:
        self.task, self.n_cancels, self.rang = task, task.cancelling(), False

    def ring(self) -> None:
        self.rang = True
        self.task.cancel()


class OutOfPatience(Exception):
    """The next piece did not come in time; the stream was cancelled."""


class Patience:
    """Waits for pieces of one stream, within ``with``.

    Args:
        now: monotonic, in s.
        due: by when the next piece must come; may be moved, either way, between two pieces.
    """

    __slots__ = (
        "_armed_for",
        "_expired",
        "_loop",
        "_n_cancels",
        "_now",
        "_pieces",
        "_task",
        "_timer",
        "due",
    )

    def __init__(self, pieces: Chunks, now: Callable[[], float], due: float) -> None:
        self.due = due
        self._pieces = pieces
        self._now = now
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = 0.0
        self._task: asyncio.Task[object] | None = None
        self._n_cancels = 0
        self._expired = False

    def __enter__(self) -> Patience:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def next(self) -> Chunk:
        """The next piece.   Raises: OutOfPatience, StopAsyncIteration at the end."""
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._n_cancels = task.cancelling()
        if self._timer is None or self.due < self._armed_for:
            self._arm()
        try:
            return await anext(self._pieces)
        except asyncio.CancelledError:
            if self._expired and task.uncancel() <= self._n_cancels:
                raise OutOfPatience from None
            raise
        finally:
            self._task = None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = self.due
        self._timer = self._loop.call_later(self.due - self._now(), self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._task is None:
            return
        if self.due - self._now() > _CLOSE_S:  # a piece came, and the next one is due later
            self._arm()
        else:
            self._expired = True
            self._task.cancel()

"""Waiting for an answer, or for the pieces of a stream, no longer than told.

`asyncio.timeout` cannot span the pieces of a generator, and one for each piece costs more than most
pieces do; here one timer serves the whole stream, and one all whole answers of a provider.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, TypeVar

from seatrial.gateway.chat.provider import Chunks
from seatrial.gateway.chat.response import Chunk

T = TypeVar("T")

_CLOSE_S = 0.0005  # loops round their timers, to a millisecond at most


class Deadlines:
    """Of many that wait: hardly any wait lasts until it is due, so one timer serves all of them."""

    __slots__ = ("_alarms", "_armed_for", "_loop", "_timer")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alarms: set[_Alarm] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = float("inf")

    async def in_time(self, work: Awaitable[T], within_s: float) -> T:
        """As `asyncio.timeout` does, at a fraction of its cost.

        Args: within_s: > 0.
        Raises: OutOfPatience: it was not done by then, and was cancelled.
        """
        loop = self._loop
        # To look for the loop that runs is a system call.
        task = None if loop is None else asyncio.current_task(loop)
        if loop is None or task is None:
            loop, task = self._begun()
        due = loop.time() + within_s
        alarm = _Alarm(task, due)
        self._alarms.add(alarm)
        if due < self._armed_for:
            self._arm(loop, due)
        try:
            return await work
        except asyncio.CancelledError:
            if alarm.rang and task.uncancel() <= alarm.n_cancels:
                raise OutOfPatience from None
            raise
        finally:
            self._alarms.discard(alarm)

    def _begun(self) -> tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]:
        """The loop that runs, which was not seen before, and its task."""
        loop = self._loop = asyncio.get_running_loop()
        self._alarms, self._timer, self._armed_for = set(), None, float("inf")
        task = asyncio.current_task(loop)
        assert task is not None
        return loop, task

    def _arm(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = due
        self._timer = loop.call_at(due, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer, self._armed_for = None, float("inf")
        soon = loop.time() + _CLOSE_S
        later = float("inf")
        for alarm in self._alarms:
            if alarm.due > soon:
                later = min(later, alarm.due)
            elif not alarm.rang:
                alarm.rang = True
                alarm.task.cancel()
        if later < float("inf"):
            self._arm(loop, later)


class _Alarm:
    __slots__ = ("due", "n_cancels", "rang", "task")

    def __init__(self, task: asyncio.Task[Any], due: float) -> None:
        self.task, self.n_cancels, self.due, self.rang = task, task.cancelling(), due, False


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

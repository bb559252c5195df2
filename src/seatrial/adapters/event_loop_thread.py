"""An event loop in a thread of its own, for sync ports over async clients."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from threading import Lock, Thread
from typing import TypeVar

from seatrial.kernel.errors import Unavailable

R = TypeVar("R")


class LoopClosed(Unavailable):
    """What asks servers for this part was closed."""

    code = "rag.closed"
    retryable = False


class EventLoopThread:
    """Begins with the first call. May be used from several threads; not from within its own."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._closed = False

    def run(self, work: Coroutine[object, object, R]) -> R:
        """What the work gives or raises; the calling thread waits.   Raises: LoopClosed."""
        try:
            loop = self._running()
        except LoopClosed:
            work.close()
            raise
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    def close(self) -> None:
        """End the thread; what is under way is cancelled."""
        with self._lock:
            self._closed = True
            loop, thread, self._loop = self._loop, self._thread, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise LoopClosed(
                    f"{self._name!r} was closed.", remedy="Open the index again.", name=self._name
                )
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = Thread(target=_run, args=(self._loop,), name=self._name, daemon=True)
                self._thread.start()
            return self._loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()

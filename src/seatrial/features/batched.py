"""Reading an online store off the event loop, all that waits in one go."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from typing import TypeAlias

from seatrial.features.completion import Found, Keys
from seatrial.features.failures import FeaturesLate, LookupsFull
from seatrial.features.online import EntityKey, OnlineStore, Stored
from seatrial.features.plan import Plan
from seatrial.features.view import View

_Asked: TypeAlias = "tuple[Keys, asyncio.Future[Found]]"

MAX_WAITING = 2_000
"""Requests that wait at once; a store that answers in a millisecond serves as many in a second."""


class BatchedReader:
    """Reads for the requests of one endpoint, in one thread; those that come while it reads are
    read together next.

    Everything but the reading happens on the event loop that asks.

    Args:
        store: read by this thread alone.
        plan: which views and features, and how long a request waits.
    """

    def __init__(self, store: OnlineStore, plan: Plan) -> None:
        self._store = store
        self._plan = plan
        self._asked: SimpleQueue[_Asked | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._n_waiting = 0

    def read(self, keys: Keys) -> asyncio.Future[Found]:
        """What the store has of these keys.

        The future raises FeaturesLate after the deadline, and what the store raises.
        Raises: LookupsFull.
        """
        if self._n_waiting >= MAX_WAITING:
            raise LookupsFull(
                f"{self._n_waiting} requests wait for the online store.",
                remedy="Send fewer at once, or find out what slows the online store.",
                retry_after_s=1.0,
            )
        loop = asyncio.get_running_loop()
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._serve, args=(loop,), name="features", daemon=True
            )
            self._thread.start()
        future: asyncio.Future[Found] = loop.create_future()
        self._n_waiting += 1
        timer = loop.call_later(self._plan.deadline_s, self._expire, future)
        future.add_done_callback(lambda _: timer.cancel())
        self._asked.put((keys, future))
        return future

    async def close(self) -> None:
        """End the thread and the store's connections."""
        self._asked.put(None)
        if self._thread is None:
            self._store.close()
        else:
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _expire(self, future: asyncio.Future[Found]) -> None:
        if not future.done():
            future.set_exception(
                FeaturesLate(
                    f"The online store did not answer within {self._plan.deadline_s * 1000:g} ms.",
                    remedy="Try again, raise deadline of these features, or give each a default.",
                )
            )

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """The thread: until it is told to end."""
        while True:
            first = self._asked.get()
            batch = [] if first is None else [first]
            ended = first is None
            while not ended:
                try:
                    more = self._asked.get_nowait()
                except Empty:
                    break
                ended = more is None
                if more is not None:
                    batch.append(more)
            live = [asked for asked in batch if not asked[1].done()]
            found: Found | Exception = {}
            if live:
                try:
                    found = self._read([keys for keys, _ in live])
                except Exception as problem:  # noqa: BLE001 - handed to who asked
                    found = problem
            if batch:
                try:
                    loop.call_soon_threadsafe(self._deliver, batch, found)
                except RuntimeError:  # the loop is closed: nobody waits
                    ended = True
            if ended:
                self._store.close()
                return

    def _read(self, asked: list[Keys]) -> Found:
        found: dict[View, Mapping[EntityKey, Stored | None]] = {}
        for view, features in self._plan.views.items():
            if len(asked) == 1 and len(asked[0][view]) == 1:
                unique = list(asked[0][view])
            else:
                unique = list(dict.fromkeys(key for keys in asked for key in keys[view]))
            stored = self._store.read(view, features, unique)
            found[view] = dict(zip(unique, stored, strict=True))
        return found

    def _deliver(self, batch: list[_Asked], found: Found | Exception) -> None:
        self._n_waiting -= len(batch)
        for _, future in batch:
            if future.done():
                continue
            if isinstance(found, Exception):
                future.set_exception(found)
            else:
                future.set_result(found)

"""Versions of one index that are open: the live one, followed, and those that were asked for."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Generic, TypeVar

V = TypeVar("V")

_LOOK_S = 0.5
_WAIT_S = 1.0
_OPEN = 4


class Versions(Generic[V]):
    """Opens versions when they are needed, once each, and lets the least used go.

    Which version is live is looked up again every half second that there are questions, beside
    them; questions that come when nobody has looked for a second wait for it, for up to a second.
    So a version that was published, or an older one that was made live again, answers whoever asks
    a second later. While it is opened for longer, the one before answers.

    Args:
        live: the number of the live version; blocks.   Raises: NotFound, Unavailable.
        open_version: opens one; blocks.   Raises: NotFound, Invalid.
        executor: where both run.
        now: monotonic, in s.
    """

    def __init__(
        self,
        live: Callable[[], int],
        open_version: Callable[[int], V],
        *,
        executor: Executor,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._live, self._open_version = live, open_version
        self._executor, self._now = executor, now
        self._open: OrderedDict[int, V] = OrderedDict()
        self._opening: dict[int, asyncio.Task[V]] = {}
        self._current: int | None = None
        self._looked_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._catching_up: asyncio.Task[None] | None = None
        self._n_changes = self._n_seen = 0

    async def get(self, version: int | None = None) -> V:
        """A version, the live one if none is named.   Raises: as the two functions."""
        if version is not None:
            return await self._opened(version)
        if self._current is None:
            await asyncio.shield(self._begin_looking())
        else:
            await self._follow()
        assert self._current is not None
        return await self._opened(self._current)

    def changed(self) -> None:
        """Another version was made live in this process: questions from now on wait for it.

        May be called from any thread.
        """
        self._n_changes += 1

    async def _follow(self) -> None:
        while self._n_seen != self._n_changes:  # a look that began before tells nothing
            await asyncio.wait([self._begin_looking()])
        age_s = self._now() - self._looked_at
        if age_s > _WAIT_S:
            self._catching_up = self._begin_looking()
        elif age_s > _LOOK_S:
            self._begin_looking()
        if self._catching_up is not None and not self._catching_up.done():
            await asyncio.wait([self._catching_up], timeout=_WAIT_S)  # what fails raises nothing

    def _begin_looking(self) -> asyncio.Task[None]:
        if self._looking is None or self._looking.done():
            self._looked_at = self._now()
            self._looking = asyncio.ensure_future(self._look(self._n_changes))
            self._looking.add_done_callback(_taken)
        return self._looking

    async def _look(self, n_changes: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            version = await loop.run_in_executor(self._executor, self._live)
            if version != self._current:
                await self._opened(version)  # the one before answers until this one can
                self._current = version
        finally:
            self._n_seen = n_changes

    async def _opened(self, version: int) -> V:
        found = self._open.get(version)
        if found is not None:
            self._open.move_to_end(version)
            return found
        if version not in self._opening:
            self._opening[version] = asyncio.ensure_future(self._make(version))
            self._opening[version].add_done_callback(_taken)
        return await asyncio.shield(self._opening[version])

    async def _make(self, version: int) -> V:
        try:
            loop = asyncio.get_running_loop()
            made = await loop.run_in_executor(self._executor, self._open_version, version)
        finally:
            del self._opening[version]
        self._open[version] = made
        while len(self._open) > _OPEN:
            oldest = next(v for v in self._open if v != self._current)
            del self._open[oldest]
        return made


def _taken(task: asyncio.Task[V]) -> None:
    """What went wrong was told to whoever waited; nobody has to wait for it."""
    if not task.cancelled():
        task.exception()

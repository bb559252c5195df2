"""Follows the prompts of a store from a program: the same versions, split and evidence as a server.

A server's workers follow the store all the time and say that they do. A program looks when it asks:
at most every half second it reads which versions there are, and hands in what it measured. It is
no worker: releases do not wait for it, and go on while it sleeps.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets

import seatrial.gateway.prompts.live
import seatrial.release.measurement  # noqa: F401 - what threads need later, loaded in no thread
from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import Store
from seatrial.release.projection import Endpoints
from seatrial.serving.fleet import Fleet
from seatrial.serving.record import Recorder
from seatrial.serving.router import Router
from seatrial.wiring.kinds import PROMPT
from seatrial.wiring.prompts.versions import LoadedPrompt, PromptShelf, RoutedPrompts
from seatrial.wiring.workspace import Workspace

_FRESH_S = 0.5
_LOAD_S = 10.0
_PAUSE_S = 0.01

_log = logging.getLogger(__name__)


async def open_followed(workspace: Workspace, *, clock: Clock) -> FollowedPrompts:
    """Open the store, and load what is released, or as much as there is patience for.

    Raises: StoreUnavailable and its kin.
    """
    store = await asyncio.to_thread(workspace.open_store)
    models = workspace.settings.gateway.models
    followed = FollowedPrompts(store, PromptShelf(store, models), clock=clock)
    try:
        await followed.load()
    except BaseException:
        await followed.close()
        raise
    return followed


class FollowedPrompts:
    """The prompts of a store, as this program knows them.

    Made on the event loop that it is used on.

    Args:
        store: closed with it.
        shelf: opens versions.
        clock: monotonic time.

    Attributes:
        routed: who answers.
    """

    def __init__(self, store: Store, shelf: PromptShelf, *, clock: Clock) -> None:
        self._store, self._clock = store, clock
        name = f"program/{os.getpid()}-{secrets.token_hex(4)}"
        self._recorder = Recorder(worker=name, clock=clock)
        self._endpoints = Endpoints(store)
        router: Router[LoadedPrompt] = Router(self._recorder)
        self.routed = RoutedPrompts(router, self._recorder)
        self._fleet = Fleet(
            router=router, open_version=shelf, loop=asyncio.get_running_loop(), clock=clock
        )
        self._looked_at = float("-inf")

    async def load(self) -> None:
        """Look until everything is loaded.   Raises: StoreUnavailable and its kin."""
        until = self._clock.monotonic() + _LOAD_S
        await asyncio.to_thread(self._turn)
        while not self._fleet.state.settled and self._clock.monotonic() < until:
            await asyncio.sleep(_PAUSE_S)
            await asyncio.to_thread(self._turn)

    async def look(self) -> None:
        """Look once if the last time is long ago; a store that does not answer changes nothing."""
        if self._clock.monotonic() - self._looked_at < _FRESH_S:
            return
        try:
            await asyncio.to_thread(self._turn)
        except SeatrialError as problem:
            self._looked_at = self._clock.monotonic()
            _log.warning("prompts go on as they are: %s", problem)

    async def close(self) -> None:
        """Hand in what was measured, and let go of the store."""
        await self._fleet.close(drain_s=0.0)
        try:
            await asyncio.to_thread(self._recorder.flush, self._store)
        except SeatrialError as problem:
            _log.warning("the last measurements are lost: %s", problem)
        await asyncio.to_thread(self._store.close)

    def _turn(self) -> None:
        self._endpoints.refresh()
        states = (self._endpoints.get(name) for name in self._endpoints.names())
        targets = {state.name: state.target for state in states if state.kind == PROMPT}
        self._fleet.turn({name: t for name, t in targets.items() if t.split.versions})
        self._recorder.flush(self._store)
        self._looked_at = self._clock.monotonic()

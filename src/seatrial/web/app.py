"""The ASGI application: the data plane without a framework, everything else with one.

The framework costs a third of a second to load and nothing on the hot path needs it, so it is
loaded with the first request that does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.serving.plane import DataPlane
from seatrial.web.guard import Guard
from seatrial.web.inference import Receive, Scope, Send, answer, path_of
from seatrial.web.streaming import StreamPlane, answer_streamed

if TYPE_CHECKING:
    from fastapi import APIRouter

Step: TypeAlias = Callable[[], Awaitable[None]]


class App:
    """See `build`."""

    def __init__(
        self,
        plane: DataPlane,
        routers: Callable[[], Sequence[APIRouter]],
        start: Step,
        stop: Step,
        guard: Guard | None,
        *,
        streams: StreamPlane | None,
    ) -> None:
        self.plane = plane
        self.streams = streams
        self._guard = guard
        self._routers = routers
        self._start = start
        self._stop = stop
        self._site: Any = None
        self._building = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http":
            path = path_of(scope)
            if self.plane.owns(path):
                await answer(self.plane, scope, receive, send)
                return
            if self.streams is not None and self.streams.owns(path):
                await answer_streamed(self.streams, scope, receive, send)
                return
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        site = self._site or await self._built()
        await site(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """The lifespan of a process that a server of another kind owns."""
        steps = {"lifespan.startup": self._start, "lifespan.shutdown": self._stop}
        while True:
            message = await receive()
            try:
                await steps[message["type"]]()
            except SeatrialError as problem:
                await send({"type": f"{message['type']}.failed", "message": str(problem)})
                return
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _built(self) -> Any:
        async with self._building:
            if self._site is None:
                self._site = await asyncio.to_thread(self._make_site)
        return self._site

    def _make_site(self) -> Any:
        described = None if self.streams is None else self.streams.described()
        with ONE_AT_A_TIME:
            from seatrial.web.site import site  # noqa: PLC0415 - loads the framework

            return site(self.plane, self._routers(), self._guard, described=described)


async def _nothing() -> None:
    """What happens at startup and shutdown when nobody says otherwise."""


def build(
    plane: DataPlane,
    routers: Callable[[], Sequence[APIRouter]] = tuple,
    *,
    start: Step = _nothing,
    stop: Step = _nothing,
    guard: Guard | None = None,
    streams: StreamPlane | None = None,
) -> App:
    """The application of a server.

    Args:
        plane: answers its own routes, and is what `HotProtocol` looks for.
        routers: makes the routers of all other routes; called at the first request for one.
        start: runs at the lifespan's startup, where there is one.
        stop: runs at its shutdown.
        guard: of the routers; it decides before the body of a request is read.
        streams: answers its own routes, in pieces where they take their time.
    """
    return App(plane, routers, start, stop, guard, streams=streams)

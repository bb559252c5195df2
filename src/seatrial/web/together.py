"""What the connections of a server share: heads they have read, and the requests of one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Protocol

from uvicorn.server import ServerState

from seatrial.serving.exchange import Reply, Request
from seatrial.serving.plane import DataPlane
from seatrial.web.heads import Heads


class Asker(Protocol):
    """A connection whose request was taken."""

    def answered(self, request: Request, reply: Reply | Awaitable[Reply]) -> None:
        """Called for each request, in the same turn of the event loop or the next."""
        ...

    def forsaken(self) -> None:
        """Called instead where the plane itself failed, which nothing a client sends can cause."""
        ...


class Together:
    """Answers the requests that arrive in one turn of the event loop in one go.

    Nobody is made to wait for company: those that came while the loop was busy are there anyway.

    Args:
        plane: answers.
        loop: whose turns count.
    """

    def __init__(self, plane: DataPlane, loop: asyncio.AbstractEventLoop) -> None:
        self.heads = Heads()
        self.plane = plane
        self._loop = loop
        self._askers: list[Asker] = []
        self._requests: list[Request] = []
        self._arrived: list[float] = []

    def ask(self, asker: Asker, request: Request) -> None:
        """Take a request; its asker is told the reply once the loop has read what else is there."""
        if not self._askers:
            self._loop.call_soon(self._answer)
        self._askers.append(asker)
        self._requests.append(request)
        self._arrived.append(self.plane.now())

    def _answer(self) -> None:
        askers, requests, arrived = self._askers, self._requests, self._arrived
        self._askers, self._requests, self._arrived = [], [], []
        try:
            replies = self.plane.handle_together(requests, arrived)
        except Exception:
            for asker in askers:
                asker.forsaken()
            raise
        for asker, request, reply in zip(askers, requests, replies, strict=True):
            asker.answered(request, reply)


def shared(server: ServerState, plane: DataPlane, loop: asyncio.AbstractEventLoop) -> Together:
    """What all connections of a server share, kept at the one object of uvicorn's they all have."""
    together: Together | None = getattr(server, "seatrial_together", None)
    if together is None or together.plane is not plane:
        together = Together(plane, loop)
        setattr(server, "seatrial_together", together)  # noqa: B010 - unknown to its type
    return together


def plane_of(app: Any) -> DataPlane | None:
    """The data plane of an ASGI app, through middleware that keeps what it wraps as ``app``."""
    while app is not None:
        plane = getattr(app, "plane", None)
        if isinstance(plane, DataPlane):
            return plane
        app = getattr(app, "app", None)
    return None

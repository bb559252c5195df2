"""The page of events: how they go, out and in, and what was rejected."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from seatrial.events.desk import EventDesk
from seatrial.kernel.errors import SeatrialError
from seatrial.web.console.frame import Frame


def add_events(router: APIRouter, frame: Frame, desk: EventDesk) -> None:
    """The routes of events, on the console's router."""
    frame.link("/events", "events")

    def look() -> dict[str, Any]:
        """A store that does not answer is said on the page."""
        try:
            return {"events": desk.view(), "problem": None}
        except SeatrialError as problem:
            return {"events": None, "problem": problem}

    @router.get("/events")
    def whole(request: Request) -> Response:
        return frame.shown(request, "events.html", look)

    @router.get("/console/events")
    def part(request: Request) -> Response:
        return frame.shown(request, "events_part.html", look)

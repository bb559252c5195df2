"""The route of events: how far they went, out and in, and what was rejected."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from seatrial.events.desk import EventDesk
from seatrial.web.control import guarded
from seatrial.web.guard import Guard


def events_router(desk: EventDesk, guard: Guard) -> APIRouter:
    """``/api/events``, guarded."""
    router = APIRouter(prefix="/api", tags=["events"], dependencies=[guarded(guard)])

    @router.get("/events", summary="How far events went, out and in, and what was rejected")
    def events() -> dict[str, Any]:
        return desk.view()

    return router

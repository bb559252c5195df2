"""The routes of trainings: runs, one of them, two beside each other."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from seatrial.training.runs.desk import RunDesk
from seatrial.web.control import guarded
from seatrial.web.guard import Guard

Short = Annotated[str, Query(max_length=200)]


def runs_router(desk: RunDesk, guard: Guard) -> APIRouter:
    """Routes under ``/api``; every one of them guarded."""
    router = APIRouter(prefix="/api", tags=["training"], dependencies=[guarded(guard)])

    @router.get("/runs", summary="Runs of trainings in short, the newest first")
    def runs(
        name: Short = "",
        search: Short | None = None,
        last: Annotated[int, Query(ge=1, le=10_000)] = 200,
    ) -> list[dict[str, Any]]:
        return desk.runs(name=name, parent=search)[:last]

    @router.get("/runs/{run}", summary="All of a run, with the curves of its metrics")
    def run(run: str) -> dict[str, Any]:
        return desk.run(run)

    @router.get("/runs/{run}/beside/{other}", summary="Two runs: what differs, and every metric")
    def beside(run: str, other: str) -> dict[str, Any]:
        return desk.compared(run, other)

    return router

"""The routes of the watch: what it found, alerts and silences."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.web.control import guarded
from seatrial.web.guard import Guard


class Word(BaseModel):
    """What somebody says about an alert."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(default="api", min_length=1, max_length=100)
    note: str = Field(default="", max_length=500)


class Quiet(BaseModel):
    """What nobody wants to be told of for a while."""

    model_config = ConfigDict(extra="forbid")

    match: dict[str, list[str]] = Field(default_factory=dict, max_length=20)
    for_s: float = Field(gt=0, le=366 * 86_400)
    why: str = Field(default="", max_length=500)
    by: str = Field(default="api", min_length=1, max_length=100)


def watch_router(desk: WatchDesk, guard: Guard) -> APIRouter:
    """Routes under ``/api``; every one of them guarded."""
    router = APIRouter(prefix="/api", tags=["watch"], dependencies=[guarded(guard)])

    @router.get("/endpoints/{name}/watch", summary="Drift, data quality, service and alerts")
    def watch(name: str) -> dict[str, Any]:
        return desk.view(name)

    @router.get("/alerts", summary="Alerts of every endpoint, the worst and newest first")
    def alerts(
        endpoint: Annotated[str | None, Query(max_length=200)] = None,
        ended: bool = True,  # noqa: FBT001, FBT002 - a parameter of the query
    ) -> list[dict[str, Any]]:
        return desk.alerts(endpoint, ended=ended)

    @router.post("/alerts/{key}/acknowledge", summary="Say that somebody cares")
    def acknowledge(key: str, word: Word) -> dict[str, Any]:
        return desk.acknowledge(key, by=word.by, note=word.note, now=datetime.now(UTC))

    @router.post("/alerts/{key}/close", summary="End an alert by hand")
    def close(key: str, word: Word) -> dict[str, Any]:
        return desk.close(key, by=word.by, reason=word.note, now=datetime.now(UTC))

    @router.get("/silences", summary="What nobody is told of now")
    def silences() -> list[dict[str, Any]]:
        return desk.silences(datetime.now(UTC))

    @router.post("/silences", summary="Let nobody be told of some alerts for a while")
    def silence(quiet: Quiet) -> dict[str, Any]:
        return desk.silence(
            quiet.match, for_s=quiet.for_s, why=quiet.why, by=quiet.by, now=datetime.now(UTC)
        )

    @router.delete("/silences/{id}", summary="End a silence before its time", status_code=204)
    def end(id: str) -> None:  # noqa: A002 - the name in the path
        desk.end_silence(id, by="api", now=datetime.now(UTC))

    return router

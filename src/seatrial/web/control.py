"""The control routes: look at endpoints, promote, roll back, read history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from seatrial.release.desk import Desk
from seatrial.web.entrance import check
from seatrial.web.guard import Guard


class Decision(BaseModel):
    """Why somebody decides."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="", max_length=1000)
    by: str = Field(default="api", min_length=1, max_length=100)


class Return(Decision):
    """Where to go back to."""

    to: int | None = Field(default=None, ge=1)


def guarded(guard: Guard) -> Any:
    """A dependency that lets a request pass or raises what the guard raises."""

    def checked(request: Request) -> None:
        check(guard, request)

    return Depends(checked)


def control_router(desk: Desk, guard: Guard) -> APIRouter:
    """The routes under ``/api``; every one of them guarded."""
    router = APIRouter(prefix="/api", tags=["control"], dependencies=[guarded(guard)])

    @router.get("/endpoints", summary="All endpoints")
    def endpoints() -> list[dict[str, Any]]:
        return desk.views()

    @router.get("/endpoints/{name}", summary="An endpoint, its release and the evidence so far")
    def endpoint(name: str) -> dict[str, Any]:
        return desk.view(name)

    @router.get("/endpoints/{name}/history", summary="The facts of an endpoint, oldest first")
    def history(
        name: str, after: Annotated[int, Query(ge=0, le=2**62)] = 0
    ) -> list[dict[str, Any]]:
        return desk.history(name, after=after)

    @router.get("/endpoints/{name}/metrics", summary="The last quarter of an hour, by version")
    def metrics(name: str) -> dict[str, Any]:
        return desk.metrics(name, now=datetime.now(UTC))

    @router.post("/endpoints/{name}/promote", summary="Give the version on trial all traffic")
    def promote(name: str, decision: Decision) -> dict[str, Any]:
        return desk.promote(name, by=decision.by, reason=decision.reason)

    @router.post("/endpoints/{name}/abort", summary="End the release under way")
    def abort(name: str, decision: Decision) -> dict[str, Any]:
        return desk.abort(name, by=decision.by, reason=decision.reason)

    @router.post("/endpoints/{name}/rollback", summary="Return to an earlier version")
    def rollback(name: str, decision: Return) -> dict[str, Any]:
        return desk.roll_back(name, to=decision.to, by=decision.by, reason=decision.reason)

    return router

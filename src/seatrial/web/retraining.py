"""The routes of retraining: look, begin a run, and decide in place of a step."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from seatrial.training.retraining.desk import Retrainings
from seatrial.web.control import Decision, guarded
from seatrial.web.guard import Guard


class InPlace(Decision):
    """The output of a step, in place of doing it."""

    step: str = Field(min_length=1, max_length=40)
    output: dict[str, Any]


def retraining_router(desk: Retrainings, guard: Guard) -> APIRouter:
    """Routes under ``/api/retraining``; every one of them guarded."""
    router = APIRouter(prefix="/api", tags=["retraining"], dependencies=[guarded(guard)])

    @router.get("/retraining", summary="All retrainings")
    def retrainings() -> list[dict[str, Any]]:
        return desk.views()

    @router.get("/retraining/{name}", summary="A retraining, and the steps of its newest run")
    def retraining(name: str) -> dict[str, Any]:
        return desk.view(name)

    @router.get("/retraining/{name}/history", summary="Its runs, the newest first")
    def runs(name: str) -> list[dict[str, Any]]:
        return desk.history(name)

    @router.post("/retraining/{name}/now", summary="Begin a run now")
    def now(name: str, decision: Decision) -> dict[str, Any]:
        return desk.now(name, by=decision.by, reason=decision.reason)

    @router.post("/retraining/{name}/retry", summary="Begin the failed step again")
    def retry(name: str, decision: Decision) -> dict[str, Any]:
        return desk.retry(name, by=decision.by, reason=decision.reason)

    @router.post("/retraining/{name}/take-over", summary="Give the output of the step it stands at")
    def take_over(name: str, given: InPlace) -> dict[str, Any]:
        return desk.take_over(name, given.step, given.output, by=given.by, reason=given.reason)

    @router.post("/retraining/{name}/approve", summary="Let the new model be released")
    def approve(name: str, decision: Decision) -> dict[str, Any]:
        return desk.approve(name, by=decision.by, reason=decision.reason)

    @router.post("/retraining/{name}/cancel", summary="End the newest run")
    def cancel(name: str, decision: Decision) -> dict[str, Any]:
        return desk.cancel(name, by=decision.by, reason=decision.reason)

    return router

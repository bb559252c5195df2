"""The routes of experiments: write down, start, look, stop, hand in what came of users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from seatrial.experiments.desk import ExperimentDesk
from seatrial.web.control import Decision, guarded
from seatrial.web.guard import Guard

ReadOutcomes = Callable[[bytes], list[Any]]
"""From a body to rows.   Raises: Invalid."""

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["user", "metric", "value"],
                        "properties": {
                            "user": {
                                "type": "string",
                                "description": "The x-seatrial-key of its requests.",
                            },
                            "metric": {
                                "type": "string",
                                "description": "Or a denominator, a covariate, a segment.",
                            },
                            "value": {"type": ["number", "boolean", "string"]},
                            "id": {
                                "type": "string",
                                "description": "Of the outcome: what comes twice under one user, "
                                "metric and id counts once.",
                            },
                            "at": {"type": "string", "format": "date-time"},
                        },
                    },
                }
            },
            "text/csv": {"schema": {"type": "string"}},
            "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class Widening(Decision):
    """How many of the users an experiment takes from now on."""

    traffic: float = Field(gt=0, le=1)


def experiments_router(desk: ExperimentDesk, guard: Guard, read: ReadOutcomes) -> APIRouter:
    """Routes under ``/api``; every one of them guarded."""
    router = APIRouter(prefix="/api", tags=["experiments"], dependencies=[guarded(guard)])

    @router.get("/experiments", summary="All experiments, the newest first")
    def experiments() -> list[dict[str, Any]]:
        return desk.all()

    @router.post("/experiments", summary="Write an experiment down, as experiment.yaml has it")
    def draft(design: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        return desk.draft(design, by="api")

    @router.get("/experiments/{name}", summary="An experiment and what is known of it")
    def experiment(name: str) -> dict[str, Any]:
        return desk.view(name)

    @router.post("/experiments/{name}/start", summary="Split the requests of its endpoint")
    def start(name: str, decision: Decision) -> dict[str, Any]:
        return desk.start(name, by=decision.by)

    @router.post("/experiments/{name}/widen", summary="Take more of the users it could have")
    def widen(name: str, widening: Widening) -> dict[str, Any]:
        return desk.widen(name, widening.traffic, by=widening.by)

    @router.post("/experiments/{name}/stop", summary="End it without a decision")
    def stop(name: str, decision: Decision) -> dict[str, Any]:
        return desk.stop(name, by=decision.by, reason=decision.reason)

    @router.post(
        "/experiments/{name}/outcomes",
        summary="Hand in what came of users: JSON, CSV or Parquet",
        openapi_extra=_BODY,
    )
    async def outcomes(request: Request, name: str) -> dict[str, Any]:
        body = await request.body()  # which `Entrance` bounds
        return await run_in_threadpool(lambda: desk.add(name, read(body)))

    return router

"""The routes of labels: what came true, handed in for predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from seatrial.monitoring.performance.label_desk import LabelDesk
from seatrial.web.control import guarded
from seatrial.web.guard import Guard

ReadLabels = Callable[[bytes, str | None, str | None], list[tuple[str, str]]]
"""From a body and the names of its columns to pairs of id and label.   Raises: Invalid."""

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["id", "label"],
                        "properties": {
                            "id": {
                                "type": "string",
                                "description": "The reply's x-request-id; with /row, counted from "
                                "0, for rows of a batch.",
                            },
                            "label": {"type": ["string", "number", "boolean", "null"]},
                        },
                    },
                }
            },
            "text/csv": {"schema": {"type": "string"}},
            "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


def labels_router(desk: LabelDesk, guard: Guard, read: ReadLabels) -> APIRouter:
    """Routes under ``/api``; every one of them guarded."""
    router = APIRouter(prefix="/api", tags=["labels"], dependencies=[guarded(guard)])

    @router.post(
        "/endpoints/{name}/labels",
        summary="Hand in labels of predictions: JSON, CSV or Parquet",
        openapi_extra=_BODY,
    )
    async def add(
        request: Request,
        name: str,
        id_column: Annotated[str | None, Query(max_length=200)] = None,
        label_column: Annotated[str | None, Query(max_length=200)] = None,
    ) -> dict[str, Any]:
        body = await request.body()  # which `Entrance` bounds

        def taken() -> dict[str, Any]:
            return desk.add(name, read(body, id_column, label_column))

        return await run_in_threadpool(taken)

    @router.get("/endpoints/{name}/labels", summary="How many labels came, and what they say")
    def status(name: str) -> dict[str, Any]:
        return desk.status(name)

    return router

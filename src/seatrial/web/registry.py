"""The routes of registries: webhooks that say look, versions offered here, and what arrived."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from seatrial.training.following.desk import RegistryDesk
from seatrial.training.following.nudges import Nudges
from seatrial.web.control import guarded
from seatrial.web.guard import Guard

Number = Annotated[int, Field(ge=1, le=2**53)]


class Alias(BaseModel):
    """Where an alias shall point."""

    model_config = ConfigDict(extra="forbid")

    number: Number


class Again(BaseModel):
    """A version that shall arrive once more."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(max_length=20)
    model: str = Field(max_length=200)
    number: Number
    by: str = Field(default="api", min_length=1, max_length=100)


_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def registry_router(desk: RegistryDesk, guard: Guard) -> APIRouter:
    """Routes under ``/api``; every one of them guarded."""
    router = APIRouter(prefix="/api", tags=["registry"], dependencies=[guarded(guard)])

    @router.get("/registry", summary="What is followed, and what arrived")
    def view() -> dict[str, Any]:
        return desk.view()

    @router.post("/registry/again", summary="Let a registered version arrive once more")
    def again(wish: Again) -> dict[str, Any]:
        desk.ask_again(wish.source, wish.model, wish.number, by=wish.by)
        return {"asked": True}

    @router.get("/models/{name}/versions", summary="Versions of a model that were offered here")
    def versions(name: str) -> list[dict[str, Any]]:
        return desk.versions(name)

    @router.post(
        "/models/{name}/versions",
        summary="Register a version: the body is the model's file",
        openapi_extra=_FILE,
        status_code=201,
    )
    async def offer(
        request: Request,
        name: str,
        file: Annotated[str, Query(max_length=150)] = "model.pkl",
        label: Annotated[str | None, Query(max_length=200)] = None,
        by: Annotated[str, Query(min_length=1, max_length=100)] = "api",
    ) -> dict[str, Any]:
        body = await request.body()  # which `Entrance` bounds
        offered = await run_in_threadpool(
            desk.offer, name, file, [body] if body else [], label=label, by=by
        )
        return {"model": offered.model, "number": offered.number, "sha256": offered.sha256}

    @router.put("/models/{name}/aliases/{alias}", summary="Let an alias point at a version")
    def move_alias(name: str, alias: str, wish: Alias) -> dict[str, Any]:
        desk.move_alias(name, alias, wish.number)
        return {"model": name, "alias": alias, "number": wish.number}

    return router


def webhook_router(nudges: Nudges) -> APIRouter:
    """The route that MLflow calls; its signature is its permission."""
    router = APIRouter(prefix="/api/registry", tags=["registry"])

    @router.post("/webhook", summary="MLflow's webhook: look at the registry now", status_code=202)
    async def webhook(request: Request) -> dict[str, str]:
        body = await request.body()
        headers = {name.lower(): value for name, value in request.headers.items()}
        return {"result": await run_in_threadpool(nudges.take, headers, body)}

    return router

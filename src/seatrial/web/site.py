"""Everything that is no prediction, on FastAPI: documentation, control and console routers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from seatrial import __version__
from seatrial.kernel.errors import SeatrialError
from seatrial.serving.exchange import MethodNotAllowed
from seatrial.serving.plane import DataPlane
from seatrial.web.docs_page import page
from seatrial.web.entrance import Entrance
from seatrial.web.errors import error_reply
from seatrial.web.guard import Guard
from seatrial.web.openapi import document, with_refusals

_UNUSED = {"HTTPValidationError", "ValidationError"}
"""The framework's own errors: `correct` sends another body."""


def site(
    plane: DataPlane,
    routers: Sequence[APIRouter],
    guard: Guard | None = None,
    *,
    described: Mapping[str, Any] | None = None,
) -> FastAPI:
    """The framework's application.

    Args:
        plane: its routes are described at ``/openapi.json`` and ``/docs``.
        routers: all other routes.
        guard: decides before a body is read; None where no router has one.
        described: OpenAPI's ``paths`` and ``tags`` of what else the server answers.
    """
    app = FastAPI(title="seatrial", version=__version__, docs_url=None, redoc_url=None)
    app.add_middleware(Entrance, guard=guard)
    for router in routers:
        app.include_router(router)
    own = app.openapi

    def openapi() -> dict[str, Any]:
        whole = document(plane.signatures())
        if described is not None:
            whole["paths"].update(described["paths"])
            whole["tags"] += described["tags"]
        rest = own()
        whole["paths"].update(with_refusals(rest.get("paths", {})))
        for kind, parts in rest.get("components", {}).items():
            used = {name: part for name, part in parts.items() if name not in _UNUSED}
            whole["components"].setdefault(kind, {}).update(used)
        return whole

    app.openapi = openapi  # type: ignore[method-assign]

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(page(openapi()))

    @app.exception_handler(SeatrialError)
    def refuse(request: Request, error: SeatrialError) -> Response:
        reply = error_reply(error, request.url.path)
        headers = {name.decode(): value.decode() for name, value in reply.headers}
        return Response(reply.body, reply.status, headers, reply.content_type.decode())

    @app.exception_handler(RequestValidationError)
    def correct(_: Request, error: RequestValidationError) -> JSONResponse:
        # Without what was sent, as the framework would have it: bytes that are no text break that.
        found = [
            {part: problem[part] for part in ("loc", "msg", "type")} for problem in error.errors()
        ]
        text = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in found)
        record = {"error": text, "code": "control.invalid_request", "detail": found}
        return JSONResponse(record, 422)

    @app.exception_handler(HTTPException)
    def explain(request: Request, error: HTTPException) -> Response:
        path = f"{request.url.path[:200]!a}"
        match error.status_code:
            case 404:
                text = f"There is nothing at {path}. See /docs for the routes."
                return JSONResponse({"error": text, "code": "serving.unknown_route"}, 404)
            case 405:
                allowed = ", ".join(sorted(_methods_at([app.router, *routers], request)))
                problem = f"{request.method[:20]!a} is not allowed at {path}."
                remedy = f"Use {allowed}."
                return refuse(request, MethodNotAllowed(problem, remedy=remedy, allow=allowed))
            case _:
                text = f"{error.detail}. Send JSON in UTF-8, as /docs describes it."
                record = {"error": text, "code": "control.invalid_request"}
                return JSONResponse(record, error.status_code, error.headers)

    return app


def _methods_at(routers: Sequence[APIRouter], request: Request) -> set[str]:
    """All methods at the path of a request; the framework tells those of one route."""
    return {
        method
        for router in routers
        for route in router.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }

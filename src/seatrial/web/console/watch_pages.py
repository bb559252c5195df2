"""The page of what the watch found on an endpoint: its parts, and the answers to alerts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from seatrial.kernel.errors import Invalid, NotFound
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.web.console.frame import Frame, Name, language_of
from seatrial.web.console.report_columns import line_of
from seatrial.web.console.watching import parts, silences_shown

_BY = "console"
_OF = ("features", "predictions")


class WatchPages:
    """Looks things up for the templates of the watch.

    Args:
        desk: what the watch found, and who answers.
    """

    def __init__(self, desk: WatchDesk) -> None:
        self._desk = desk

    def whole(self, name: str, language: str) -> dict[str, Any]:
        """What the page shows.   Raises: UnknownEndpoint."""
        return {
            **parts(self._desk.view(name), language),
            "episodes": self._desk.history(name),
            "silences": silences_shown(self._desk.silences(datetime.now(UTC)), name, language),
        }

    def column(
        self, name: str, *, version: str, of: str, column: str, language: str
    ) -> dict[str, Any]:
        """One column of the newest window.   Raises: UnknownEndpoint, NotFound."""
        held = self._desk.view(name)["versions"].get(version)
        rows = held["report"][of] if held is not None and of in _OF else []
        found = next((c for c in rows if c["name"] == column), None)
        if held is None or found is None:
            raise NotFound(
                f"The newest window of {name!r} version {version} has no column {column!r}.",
                remedy="Reload the page.",
            )
        return {"line": line_of(held["report"], found, of, language)}

    def answer(self, key: str, wish: str) -> None:
        """A button of an alert.   Raises: UnknownAlert, AlertConflict, NotFound."""
        now = datetime.now(UTC)
        match wish:
            case "acknowledge":
                self._desk.acknowledge(key, by=_BY, note="", now=now)
            case "close":
                self._desk.close(key, by=_BY, reason="closed in the console", now=now)
            case _:
                raise NotFound(f"Nobody knows how to {wish!r} an alert.", remedy="Reload the page.")

    def silence(self, name: str, form: Mapping[str, str]) -> None:
        """Begin a silence of one endpoint's alerts.   Raises: Invalid."""
        try:
            for_s = float(form.get("for_s", ""))
        except ValueError:
            raise Invalid(
                f"The time {form.get('for_s', '')!r} is no number of seconds.",
                remedy="Choose a time.",
                field="for_s",
            ) from None
        patterns = {"endpoint": [literal(name)]}
        if form.get("kind"):
            patterns["kind"] = [literal(form["kind"])]
        self._desk.silence(
            patterns, for_s=for_s, why=form.get("why", ""), by=_BY, now=datetime.now(UTC)
        )

    def end_silence(self, id: str) -> None:  # noqa: A002 - the name in the path
        """End a silence.   Raises: UnknownSilence."""
        self._desk.end_silence(id, by=_BY, now=datetime.now(UTC))


def literal(name: str) -> str:
    """A pattern that fits one name only, whatever signs are in it."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def add_watch(router: APIRouter, frame: Frame, desk: WatchDesk) -> None:
    """The routes of the watch, on the console's router."""
    pages = WatchPages(desk)
    frame.add(
        router,
        {
            "/endpoints/{name}/watch": "watch.html",
            "/console/endpoints/{name}/watch": "watch_part.html",
            "/console/endpoints/{name}/watch/found": "found_part.html",
            "/console/endpoints/{name}/watch/silences": "silences_part.html",
        },
        pages.whole,
    )

    @router.get("/console/endpoints/{name}/watch/column")
    def column_part(request: Request, name: Name) -> Response:
        asked = request.query_params

        def look() -> dict[str, Any]:
            return pages.column(
                name,
                version=asked.get("version", ""),
                of=asked.get("of", ""),
                column=asked.get("name", ""),
                language=language_of(request),
            )

        return frame.shown(request, "column_part.html", look)

    _add_answers(router, frame, pages)


def _add_answers(router: APIRouter, frame: Frame, pages: WatchPages) -> None:
    async def pressed(
        request: Request, name: str, template: str, do: Callable[[], None]
    ) -> Response:
        return await frame.pressed(
            request, template, do, lambda: pages.whole(name, language_of(request))
        )

    @router.post("/console/endpoints/{name}/watch/alerts/{key}/{wish}")
    async def answer(request: Request, name: Name, key: str, wish: str) -> Response:
        return await pressed(request, name, "watch_part.html", lambda: pages.answer(key, wish))

    @router.post("/console/endpoints/{name}/watch/silences")
    async def silence(request: Request, name: Name) -> Response:
        form = await frame.form(request)
        return await pressed(request, name, "silences_part.html", lambda: pages.silence(name, form))

    @router.post("/console/endpoints/{name}/watch/silences/{id}/end")
    async def end_silence(request: Request, name: Name, id: str) -> Response:  # noqa: A002
        return await pressed(request, name, "silences_part.html", lambda: pages.end_silence(id))

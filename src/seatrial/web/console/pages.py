"""The pages of the console and the fragments they refresh."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi import Path as PathParameter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from seatrial import __version__
from seatrial.kernel.duration import show_duration
from seatrial.kernel.errors import Denied, NotFound, SeatrialError
from seatrial.monitoring.watch_desk import WatchDesk
from seatrial.release.desk import Desk
from seatrial.web.console.evidence import bar, number, sentence, title
from seatrial.web.console.story import reason, story
from seatrial.web.console.watching import equip, parts, spoken
from seatrial.web.console.words import LANGUAGES, choose, waiting, words
from seatrial.web.entrance import LOGIN, check
from seatrial.web.guard import COOKIE, Guard

LANGUAGE = "seatrial_language"

_STATIC = Path(__file__).parent / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css"}
_SECURITY = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; style-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}
_CACHE = {"cache-control": "public, max-age=86400", "x-content-type-options": "nosniff"}

Name = Annotated[str, PathParameter(max_length=200)]


class Console:
    """Renders the console for a desk; each page is checked by the guard.

    Args:
        desk: what is shown and decided on.
        watch: what the watch found.
        guard: who may.
    """

    def __init__(self, desk: Desk, watch: WatchDesk, guard: Guard) -> None:
        self._desk = desk
        self._watch = watch
        self._guard = guard
        self._templates = Environment(
            loader=PackageLoader("seatrial.web.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            bar=bar,
            number=number,
            show_duration=show_duration,
            languages=LANGUAGES,
            seatrial_version=__version__,
            open_first=False,
        )
        equip(self._templates)

    def page(self, request: Request, template: str, **values: Any) -> Response:
        """A template, if the request may see it; the log-in page if it may not."""
        try:
            self.check(request)
        except Denied as denied:
            return self.render(request, "login.html", status=403, problem="", denied=denied)
        return self.render(request, template, **values)

    def render(
        self, request: Request, template: str, *, status: int = 200, **values: Any
    ) -> Response:
        """A template in the language of the request."""
        language = _language(request)
        text = self._templates.get_template(template).render(
            w=words(language),
            language=language,
            sentence=lambda verdict: sentence(verdict, language),
            title=lambda verdict: title(verdict, language),
            reason=partial(reason, language=language),
            waiting=lambda said: waiting(language, said),
            **spoken(language),
            **values,
        )
        return HTMLResponse(text, status, headers=_SECURITY)

    def check(self, request: Request) -> None:
        """Raises: Denied: the request may not use the console."""
        check(self._guard, request)

    def is_token(self, given: str) -> bool:
        """Whether ``given`` is the control token."""
        token = self._guard.token
        return token is not None and hmac.compare_digest(given.encode(), token.encode())

    def parts(self, request: Request, name: str) -> dict[str, Any]:
        """What the fragments of an endpoint show.   Raises: UnknownEndpoint."""
        return {
            "endpoint": self._desk.view(name),
            "metrics": self._desk.metrics(name, now=datetime.now(UTC)),
            "story": story(self._desk.latest(name), _language(request)),
        }

    def watch_parts(self, name: str) -> dict[str, Any]:
        """What the page of an endpoint's watch shows.   Raises: UnknownEndpoint."""
        return parts(self._watch.view(name))


def console_router(desk: Desk, watch: WatchDesk, guard: Guard) -> APIRouter:
    """The console at ``/``; not part of the API's description."""
    router = APIRouter(include_in_schema=False)
    console = Console(desk, watch, guard)

    @router.get("/")
    def overview(request: Request) -> Response:
        return console.page(request, "overview.html", endpoints=desk.views())

    @router.get("/console/overview")
    def overview_part(request: Request) -> Response:
        return console.page(request, "overview_part.html", endpoints=desk.views())

    @router.get("/endpoints/{name}")
    def endpoint(request: Request, name: Name) -> Response:
        return _shown(console, request, "endpoint.html", lambda: console.parts(request, name))

    @router.get("/console/endpoints/{name}")
    def endpoint_part(request: Request, name: Name) -> Response:
        return _shown(console, request, "endpoint_part.html", lambda: console.parts(request, name))

    @router.get("/console/endpoints/{name}/history")
    def history_part(request: Request, name: Name) -> Response:
        return _shown(console, request, "history_part.html", lambda: console.parts(request, name))

    @router.post("/console/endpoints/{name}/{wish}")
    async def decide(request: Request, name: Name, wish: str) -> Response:
        return await _decided(console, desk, request, name, wish)

    _add_watch(router, console, watch)
    _add_visit(router, console)
    return router


def _add_watch(router: APIRouter, console: Console, watch: WatchDesk) -> None:
    """The page of what the watch found, and the answers to alerts."""

    @router.get("/endpoints/{name}/watch")
    def watch_page(request: Request, name: Name) -> Response:
        return _shown(console, request, "watch.html", lambda: console.watch_parts(name))

    @router.get("/console/endpoints/{name}/watch")
    def watch_part(request: Request, name: Name) -> Response:
        return _shown(console, request, "watch_part.html", lambda: console.watch_parts(name))

    @router.post("/console/endpoints/{name}/watch/alerts/{key}/{wish}")
    async def answer(request: Request, name: Name, key: str, wish: str) -> Response:
        console.check(request)
        notice = ""
        try:
            await run_in_threadpool(_answer, watch, key, wish)
        except SeatrialError as problem:
            notice = str(problem)
        shown = await run_in_threadpool(console.watch_parts, name)
        return console.render(request, "watch_part.html", notice=notice, **shown)


def _answer(watch: WatchDesk, key: str, wish: str) -> None:
    now = datetime.now(UTC)
    match wish:
        case "acknowledge":
            watch.acknowledge(key, by="console", note="", now=now)
        case "close":
            watch.close(key, by="console", reason="closed in the console", now=now)
        case _:
            raise NotFound(f"Nobody knows how to {wish!r} an alert.", remedy="Reload the page.")


def _add_visit(router: APIRouter, console: Console) -> None:
    """What belongs to the visitor and to no endpoint: log-in, language, and the static files."""

    @router.post(LOGIN)
    async def log_in(request: Request) -> Response:
        given = (await _form(request)).get("token", "")
        if not console.is_token(given):
            return console.render(
                request, "login.html", status=403, problem="wrong_token", denied=None
            )
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE,
            given,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
            max_age=30 * 86400,
        )
        return answer

    @router.get("/console/language/{language}")
    def speak(request: Request, language: str) -> Response:
        answer = RedirectResponse(_local_path(request.query_params.get("back", "/")), 303)
        if language in LANGUAGES:
            answer.set_cookie(LANGUAGE, language, samesite="lax", max_age=365 * 86400)
        return answer

    @router.get("/console/static/{file}")
    def static(file: str) -> Response:
        known = {path.name: path for path in _STATIC.iterdir() if path.suffix in _TYPES}
        if file not in known:
            raise NotFound(f"There is no file {file!r}.", remedy="Reload the page.")
        path = known[file]
        return Response(path.read_bytes(), media_type=_TYPES[path.suffix], headers=_CACHE)


def _shown(
    console: Console, request: Request, template: str, look: Callable[[], Mapping[str, Any]]
) -> Response:
    try:
        console.check(request)
        shown = look()
    except Denied:
        return console.page(request, template)
    except NotFound as missing:
        return console.render(request, "missing.html", status=404, problem=missing)
    return console.render(request, template, notice="", **shown)


async def _decided(
    console: Console, desk: Desk, request: Request, name: str, wish: str
) -> Response:
    """A button was pressed: do it, and show the endpoint with what came of it."""
    console.check(request)
    notice = ""
    try:
        await run_in_threadpool(_wish, desk, name, wish)
    except SeatrialError as problem:
        notice = str(problem)
    parts: Mapping[str, Any] = await run_in_threadpool(console.parts, request, name)
    answer = console.render(request, "endpoint_part.html", notice=notice, **parts)
    answer.headers["hx-trigger"] = "decided"  # the history is refreshed at once
    return answer


def _wish(desk: Desk, name: str, wish: str) -> None:
    match wish:
        case "promote":
            desk.promote(name, by="console")
        case "abort":
            desk.abort(name, by="console")
        case "rollback":
            desk.roll_back(name, to=None, by="console")
        case _:
            raise NotFound(f"Nobody knows how to {wish!r}.", remedy="Reload the page.")


async def _form(request: Request) -> dict[str, str]:
    """A url-encoded form, which `Entrance` bounds."""
    body = await request.body()
    return {k: v[0] for k, v in parse_qs(body.decode("utf-8", "replace")).items()}


def _language(request: Request) -> str:
    return choose(request.cookies.get(LANGUAGE), request.headers.get("accept-language", ""))


def _local_path(back: str) -> str:
    """A path of this server, whatever was asked for: never another site."""
    return back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"

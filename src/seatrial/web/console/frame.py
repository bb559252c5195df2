"""What all pages of the console share: who may see them, their language, their templates."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response

from seatrial import __version__
from seatrial.kernel.duration import show_duration
from seatrial.kernel.errors import Denied, NotFound, SeatrialError
from seatrial.packaging.staging_words import name_of_test, seen
from seatrial.release.verdict import about, plain
from seatrial.web.console.evidence import bar, number, sentence, title
from seatrial.web.console.reason_words import waiting
from seatrial.web.console.spend_drawing import call_bars, cost_bars
from seatrial.web.console.spending import money, seconds, spend_spoken
from seatrial.web.console.staging import address
from seatrial.web.console.story import reason
from seatrial.web.console.trouble_words import coded, trouble
from seatrial.web.console.watching import environment, spoken
from seatrial.web.console.words import LANGUAGES, choose, words
from seatrial.web.entrance import check
from seatrial.web.guard import Guard

LANGUAGE = "seatrial_language"
"""The cookie that remembers the language."""

_SECURITY = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; style-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}

Name = Annotated[str, Path(max_length=200)]
"""An endpoint's, in an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A part of the console in the head of every page; see `Frame.link`."""

    path: str
    word: str
    title: str
    there: Callable[[], bool]


class Frame:
    """Draws pages for requests that the guard lets pass.

    Args:
        guard: who may.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._links: list[Link] = []
        self._templates = environment()
        self._templates.globals.update(
            about=about,
            plain=plain,
            bar=bar,
            call_bars=call_bars,
            cost_bars=cost_bars,
            links=self.links,
            money=money,
            seconds=seconds,
            languages=LANGUAGES,
            seatrial_version=__version__,
            open_first=False,
            staging_address=address,
        )

    def link(
        self, path: str, word: str, *, title: str = "", there: Callable[[], bool] = lambda: True
    ) -> None:
        """Name a part of the console in the head of every page.

        Args:
            word: key of what the link says.
            title: key of what it says at length; empty: no more than the word.
            there: whether there is something to see by now.
        """
        self._links.append(Link(path=path, word=word, title=title, there=there))

    def links(self) -> list[Link]:
        """The parts where there is something to see."""
        return [link for link in self._links if link.there()]

    def check(self, request: Request) -> None:
        """Raises: Denied: the request may not use the console."""
        check(self._guard, request)

    def is_token(self, given: str) -> bool:
        """Whether ``given`` is the control token."""
        token = self._guard.token
        return token is not None and hmac.compare_digest(given.encode(), token.encode())

    def shown(
        self, request: Request, template: str, look: Callable[[], Mapping[str, Any]]
    ) -> Response:
        """A template with what ``look`` gives, if the request may see it.

        Else the log-in page; and a page that says so where nothing has the name.
        """
        return self._guarded(request, lambda: self.render(request, template, notice="", **look()))

    def add(
        self,
        router: APIRouter,
        templates: Mapping[str, str],
        look: Callable[[str, str], Mapping[str, Any]],
    ) -> None:
        """Addresses that show an endpoint, as `shown` does.

        Args:
            templates: by address, which has the endpoint's ``{name}`` in it.
            look: told the endpoint and the language.
        """
        for path, template in templates.items():
            router.add_api_route(path, self._endpoint_route(template, look), methods=["GET"])

    def _endpoint_route(
        self, template: str, look: Callable[[str, str], Mapping[str, Any]]
    ) -> Callable[..., Response]:
        def show(request: Request, name: Name) -> Response:
            return self.shown(request, template, lambda: look(name, language_of(request)))

        return show

    async def pressed(
        self,
        request: Request,
        template: str,
        do: Callable[[], None],
        look: Callable[[], Mapping[str, Any]],
    ) -> Response:
        """Do what a button asks for, and show the template with what came of it.

        Args:
            do: what fails is told on the page.
            look: what the template shows, afterwards.
        Raises: Denied: the request may not use the console.
        """
        self.check(request)
        notice = ""
        try:
            await run_in_threadpool(do)
        except SeatrialError as problem:
            notice = trouble(problem, language_of(request))
        values = await run_in_threadpool(look)
        return self.render(request, template, notice=notice, **values)

    async def awaited(
        self,
        request: Request,
        template: str,
        look: Callable[[], Awaitable[Mapping[str, Any]]],
    ) -> Response:
        """A template with what a coroutine gives; it gets the ``notice`` alone where that fails.

        Raises: Denied: the request may not use the console.
        """
        self.check(request)
        try:
            values = await look()
        except SeatrialError as problem:
            told = trouble(problem, language_of(request))
            return self.render(request, template, notice=told)
        return self.render(request, template, notice="", **values)

    async def form(self, request: Request) -> dict[str, str]:
        """The form of a request that may use the console.   Raises: Denied."""
        self.check(request)
        return await form_of(request)

    def whole(
        self, request: Request, look: Callable[[], str], *, headers: Mapping[str, str]
    ) -> Response:
        """A page that ``look`` draws by itself, under the same conditions as `shown`.

        Args: headers: what replaces the headers of other pages.
        """
        return self._guarded(
            request, lambda: HTMLResponse(look(), headers={**_SECURITY, **headers})
        )

    def _guarded(self, request: Request, draw: Callable[[], Response]) -> Response:
        try:
            self.check(request)
            return draw()
        except Denied as denied:
            return self.render(request, "login.html", status=403, problem="", denied=denied)
        except NotFound as missing:
            return self.render(request, "missing.html", status=404, problem=missing)

    def render(
        self, request: Request, template: str, *, status: int = 200, **values: Any
    ) -> Response:
        """A template in the language of the request."""
        language = language_of(request)
        text = self._templates.get_template(template).render(
            w=words(language),
            trouble=partial(trouble, language=language),
            coded=partial(coded, language=language),
            language=language,
            sentence=lambda verdict: sentence(verdict, language),
            title=lambda verdict: title(verdict, language),
            number=partial(number, language=language),
            show_duration=partial(show_duration, language=language),
            reason=partial(reason, language=language),
            waiting=lambda said: waiting(language, said),
            name_of_test=partial(name_of_test, language=language),
            test_seen=partial(seen, language=language),
            **spoken(language),
            **spend_spoken(language),
            **values,
        )
        return HTMLResponse(text, status, headers=_SECURITY)


def language_of(request: Request) -> str:
    """The language of a request."""
    return choose(request.cookies.get(LANGUAGE), request.headers.get("accept-language", ""))


async def form_of(request: Request) -> dict[str, str]:
    """A url-encoded form, which `Entrance` bounds."""
    body = await request.body()
    return {k: v[0] for k, v in parse_qs(body.decode("utf-8", "replace")).items()}

"""The pages of retraining: all of them, and one with the steps of its newest run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from seatrial.kernel.errors import NotFound
from seatrial.training.retraining.desk import Retrainings
from seatrial.web.console.frame import Frame, Name, language_of
from seatrial.web.console.retraining_sayings import retraining_said, step_failed

_BY = "console"
_SHOWN_LINES = 40


class RetrainingPages:
    """Looks things up for the templates, and does what buttons ask for.

    Args:
        desk: what is shown and decided on.
        told: the reasons of an endpoint's releases in a language, by what they are in English.
    """

    def __init__(
        self,
        desk: Retrainings,
        told: Callable[[str, str], Mapping[str, str]] = lambda _name, _language: {},
    ) -> None:
        self._desk = desk
        self._told = told

    def all(self) -> dict[str, Any]:
        """What the page of all of them shows."""
        return {"retrainings": self._desk.views()}

    def one(self, name: str, language: str) -> dict[str, Any]:
        """What the page of one shows.   Raises: RetrainingUnknown."""
        view = self._desk.view(name)
        run = view["run"]
        current = None
        if run is not None:
            current = next((s for s in run["steps"] if s["name"] == run.get("step")), None)
        told = self._told(view["endpoint"], language)
        return {
            "retraining": view,
            "run": run,
            "current": current,
            "n_lines": _SHOWN_LINES,
            "told": partial(retraining_said, language=language, told=told),
            "failed": partial(step_failed, language=language),
        }

    def decide(self, name: str, wish: str, form: Mapping[str, str]) -> None:
        """A button.   Raises: what the desk raises; NotFound."""
        reason = form.get("reason", "")[:1000]
        match wish:
            case "now":
                self._desk.now(name, by=_BY, reason=reason)
            case "retry":
                self._desk.retry(name, by=_BY, reason=reason)
            case "approve":
                self._desk.approve(name, by=_BY, reason=reason)
            case "cancel":
                self._desk.cancel(name, by=_BY, reason=reason)
            case "take-over":
                step, output = form.get("step", ""), form.get("output", "")
                self._desk.take_over(name, step, output, by=_BY, reason=reason)
            case _:
                raise NotFound(f"Nobody knows how to {wish!r}.", remedy="Reload the page.")


def add_retraining(router: APIRouter, frame: Frame, pages: RetrainingPages) -> None:
    """The routes of retraining, on the console's router."""
    frame.link("/retraining", "retraining")

    @router.get("/retraining")
    def whole(request: Request) -> Response:
        return frame.shown(request, "retraining.html", pages.all)

    @router.get("/console/retraining")
    def part(request: Request) -> Response:
        return frame.shown(request, "retraining_list.html", pages.all)

    frame.add(
        router,
        {
            "/retraining/{name}": "retraining_one.html",
            "/console/retraining/{name}": "retraining_part.html",
        },
        pages.one,
    )

    @router.post("/console/retraining/{name}/{wish}")
    async def decide(request: Request, name: Name, wish: str) -> Response:
        form = await frame.form(request)
        return await frame.pressed(
            request,
            "retraining_part.html",
            lambda: pages.decide(name, wish, form),
            lambda: pages.one(name, language_of(request)),
        )

"""The pages of experiments, and their buttons."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from seatrial.experiments.desk import ExperimentDesk
from seatrial.kernel.errors import NotFound
from seatrial.web.console.frame import Frame, Name, language_of

_DAY_S = 86_400.0


class ExperimentPages:
    """Looks things up for the templates.

    Args: desk: what is shown and decided on.
    """

    def __init__(self, desk: ExperimentDesk) -> None:
        self._desk = desk

    def all(self) -> dict[str, Any]:
        """What the page of all of them shows."""
        return {"experiments": self._desk.all()}

    def one(self, name: str, language: str) -> dict[str, Any]:
        """What the page of one shows.   Raises: UnknownExperiment."""
        from seatrial.experiments.report import experiment_body  # noqa: PLC0415 - loads numerics

        record, report = self._desk.looked(name)
        judgement = None if report is None else report.judgement
        # The report escapes whatever names it shows.
        body = None if judgement is None else Markup(experiment_body(judgement, language))  # noqa: S704
        if judgement is not None:
            for variant, n in zip(record["variants"], judgement.mismatch.counts, strict=True):
                variant["n_users"] = n
        return {"e": record, "body": body, "towards": _towards(record, judgement)}

    def decide(self, name: str, wish: str) -> None:
        """A button.   Raises: what the desk raises; NotFound."""
        match wish:
            case "start":
                self._desk.start(name, by="console")
            case "stop":
                self._desk.stop(name, by="console")
            case _:
                raise NotFound(f"Nobody knows how to {wish!r}.", remedy="Reload the page.")


def _towards(record: dict[str, Any], judgement: Any) -> list[tuple[str, float, float]]:
    """How far it is to the horizon: a word, how much, of how much."""
    if judgement is None or record["phase"] != "running":
        return []
    horizon, found = judgement.experiment.horizon, []
    if horizon.units:
        found.append(("units", float(judgement.n), float(horizon.units)))
    if horizon.days:
        found.append(("days", record["ran_s"] / _DAY_S, float(horizon.days)))
    return found


def add_experiments(router: APIRouter, frame: Frame, pages: ExperimentPages) -> None:
    """The routes of experiments, on the console's router."""
    frame.link("/experiments", "experiments")
    for path, template in (
        ("/experiments", "experiments.html"),
        ("/console/experiments", "experiments_part.html"),
    ):
        _add_all(router, frame, pages, path, template)
    frame.add(
        router,
        {
            "/experiments/{name}": "experiment.html",
            "/console/experiments/{name}": "experiment_part.html",
        },
        pages.one,
    )

    @router.post("/console/experiments/{name}/{wish}")
    async def decide(request: Request, name: Name, wish: str) -> Response:
        return await frame.pressed(
            request,
            "experiment_part.html",
            lambda: pages.decide(name, wish),
            lambda: pages.one(name, language_of(request)),
        )


def _add_all(
    router: APIRouter, frame: Frame, pages: ExperimentPages, path: str, template: str
) -> None:
    def show(request: Request) -> Response:
        return frame.shown(request, template, pages.all)

    router.add_api_route(path, show, methods=["GET"])

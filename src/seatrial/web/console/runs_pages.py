"""The pages of trainings: all runs, one of them, two beside each other."""

from __future__ import annotations

import shlex
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from seatrial.registry.archive import SUFFIX
from seatrial.training.runs.desk import RunDesk
from seatrial.web.console.frame import Frame, Name
from seatrial.web.console.runs_drawing import curve

SHOWN = 100
"""Runs on one page."""

_IN_LINE = 3
"""Metrics of a run in the list."""


class RunPages:
    """Looks things up for the templates.

    Args: desk: what is shown.
    """

    def __init__(self, desk: RunDesk) -> None:
        self._desk = desk

    def all(self, name: str) -> dict[str, Any]:
        """What the list shows.   Args: name: of one training; "" for all."""
        found = self._desk.runs(name=name)
        return {
            "runs": found[:SHOWN],
            "n_more": max(0, len(found) - SHOWN),
            "names": self._desk.names(),
            "name": name,
            "n_in_line": _IN_LINE,
        }

    def run(self, run_id: str) -> dict[str, Any]:
        """What the page of a run shows.   Raises: UnknownRun."""
        run = self._desk.run(run_id)
        others = [
            one["id"]
            for one in self._desk.runs(name=run["name"], parent=run["parent"])
            if one["id"] != run["id"]
        ]
        return {
            "run": run,
            "curve": curve,
            "others": others[:SHOWN],
            "deploy": _deploy(run)
            or (_deploy(self._desk.run(run["best"])) if run["best"] else None),
            "n_in_line": _IN_LINE,
        }

    def beside(self, first: str, second: str) -> dict[str, Any]:
        """What the page of two runs shows.   Raises: UnknownRun."""
        one, other = self._desk.run(first), self._desk.run(second)
        return {"both": self._desk.compared(first, second), "one": one, "other": other}


def _deploy(run: dict[str, Any]) -> str | None:
    """The command that releases what a run made."""
    if run["status"] != "finished":
        return None
    packed = [a["path"] for a in run["artefacts"] if a["path"].endswith(SUFFIX)]
    if packed:
        return shlex.join(["seatrial", "deploy", f"{run['folder']}/out/{packed[0]}"])
    if not run["model"]:
        return None
    words = ["seatrial", "deploy", f"{run['folder']}/out/{run['model']}", "--name", run["name"]]
    for role in ("data", "holdout"):
        words += [w for f in run["data"] if f["role"] == role for w in (f"--{role}", f["path"])]
    if run["label"]:
        words += ["--label", run["label"]]
    return shlex.join(words)


def add_runs(router: APIRouter, frame: Frame, desk: RunDesk) -> None:
    """The routes of trainings, on the console's router."""
    frame.link("/runs", "runs.short", title="runs", there=lambda: bool(desk.names()))
    pages = RunPages(desk)

    def listed(template: str) -> Any:
        def show(request: Request) -> Response:
            name = request.query_params.get("name", "")[:200]
            return frame.shown(request, template, lambda: pages.all(name))

        return show

    def one(template: str) -> Any:
        def show(request: Request, name: Name) -> Response:
            return frame.shown(request, template, lambda: pages.run(name))

        return show

    router.add_api_route("/runs", listed("runs.html"), methods=["GET"])
    router.add_api_route("/console/runs", listed("runs_part.html"), methods=["GET"])
    router.add_api_route("/runs/{name}", one("run.html"), methods=["GET"])
    router.add_api_route("/console/runs/{name}", one("run_part.html"), methods=["GET"])

    @router.get("/runs/{name}/beside")
    def beside(request: Request, name: Name) -> Response:
        other = request.query_params.get("run", "")[:200]
        return frame.shown(request, "runs_beside.html", lambda: pages.beside(name, other))

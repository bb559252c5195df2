"""The page of features."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from seatrial.features.desk import FeatureDesk
from seatrial.kernel.errors import SeatrialError
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.web.console.frame import Frame
from seatrial.web.features import feature_standing


class FeaturePages:
    """Looks things up for the templates.

    Args:
        desk: how features stand.
        watch: has the alerts about them.
    """

    def __init__(self, desk: FeatureDesk, watch: WatchDesk) -> None:
        self._desk = desk
        self._watch = watch

    def whole(self) -> dict[str, Any]:
        """What the page shows; a store that does not answer is said on it."""
        try:
            return {"standing": feature_standing(self._desk, self._watch), "problem": None}
        except SeatrialError as problem:
            return {"standing": None, "problem": problem}


def add_features(router: APIRouter, frame: Frame, pages: FeaturePages) -> None:
    """The routes of features, on the console's router."""
    frame.link("/features", "features")

    def add(path: str, template: str) -> None:
        def show(request: Request) -> Response:
            return frame.shown(
                request, template, lambda: {**pages.whole(), "quantity_said": quantity_said}
            )

        router.add_api_route(path, show, methods=["GET"])

    add("/features", "features.html")
    add("/console/features", "features_part.html")


def quantity_said(value: float | None) -> str:
    """A number of a range as people read it."""
    return "–" if value is None else f"{value:,.6g}"

"""The page of what calls of language models cost."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from seatrial.gateway.spend.desk import DEFAULT_SPAN, SPANS, SpendDesk
from seatrial.kernel.errors import SeatrialError
from seatrial.web.console.frame import Frame

SHOWN_BUDGETS = 6
"""Budgets shown one by one; those that are short or used up are shown however many there are."""


class SpendPages:
    """Looks things up for the templates.

    Args:
        desk: what is spent; None where no gateway is configured.
    """

    def __init__(self, desk: SpendDesk | None) -> None:
        self._desk = desk

    def whole(self, span: str) -> dict[str, Any]:
        """What the page shows; a ledger or a store that does not answer is said on it.

        Args: span: one of `SPANS`; another one stands for the default.
        """
        span = span if span in SPANS else DEFAULT_SPAN
        shown = {"span": span, "spans": list(SPANS), "spend": None, "problem": None}
        if self._desk is None:
            return shown
        try:
            return shown | {"spend": self._desk.view(span), "n_budgets": SHOWN_BUDGETS}
        except SeatrialError as problem:
            return shown | {"problem": problem}

    def brief(self) -> dict[str, Any]:
        """What the first page shows."""
        if self._desk is None:
            return {"spending": None}
        return {"spending": self.whole(DEFAULT_SPAN)}


def add_spend(router: APIRouter, frame: Frame, pages: SpendPages) -> None:
    """The routes of spending, on the console's router."""
    frame.link("/llm", "spend.short", title="spend")

    def add(path: str, template: str) -> None:
        def show(request: Request) -> Response:
            span = request.query_params.get("span", "")
            here = f"{request.url.scheme}://{request.url.netloc}"
            return frame.shown(request, template, lambda: pages.whole(span) | {"here": here})

        router.add_api_route(path, show, methods=["GET"])

    add("/llm", "spend.html")
    add("/console/llm", "spend_part.html")

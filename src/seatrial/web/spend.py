"""The routes of spending: what calls of language models cost, and where budgets lead."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from seatrial.gateway.ledger.usage import By
from seatrial.gateway.spend.desk import DEFAULT_SPAN, SpendDesk
from seatrial.kernel.errors import Invalid
from seatrial.web.control import guarded
from seatrial.web.guard import Guard

_MONTH_S = 30 * 86_400.0


class TagMissing(Invalid):
    """Costs were asked for by a tag that was not named."""

    code = "gateway.tag_missing"


def spend_router(desk: SpendDesk, guard: Guard) -> APIRouter:
    """Routes under ``/api/llm``; every one of them guarded."""
    router = APIRouter(prefix="/api/llm", tags=["spending"], dependencies=[guarded(guard)])

    @router.get("/spend", summary="Spending over time, budgets, latency, failures and fallbacks")
    def spend(
        span: Annotated[
            str, Query(max_length=10, description="1h, 24h, 7d or 30d.")
        ] = DEFAULT_SPAN,
    ) -> dict[str, Any]:
        return desk.view(span)

    @router.get("/usage", summary="What calls cost, as `seatrial llm usage` tells it")
    def usage(
        by: Annotated[list[By] | None, Query(max_length=5)] = None,
        tag: Annotated[str, Query(max_length=200)] = "",
        since_s: Annotated[float, Query(gt=0, le=400 * 86_400)] = _MONTH_S,
    ) -> list[dict[str, Any]]:
        asked = tuple(dict.fromkeys(by or [By.MODEL]))
        if By.TAG in asked and not tag:
            raise TagMissing(
                "Costs by tag need the name of the tag.", remedy="Add tag=NAME.", field="tag"
            )
        return desk.usage(asked, since_s=since_s, tag=tag)

    return router

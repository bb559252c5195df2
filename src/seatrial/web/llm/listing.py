"""The list of models, in the form of either client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seatrial.gateway.chat.request import DialectName
from seatrial.gateway.routes.table import Route

_LONG_AGO = "1970-01-01T00:00:00Z"
"""Nobody knows when a model was made that is only a name here."""


def listing(routes: Sequence[Route], *, dialect: DialectName) -> dict[str, Any]:
    """What ``/v1/models`` says."""
    if dialect is DialectName.OPENAI:
        return {"object": "list", "data": [entry(route, dialect=dialect) for route in routes]}
    return {
        "data": [entry(route, dialect=dialect) for route in routes],
        "has_more": False,
        "first_id": routes[0].name if routes else None,
        "last_id": routes[-1].name if routes else None,
    }


def entry(route: Route, *, dialect: DialectName) -> dict[str, Any]:
    """One model of it."""
    if dialect is DialectName.OPENAI:
        return {"id": route.name, "object": "model", "created": 0, "owned_by": "seatrial"}
    return {
        "type": "model",
        "id": route.name,
        "display_name": route.name,
        "created_at": _LONG_AGO,
    }

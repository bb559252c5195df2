"""The list of models, in the form of either client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seatrial.gateway.chat.request import DialectName

_LONG_AGO = "1970-01-01T00:00:00Z"
"""Nobody knows when a model was made that is only a name here."""


def listing(names: Sequence[str], *, dialect: DialectName) -> dict[str, Any]:
    """What ``/v1/models`` says."""
    if dialect is DialectName.OPENAI:
        return {"object": "list", "data": [entry(name, dialect=dialect) for name in names]}
    return {
        "data": [entry(name, dialect=dialect) for name in names],
        "has_more": False,
        "first_id": names[0] if names else None,
        "last_id": names[-1] if names else None,
    }


def entry(name: str, *, dialect: DialectName) -> dict[str, Any]:
    """One model of it."""
    if dialect is DialectName.OPENAI:
        return {"id": name, "object": "model", "created": 0, "owned_by": "seatrial"}
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": _LONG_AGO,
    }

"""The facts about the keys of callers, as they are kept."""

from __future__ import annotations

from datetime import UTC, datetime

from seatrial.gateway.routes.keys import (
    CREATED,
    REVOKED,
    STREAM,
    Key,
    KeyRing,
    creation,
    revocation,
)

_WHEN = datetime(2026, 1, 1, tzinfo=UTC)
_MEANING = {
    CREATED: "A key was made; what is secret about it is kept nowhere.",
    REVOKED: "A key may not be used any more.",
}
_TYPES = {str: "text", list: "list", tuple: "list", bool: "true or false", type(None): "or null"}


def key_rows() -> list[list[str]]:
    """A row for each kind."""
    key = Key(id="i", name="n", digest="d")
    drafts = (creation(KeyRing(), key, at=_WHEN, by="person"), revocation(key, by="person"))
    return [
        [
            f"`{draft.kind}`",
            f"`{STREAM}`",
            _MEANING[draft.kind],
            ", ".join(f"`{name}` {_TYPES[type(value)]}" for name, value in draft.data.items()),
        ]
        for draft in drafts
    ]

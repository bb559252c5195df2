"""What the streams of the watch share: times in facts, and what a fact nobody knows means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from seatrial.kernel.errors import Invalid


class UnknownFact(Invalid):
    """The log holds a fact of the watch that cannot follow here, or that this version cannot read.

    State is never guessed from what was not understood.
    """

    code = "monitoring.unknown_fact"


def at_of(data: Mapping[str, Any]) -> datetime:
    """When a fact became true, by whoever decided it, aware UTC."""
    return datetime.fromisoformat(data["at"])


def unknown(kind: str, schema: int, *, why: str) -> UnknownFact:
    """The error for a fact that cannot be folded."""
    return UnknownFact(
        f"A fact {kind!r} of schema {schema} {why}.",
        remedy="Upgrade seatrial to the version that wrote it, or restore the store from a backup.",
        kind=kind,
        schema=schema,
    )

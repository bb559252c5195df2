"""The facts about events themselves, and the schema of events."""

from __future__ import annotations

import json

from seatrial.events.journal import IN, OPENED, OUT, PUBLISHED, RECEIVED, opened, published
from seatrial.events.journal import received as received_draft
from seatrial.events.schema import events_schema

_MEANING = {
    OPENED: "Facts are published from a place in the log on; the name of the installation.",
    PUBLISHED: "All is published up to a place in the log, so many events more.",
    RECEIVED: "Events came: prints of those that had their effect, counts by type and outcome.",
}
_TYPES = {str: "text", int: "integer", list: "list"}


def journal_rows() -> list[list[str]]:
    """A row for each kind."""
    drafts = [opened("name", 1), published(1, 1), received_draft(["a"], {}, [])]
    return [
        [
            f"`{draft.kind}`",
            f"`{IN if draft.kind == RECEIVED else OUT}`",
            _MEANING[draft.kind],
            ", ".join(f"`{name}` {_TYPES[type(value)]}" for name, value in draft.data.items()),
        ]
        for draft in drafts
    ]


def events_schema_file() -> str:
    """docs/reference/events.schema.json."""
    return json.dumps(events_schema(), indent=2) + "\n"

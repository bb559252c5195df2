"""The facts about experiments, as they are made of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from seatrial.experiments.lifecycle import (
    BEGAN,
    DECIDED,
    DRAFTED,
    REFUSED,
    STARTED,
    STOPPED,
    STREAM,
    WIDENED,
    Begin,
    Entered,
    Event,
    Halt,
    Judged,
    Phase,
    Refused,
    Standing,
    Widen,
    Written,
    step,
)

_WHEN = datetime(2026, 1, 1, tzinfo=UTC)
_MEANING: Mapping[str, str] = {
    DRAFTED: "A design was written down, or written anew before its start.",
    STARTED: "Somebody starts it: its users are its own from here on.",
    BEGAN: "Its endpoint splits the requests.",
    REFUSED: "Its endpoint could not; it is a draft again.",
    WIDENED: "It takes more of the users it could have.",
    STOPPED: "It ended without a decision: by a person, a gate, or a rollback.",
    DECIDED: "It ended by its rule.",
}
_SHAPES = {str: "text", float: "number", dict: "object", type(None): "text"}
_MEETINGS: Sequence[tuple[Phase | None, Event]] = (
    (None, Written(name="e", design={})),
    (Phase.DRAFT, Begin()),
    (Phase.STARTING, Entered()),
    (Phase.STARTING, Refused(reason="r")),
    (Phase.RUNNING, Widen(traffic=0.5)),
    (Phase.RUNNING, Halt(reason="r")),
    (Phase.RUNNING, Judged(outcome="ship", winner="b", reason="r", report={})),
)


def experiment_rows() -> list[list[str]]:
    """A row for each kind."""
    drafts = [draft for phase, event in _MEETINGS for draft in step(_in(phase), event, by="p")]
    return [
        [
            f"`{draft.kind}`",
            f"`{STREAM}`",
            _MEANING[draft.kind],
            ", ".join(f"`{name}` {_shape(value)}" for name, value in draft.data.items()),
        ]
        for draft in drafts
    ]


def _in(phase: Phase | None) -> Standing | None:
    if phase is None:
        return None
    return Standing(name="e", phase=phase, design={"traffic": 0.1}, by="p", drafted_at=_WHEN)


def _shape(value: object) -> str:
    return _SHAPES[type(value)]

"""What is said to a model about the form of its answer."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.gateway.structured.problem import Fault, Problem
from seatrial.gateway.structured.shape import AnyObject, Shape, written

_MAX_PROBLEMS = 20
_MAX_ECHO = 20_000


def instruction(shape: Shape[object]) -> str:
    """Says the schema, for a model that is not held to it."""
    if isinstance(shape, AnyObject):
        return "Answer with one JSON object and nothing else: no code fence, no explanation."
    return (
        "Answer with one JSON object that fits the JSON schema below, and nothing else: no code "
        "fence, no explanation, no comments. Give an instance, not the schema.\n\n"
        + written(shape.schema)
    )


def complaint(problems: Sequence[Problem]) -> str:
    """Says everything that is wrong with the last answer, and what to do."""
    lines = [f"- {_said(problem)}" for problem in problems[:_MAX_PROBLEMS]]
    if len(problems) > _MAX_PROBLEMS:
        lines.append(f"- and {len(problems) - _MAX_PROBLEMS} more of this kind")
    return (
        "Your last answer cannot be used:\n"
        + "\n".join(lines)
        + "\n\nAnswer again with the whole JSON object, corrected, and nothing else. "
        "Keep what was right."
    )


_ADVICE = {
    Fault.NOT_A_NUMBER: " Use a finite number, or null where the schema allows it.",
    Fault.DUPLICATE: " Give every key once.",
    Fault.AMBIGUOUS: " Give exactly one JSON object.",
    Fault.OPEN: " Escape quotes and line breaks within strings, and close every bracket.",
    Fault.SYNTAX: " Escape quotes within strings, and use strict JSON.",
}


def _said(problem: Problem) -> str:
    message = str(problem)
    return f"{message}{'' if message.endswith('.') else '.'}{_ADVICE.get(problem.fault, '')}"


def echo(text: str) -> str:
    """The last answer as it is shown to the model again: its beginning, where it is very long."""
    if not text.strip():
        return "(no text)"
    return text if len(text) <= _MAX_ECHO else text[:_MAX_ECHO] + " ..."

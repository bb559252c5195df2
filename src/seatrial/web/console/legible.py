"""Texts of others, such as names of columns, so that a reader sees what they are."""

from __future__ import annotations

from typing import Any

_LONGEST = 60


def visible(value: Any) -> Any:
    """A text with a sign for each character that has none, such as those that turn the line round.

    Markup and what is no text stay as they are.
    """
    if type(value) is not str or value.isprintable():
        return value
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in value
    )


def cut(name: object) -> str:
    """A name that leaves room for others; what is left out of its middle is an ellipsis."""
    text = str(name)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 13]}…{text[-12:]}"

"""Levels in their colours, and names that are too long for a line of a terminal."""

from __future__ import annotations

import click

_COLOURS = {
    "alarm": "red",
    "critical": "red",
    "drift": "red",
    "firing": "red",
    "warning": "yellow",
    "pending": "yellow",
    "inconclusive": "yellow",
    "small": "yellow",
    "clear": "green",
    "quiet": "green",
}


def cut(text: str, width: int) -> str:
    """A text, shortened to a width where it is longer."""
    return text if len(text) <= width else text[: width - 1] + "…"


def mark(level: str, width: int = 0, *, text: str = "") -> str:
    """A level in its colour, or another text in that colour, at least so wide."""
    colour = _COLOURS.get(level)
    shown = f"{text or level:<{width}}"
    return click.style(shown, fg=colour, bold=colour == "red") if colour else shown

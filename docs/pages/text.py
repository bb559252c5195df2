"""Markdown: a table, a cell, a docstring's first paragraph."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table as lines."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(map(cell, row))} |" for row in rows]


def cell(text: str) -> str:
    """Text that may stand in a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def first_paragraph(thing: object) -> str:
    """The first paragraph of a docstring on one line, with Markdown's way to write code."""
    paragraph = inspect.cleandoc(thing.__doc__ or "").partition("\n\n")[0]
    return paragraph.replace("\n", " ").replace("``", "`")


def page(title: str, *blocks: Iterable[str]) -> str:
    """A page of blocks with an empty line between."""
    return "\n\n".join(["# " + title, *("\n".join(block) for block in blocks)]) + "\n"

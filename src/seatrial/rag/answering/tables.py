"""Rows of Markdown tables, as an answer can say them: each cell with the name of its column."""

from __future__ import annotations

import re

from seatrial.rag.text.document import Span

_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_CELLS = re.compile(r"(?<!\\)\|")
_MOST_ROWS = 2_000
"""Lines above a row that are searched for the names of its columns."""


def is_frame(passage: str, span: Span) -> bool:
    """Whether a line is no row but the names of columns, or the rule below them."""
    line = passage[span.start : span.end]
    if not line.startswith("|"):
        return False
    following = passage[span.end :].lstrip("\n").partition("\n")[0]
    return _RULE.fullmatch(line) is not None or _is_rule(following)


def named_cells(passage: str, span: Span) -> tuple[str, Span] | None:
    """A row as ``name: Ada; city: London``, and where the names of the columns stand.

    Returns: None for what is no row, and for a row whose columns' names the passage does not hold.
    """
    row = passage[span.start : span.end]
    if not row.startswith("|") or "\n" in row:
        return None
    end = passage.rfind("\n", 0, span.start)
    rule = False
    for _ in range(_MOST_ROWS):
        start = passage.rfind("\n", 0, max(end, 0)) + 1
        line = passage[start : max(end, 0)]
        if rule:
            return _paired(_cells(line), _cells(row), Span(start, end))
        if end <= 0 or not line.lstrip().startswith("|"):
            return None
        rule = _is_rule(line)
        end = start - 1
    return None


def _paired(names: list[str], cells: list[str], at: Span) -> tuple[str, Span] | None:
    if len(names) != len(cells):
        return None
    pairs = [(name, cell) for name, cell in zip(names, cells, strict=True) if cell]
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs), at


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in _CELLS.split(line.strip().strip("|"))]


def _is_rule(line: str) -> bool:
    return "-" in line and "|" in line and _RULE.fullmatch(line) is not None

"""Rows of tables as text that can be read and found: ``name: Ada; city: London``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from seatrial.rag.loading.packed import too_large
from seatrial.rag.loading.settings import LimitsConfig


def header_names(cells: Sequence[str]) -> list[str]:
    """Names of columns: blank ones get their number, repeated ones a number behind them."""
    names: list[str] = []
    seen: dict[str, int] = {}
    for index, cell in enumerate(cells, start=1):
        name = " ".join(cell.split()) or f"column {index}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return names


def row_text(names: Sequence[str], cells: Sequence[str]) -> str:
    """One row; cells without a name stand alone, empty ones are left out."""
    parts = []
    for index, cell in enumerate(cells):
        value = cell.strip()
        if value:
            parts.append(f"{names[index]}: {value}" if index < len(names) else value)
    return "; ".join(parts)


def joined(lines: Iterable[str], limits: LimitsConfig) -> str:
    """Lines as one text; names of columns, written again in each row, must not make it a bomb.

    Raises: Unloadable (too large).
    """
    kept: list[str] = []
    n_characters = 0
    for line in lines:
        n_characters += len(line) + 1
        if n_characters > limits.unpacked_bytes:
            raise too_large("of text in its rows", limits.unpacked_bytes, "unpacked_bytes")
        if line:
            kept.append(line)
    return "\n".join(kept)

"""Rows of tables as text that can be read and found: ``name: Ada; city: London``."""

from __future__ import annotations

from collections.abc import Sequence


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

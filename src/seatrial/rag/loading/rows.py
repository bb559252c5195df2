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


class TableLines:
    """The rows of one table as lines; nothing of its header is lost.

    Args: header: the cells that name the columns; none where nothing does.
    """

    def __init__(self, header: Sequence[str] = ()) -> None:
        self._names = header_names(header)
        self._unused = {n: cell.strip() for n, cell in enumerate(header) if cell.strip()}

    def line(self, cells: Sequence[str]) -> str:
        """A row."""
        for index, cell in enumerate(cells):
            if cell.strip():
                self._unused.pop(index, None)
        return row_text(self._names, cells)

    def rest(self) -> str:
        """Names of columns that no row had a value for: titles, more often than not."""
        return "; ".join(self._unused.values())


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

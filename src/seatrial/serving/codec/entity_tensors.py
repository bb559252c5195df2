"""Tensors that name entities: turned into rows, as plain JSON has them, to be completed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from numpy.typing import NDArray

from seatrial.serving.exchange import BadInput, shown

OF_ENTITY: Final = "entity."
"""A tensor whose name begins so holds the join key of that name."""


def entity_rows(columns: Mapping[str, NDArray[Any]]) -> list[Any]:
    """Rows with their ``entity``; NaN of other tensors is a missing value.

    Args: columns: flat arrays by the names of their tensors, at least one.
    Raises: BadInput: they are not as long as each other.
    """
    first, n = next((name, len(values)) for name, values in columns.items())
    for name, values in columns.items():
        if len(values) != n:
            raise BadInput(
                f"The tensor {shown(name)} has {len(values)} values, {shown(first)} has {n}.",
                remedy="Send as many values in every tensor.",
                field=name[:200],
            )
    rows: list[Any] = [{"entity": {}} for _ in range(n)]
    for name, values in columns.items():
        key = name.removeprefix(OF_ENTITY)
        for row, value in zip(rows, values.tolist(), strict=True):
            if key != name:
                row["entity"][key] = value
            else:
                row[name] = None if value != value else value  # noqa: PLR0124 - NaN
    return rows

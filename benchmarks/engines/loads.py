"""The parts of the run: which loads of which model, and who is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.serving.scenario import Encoding, Model, Scenario

BY_HAND: Final = "fastapi"
SUBJECT: Final = "seatrial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What can be measured again by itself.

    Args: title: for its tables; peers: who is in it; None for all.
    """

    title: str
    scenarios: tuple[Scenario, ...]
    peers: tuple[str, ...] | None = None


def load(model: Model, rows: int, clients: int) -> Scenario:
    """So many rows a request from so many clients."""
    return Scenario(
        name=f"{model}-{rows}-c{clients}",
        title=f"{rows} row{'s' if rows > 1 else ''} a request",
        short=f"{model}, {rows} row{'s' if rows > 1 else ''}, c{clients}",
        model=model,
        rows=rows,
        encoding=Encoding.JSON,
        concurrency=clients,
    )


def _loads(model: Model, rows: tuple[int, ...] = (1, 64)) -> tuple[Scenario, ...]:
    return tuple(load(model, n, clients) for n in rows for clients in (1, 16))


PARTS: Mapping[str, Part] = {
    "small": Part(title="Small model (gradient boosting)", scenarios=_loads(Model.GBDT)),
    "net": Part(title="Heavy model (net)", scenarios=_loads(Model.NET)),
    "int8": Part(
        title="The net with weights of 8 bits",
        scenarios=_loads(Model.NET, (1,)) + _loads(Model.NET_INT8, (1,)),
        peers=(SUBJECT, BY_HAND),
    ),
}
"""In the order of the page."""

"""What serving looked up for an entity at a time, as it is kept for the comparison with offline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from seatrial.features.completion import At, Found, Wanted, read_of
from seatrial.features.online import Read, State
from seatrial.features.plan import Plan

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One row of a request.

    Args:
        at_us: when it was looked up, in microseconds since 1970.
        key: value by join key.
        reads: what was found, before a default stood in, by reference of the feature.
    """

    at_us: int
    key: Mapping[str, int | str]
    reads: Mapping[str, Read]


class ServedSink(Protocol):
    """Keeps some of what was looked up, off the path of requests."""

    def wants(self) -> bool:
        """Whether the next row is to be kept."""
        ...

    def offer(self, served: Served) -> None:
        """Keep it; waits for nothing, and may drop it for want of room."""
        ...


def served_of(
    plan: Plan, entity: Mapping[str, Any], what: Wanted, place: int, found: Found, *, now_us: int
) -> Served:
    """What was found for one row.

    Args: place: of the row in ``what``.
    """
    at = At(now_us, plan.max_age_us)
    reads = {
        str(column.selected.reference): read_of(column, what.keys, place, found, at)
        for column in plan.columns
    }
    return Served(at_us=now_us, key=dict(entity), reads=reads)


def to_line(served: Served) -> str:
    """As one line of JSON; bytes are written in hex."""
    reads = {
        name: [
            read.state.value,
            read.value.hex() if isinstance(read.value, bytes) else read.value,
            read.age_us,
        ]
        for name, read in served.reads.items()
    }
    return json.dumps({"v": SCHEMA, "at_us": served.at_us, "key": served.key, "reads": reads})


def from_line(line: str) -> Served | None:
    """What `to_line` wrote; None for a line that was cut off or is of another version."""
    try:
        record = json.loads(line)
        if record["v"] != SCHEMA:
            return None
        reads = {
            name: Read(State(state), value, age_us)
            for name, (state, value, age_us) in record["reads"].items()
        }
        return Served(at_us=record["at_us"], key=record["key"], reads=reads)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def with_features(served: Sequence[Served], references: Sequence[str]) -> list[Served]:
    """Those that hold all of these features."""
    return [one for one in served if all(name in one.reads for name in references)]

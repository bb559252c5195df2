"""Offline against online: the same features of the same entities at the same time, compared.

What serving would see is held against what a training set would get. Where both have nothing, they
agree: a value that expired online is dropped offline too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from seatrial.features.offline import EntityRow
from seatrial.features.online import Read, State, Value
from seatrial.features.view import Selected, ValueType

_FLOAT32_STEP = 2.0**-23
_FLOAT64_STEP = 1e-12
_EXAMPLES = 5


class Difference(StrEnum):
    """Why the two do not agree."""

    NOT_MATERIALIZED = "not_materialized"
    STALE_ONLINE = "stale_online"
    NULL_ONLINE = "null_online"
    ONLY_ONLINE = "only_online"
    VALUE = "value"


MEANING: Mapping[Difference, str] = {
    Difference.NOT_MATERIALIZED: "offline has a value, online has none: materialize",
    Difference.STALE_ONLINE: "offline has a newer value than the one that expired online: "
    "materialize",
    Difference.NULL_ONLINE: "offline has a value, online holds null",
    Difference.ONLY_ONLINE: "online has a value that a training set would not get",
    Difference.VALUE: "both have a value, and not the same: materialize, or see who else writes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One entity for which they differ."""

    key: Mapping[str, int | str | bytes]
    offline: Value
    online: Value
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One feature over all entities.

    Args:
        n: entities compared.
        n_absent: of them those where both have nothing.
        n_hidden: of them those for which the online store holds a value that expired, which Feast
            itself hands out.
        differences: how many of each kind; those that are 0 are not there.
        examples: at most five of each kind.
        oldest_us: age of the oldest value that counts online, or None.
    """

    reference: str
    n: int
    n_absent: int
    n_hidden: int
    differences: Mapping[Difference, int]
    examples: Mapping[Difference, Sequence[Example]]
    oldest_us: int | None

    @property
    def n_different(self) -> int:
        """Entities for which they differ."""
        return sum(self.differences.values())


def compare(
    rows: Sequence[EntityRow],
    selected: Sequence[Selected],
    offline: Sequence[Sequence[Value]],
    online: Sequence[Sequence[Read]],
) -> tuple[Compared, ...]:
    """Compare feature by feature.

    Args:
        offline: values by row and feature.
        online: what was read online at the same time, likewise.
    """
    return tuple(
        _of_feature(rows, one, [values[i] for values in offline], [reads[i] for reads in online])
        for i, one in enumerate(selected)
    )


def _of_feature(
    rows: Sequence[EntityRow],
    selected: Selected,
    offline: Sequence[Value],
    online: Sequence[Read],
) -> Compared:
    counts: dict[Difference, int] = {}
    examples: dict[Difference, list[Example]] = {}
    n_absent = n_hidden = 0
    for row, value, read in zip(rows, offline, online, strict=True):
        n_hidden += read.state is State.STALE
        difference = _difference(selected.field.type, value, read)
        if difference is None:
            n_absent += value is None
            continue
        counts[difference] = counts.get(difference, 0) + 1
        kept = examples.setdefault(difference, [])
        if len(kept) < _EXAMPLES:
            kept.append(Example(key=row.key, offline=value, online=read.value, state=read.state))
    ages = [
        read.age_us for read in online if read.state is State.PRESENT and read.age_us is not None
    ]
    return Compared(
        reference=str(selected.reference),
        n=len(rows),
        n_absent=n_absent,
        n_hidden=n_hidden,
        differences=counts,
        examples=examples,
        oldest_us=max(ages, default=None),
    )


def _difference(kind: ValueType, offline: Value, read: Read) -> Difference | None:
    if read.state is State.PRESENT:
        if offline is None:
            return Difference.ONLY_ONLINE
        return None if same(kind, offline, read.value) else Difference.VALUE
    if offline is None:
        return None
    return {
        State.NULL: Difference.NULL_ONLINE,
        State.STALE: Difference.STALE_ONLINE,
    }.get(read.state, Difference.NOT_MATERIALIZED)


def same(kind: ValueType, one: Value, other: Value) -> bool:
    """Whether two values of a feature are the same, as far as its type can hold them."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        step = _FLOAT32_STEP if kind is ValueType.FLOAT else _FLOAT64_STEP
        return math.isclose(one, other, rel_tol=step, abs_tol=0.0)
    return one == other

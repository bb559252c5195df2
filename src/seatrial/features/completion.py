"""Rows that name an entity, completed with its features: pure, before and after the store is read.

A row is an object of a request. Its ``entity`` holds the join keys; the features take its place.
What the row gives itself is left as it is, and is not looked up into.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from seatrial.features.failures import EntityInvalid, EntityMissing, FeatureStale
from seatrial.features.online import EntityKey, Read, State, Stored, judged
from seatrial.features.plan import Column, Plan
from seatrial.features.view import ValueType, View

ENTITY = "entity"
"""The key of a row that holds the entity."""

MAX_ENTITIES = 10_000
"""Of one request: others wait while a store reads them."""

Keys: TypeAlias = Mapping[View, Sequence[EntityKey]]
"""For each view the keys of the rows, in their order."""

Found: TypeAlias = Mapping[View, Mapping[EntityKey, Stored | None]]

Observe: TypeAlias = Callable[[Column, Read, int], None]
"""Told what was read for a column, and as of when, in microseconds."""

_TYPES = {ValueType.STRING: str}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a request needs looked up.

    Args:
        rows: the rows that name an entity, by their place in the request.
        keys: in the order of ``rows``.
    """

    rows: Sequence[int]
    keys: Keys


def wanted(plan: Plan, rows: Sequence[object]) -> Wanted | None:
    """What of a request is to be looked up; None where no row names an entity.

    Raises: EntityInvalid.
    """
    places = [
        i for i, row in enumerate(rows) if type(row) is dict and type(row.get(ENTITY)) is dict
    ]
    if not places:
        return None
    if len(places) > MAX_ENTITIES:
        raise EntityInvalid(
            f"{len(places)} rows name an entity, more than the {MAX_ENTITIES} of one request.",
            remedy=f"Send at most {MAX_ENTITIES} of them at once, or the features themselves.",
            field=ENTITY,
        )
    entities = [_checked(plan, rows[i][ENTITY], i) for i in places]  # type: ignore[index]
    keys: dict[View, list[EntityKey]] = {}
    for view in plan.views:
        names = [field.name for field in view.join_keys]
        keys[view] = [tuple(entity[name] for name in names) for entity in entities]
    return Wanted(rows=places, keys=keys)


def complete(
    plan: Plan,
    rows: list[Any],
    what: Wanted,
    found: Found | None,
    *,
    now_us: int,
    observe: Observe | None = None,
) -> None:
    """Put features in the place of entities, in ``rows``.

    Args:
        found: what the store had; None where it did not answer, and every feature has a default.
        observe: told of each value that was looked up.
    Raises: EntityMissing, FeatureStale: a value that counts no more, and no default.
    """
    for place, row in enumerate(what.rows):
        given: dict[str, Any] = rows[row]
        whole = {name: value for name, value in given.items() if name != ENTITY}
        for column in plan.columns:
            if column.name in whole:
                continue
            view = column.selected.view
            if found is None:
                read = Read(State.MISSING)
            else:
                stored = found[view][what.keys[view][place]]
                feature = column.selected.field.name
                read = judged(stored, view, feature, now_us=now_us, max_age_us=plan.max_age_us)
                if observe is not None:
                    observe(column, read, now_us)
            whole[column.name] = (
                read.value
                if read.state is State.PRESENT
                else _standing_in(column, read, row, given[ENTITY])
            )
        rows[row] = whole


def _standing_in(column: Column, read: Read, row: int, entity: Mapping[str, Any]) -> Any:
    if column.default is not None:
        return column.default.value
    if read.state is State.NULL:
        return None
    feature, shown = str(column.selected.reference), _shown(entity)
    if read.state is State.STALE:
        assert read.age_us is not None
        raise FeatureStale(
            f"The feature {feature} of {shown} is {read.age_us / 1e6:,.0f} s old, "
            "more than its TTL or max_age allows.",
            remedy="Run seatrial features materialize, or configure a default for it.",
            field=column.name,
            row=row,
        )
    raise EntityMissing(
        f"The online store has no {feature} of {shown}.",
        remedy="See whether this entity exists and was materialized (seatrial features "
        "materialize), send the feature itself, or configure a default for it.",
        field=column.name,
        row=row,
    )


def _checked(plan: Plan, entity: dict[str, Any], row: int) -> dict[str, Any]:
    if entity.keys() != plan.keys.keys():
        strange = sorted(entity.keys() ^ plan.keys.keys())[0]
        how = "lacks the join key" if strange in plan.keys else "has the unknown key"
        raise EntityInvalid(
            f"The entity of row {row} {how} {strange[:100]!r}.",
            remedy=f"Send exactly: {', '.join(plan.keys)}.",
            field=ENTITY,
            row=row,
        )
    for name, field in plan.keys.items():
        kind = _TYPES.get(field.type, int)
        if type(entity[name]) is not kind:
            word = "a text" if kind is str else "a whole number"
            raise EntityInvalid(
                f"The join key {name!r} of row {row} is {ascii(entity[name])[:60]}, not {word}.",
                remedy=f"Send {word}; the key is {field.type}.",
                field=name,
                row=row,
            )
    return entity


def _shown(entity: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={ascii(value)[:40]}" for name, value in entity.items())

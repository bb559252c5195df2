"""Rows that name an entity, completed with its features: pure, before and after the store is read.

A row is an object of a request. Its ``entity`` holds the join keys; the features take its place.
What the row gives itself is left as it is, and is not looked up into.

Rows are completed before anybody knows which version answers, so with all that any version may
take: what keeps a feature from being found counts only where the version takes that feature.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from seatrial.features.failures import EntityInvalid, EntityMissing, FeatureStale
from seatrial.features.online import EntityKey, Read, State, Stored, judged
from seatrial.features.plan import Column, Plan
from seatrial.features.view import Field, ValueType, View
from seatrial.kernel.errors import SeatrialError

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
    named = [
        (i, row[ENTITY])
        for i, row in enumerate(rows)
        if type(row) is dict and type(row.get(ENTITY)) is dict
    ]
    if not named:
        return None
    if len(named) > MAX_ENTITIES:
        raise EntityInvalid(
            f"{len(named)} rows name an entity, more than the {MAX_ENTITIES} of one request.",
            remedy=f"Send at most {MAX_ENTITIES} of them at once, or the features themselves.",
            field=ENTITY,
        )
    entities = [_checked(plan, entity, i) for i, entity in named]
    keys: dict[View, list[EntityKey]] = {}
    for view in plan.views:
        names = [field.name for field in view.join_keys]
        keys[view] = [tuple(entity[name] for name in names) for entity in entities]
    return Wanted(rows=[i for i, _ in named], keys=keys)


@dataclass(frozen=True, slots=True)
class At:
    """As of when values are judged, and how old they may be besides the TTL of their view."""

    now_us: int
    max_age_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What became of the rows of a request; see `serving.completion.Filled`.

    Args:
        rows: the rows that were completed, by their place in the request.
        names: of the inputs that were looked up.
        problems: by input the first that kept it from being found.
    """

    rows: Sequence[int]
    names: Sequence[str]
    problems: Mapping[str, SeatrialError]

    def fit(self, rows: list[Any], names: Container[str]) -> None:
        """See Filled.   Raises: EntityMissing, FeatureStale, and why a store did not answer."""
        for name, problem in self.problems.items():
            if name in names:
                raise problem
        for name in self.names:
            if name not in names:
                for row in self.rows:
                    rows[row].pop(name, None)


def complete(
    plan: Plan,
    rows: list[Any],
    what: Wanted,
    found: Found | SeatrialError,
    *,
    now_us: int,
    observe: Observe | None = None,
) -> Filled:
    """Put features in the place of entities, in ``rows``.

    Args:
        found: what the store had, or why it did not answer.
        observe: told of each value that was looked up.
    """
    problems: dict[str, SeatrialError] = {}
    at = At(now_us, plan.max_age_us)
    for place, row in enumerate(what.rows):
        given: dict[str, Any] = rows[row]
        whole = {name: value for name, value in given.items() if name != ENTITY}
        for column in plan.columns:
            if column.name in whole:
                continue
            if isinstance(found, SeatrialError):
                read, problem = Read(State.MISSING), found
            else:
                read = read_of(column, what.keys, place, found, at)
                problem = None
                if observe is not None:
                    observe(column, read, now_us)
            value = _value(column, read, row, given[ENTITY], problem)
            if isinstance(value, SeatrialError):
                problems.setdefault(column.name, value)
            else:
                whole[column.name] = value
        rows[row] = whole
    return Filled(rows=what.rows, names=[one.name for one in plan.columns], problems=problems)


def read_of(column: Column, keys: Keys, place: int, found: Found, at: At) -> Read:
    """What was found of a feature for one row, as of a time.

    Args: place: of the row among the ``keys``.
    """
    view, feature = column.selected.view, column.selected.field.name
    stored = found[view][keys[view][place]]
    return judged(stored, view, feature, now_us=at.now_us, max_age_us=at.max_age_us)


def _value(
    column: Column,
    read: Read,
    row: int,
    entity: Mapping[str, Any],
    problem: SeatrialError | None,
) -> Any:
    """What stands in the row; a SeatrialError where nothing can."""
    if read.state is State.PRESENT:
        return read.value
    if column.default is not None:
        return column.default.value
    if read.state is State.NULL:
        return None
    return problem or _lack(column, read, row, entity)


def _lack(column: Column, read: Read, row: int, entity: Mapping[str, Any]) -> SeatrialError:
    feature, shown = str(column.selected.reference), _shown(entity)
    if read.state is State.STALE:
        assert read.age_us is not None
        return FeatureStale(
            f"The feature {feature} of {shown} is {read.age_us / 1e6:,.0f} s old, "
            "more than its TTL or max_age allows.",
            remedy="Run seatrial features materialize, or configure a default for it.",
            field=column.name,
            row=row,
        )
    return EntityMissing(
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
        _check_range(field, entity[name], row)
    return entity


def _check_range(field: Field, value: int | str, row: int) -> None:
    """Refuse what no store can hold, before it is read together with the keys of others."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            fits = False
        else:
            fits = True
    else:
        half = 1 << (31 if field.type is ValueType.INT32 else 63)
        fits = -half <= value < half
    if not fits:
        raise EntityInvalid(
            f"The join key {field.name!r} of row {row} cannot be {ascii(value)[:60]}.",
            remedy=f"Send a value that {field.type} can hold.",
            field=field.name,
            row=row,
        )


def _shown(entity: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={ascii(value)[:40]}" for name, value in entity.items())

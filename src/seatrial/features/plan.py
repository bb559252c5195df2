"""What one endpoint looks up: configuration and repository, made ready for requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from seatrial.features.config import LookupConfig
from seatrial.features.failures import RepositoryInvalid, Unregistered, Unsupported
from seatrial.features.online import Value
from seatrial.features.view import Field, Repository, Selected, ValueType, View, by_view


@dataclass(frozen=True, slots=True)
class Default:
    """What stands in for a value that is not there."""

    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """An input of the model that a feature fills."""

    name: str
    selected: Selected
    default: Default | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is looked up for the rows of an endpoint.

    Args:
        columns: one for each feature, names distinct.
        deadline_s: how long the store may take, > 0.
        max_age_us: how old values may be besides their view's TTL; None for any age.
    """

    columns: tuple[Column, ...]
    deadline_s: float
    max_age_us: int | None
    views: Mapping[View, tuple[str, ...]] = field(init=False)
    keys: Mapping[str, Field] = field(init=False)

    def __post_init__(self) -> None:
        views = by_view(column.selected for column in self.columns)
        keys: dict[str, Field] = {}
        for view in views:
            for key in view.join_keys:
                if keys.setdefault(key.name, key) != key:
                    raise Unsupported(
                        f"The join key {key.name!r} has the type {key.type} in one view and "
                        f"{keys[key.name].type} in another.",
                        remedy="Give it the same type in all views that are used together.",
                        key=key.name,
                    )
                if key.type not in _OF_JSON:
                    raise Unsupported(
                        f"The join key {key.name!r} is {key.type}, which JSON does not have.",
                        remedy="Use a number or a text as key.",
                        key=key.name,
                    )
        object.__setattr__(self, "views", views)
        object.__setattr__(self, "keys", keys)


_OF_JSON = {ValueType.INT32, ValueType.INT64, ValueType.UNIX_TIMESTAMP, ValueType.STRING}


def plan_of(config: LookupConfig, repository: Repository) -> Plan:
    """The plan of an endpoint.

    Raises: Unregistered, Unsupported, RepositoryInvalid: two features for one input.
    """
    selected = (
        repository.of_service(config.service)
        if config.service is not None
        else repository.select(config.features)
    )
    names = [one.field.name for one in selected]
    known = [*names, *(str(one.reference) for one in selected)]
    for kind, given in (("columns", config.columns), ("defaults", config.defaults)):
        for name in given:
            if name not in known:
                raise _stranger(kind, name, names)
    columns = tuple(
        Column(
            name=_input(config.columns, one),
            selected=one,
            default=_default(config.defaults, one),
        )
        for one in selected
    )
    filled = [column.name for column in columns]
    for name in filled:
        if filled.count(name) > 1:
            raise RepositoryInvalid(
                f"Two features fill the input {name!r}.",
                remedy="Give one of them another input under columns, or leave it out.",
                field=name,
            )
    max_age_us = None if config.max_age is None else round(config.max_age * 1e6)
    return Plan(columns=columns, deadline_s=config.deadline, max_age_us=max_age_us)


def taken_away(before: Plan, now: Plan) -> tuple[str, ...]:
    """Inputs that the plan before fills and this one does not, which models may be waiting for."""
    left = {column.name for column in now.columns}
    return tuple(column.name for column in before.columns if column.name not in left)


def _input(given: Mapping[str, str], selected: Selected) -> str:
    """The input that a feature fills, by its reference or else by its name."""
    name = selected.field.name
    return given.get(str(selected.reference), given.get(name, name))


def _default(given: Mapping[str, Value], selected: Selected) -> Default | None:
    """The default of a feature; one of null is one."""
    names = (str(selected.reference), selected.field.name)
    return next((Default(given[name]) for name in names if name in given), None)


def _stranger(kind: str, name: str, names: list[str]) -> Unregistered:
    near = get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return Unregistered(
        f"{kind} names {name!r}, which is no feature that is looked up{hint}",
        remedy=f"Name one of: {', '.join(names)}.",
        name=name,
        nearest=near[0] if near else None,
    )

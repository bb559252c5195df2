"""Conditions on metadata, which mean the same in every store.

A comparison with a field that a document does not have is false; `Not` is the plain complement.
A field that holds several values (tags) satisfies a comparison when one of them does. Text and
numbers are never equal, and numbers compare as numbers: ``3 == 3.0``; a boolean equals only a
boolean. Ranges over text compare code points, which is right for ISO 8601 times.

As JSON: ``{"year": {"gte": 2020, "lt": 2024}}``, ``{"lang": "de"}``, ``{"tag": {"in": ["a"]}}``,
``{"and": [...]}``, ``{"or": [...]}``, ``{"not": {...}}``; several fields in one object mean "and".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from seatrial.kernel.errors import Invalid
from seatrial.rag.text.document import Metadata

Scalar: TypeAlias = str | int | float | bool
_DEPTH = 32
_TERMS = 1024
_BOUNDS = ("gt", "gte", "lt", "lte")


class ConditionInvalid(Invalid):
    """A condition on metadata cannot be read."""

    code = "rag.condition_invalid"


@dataclass(frozen=True, slots=True)
class Equals:
    """The field holds this value."""

    field: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class In:
    """The field holds one of these values; none of them: never true."""

    field: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The field lies between bounds, all of one kind: numbers, or text."""

    field: str
    gt: str | float | None = None
    gte: str | float | None = None
    lt: str | float | None = None
    lte: str | float | None = None


@dataclass(frozen=True, slots=True)
class And:
    """All hold; of none: true."""

    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One holds; of none: false."""

    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """It does not hold."""

    of: Condition


Condition: TypeAlias = Equals | In | Range | And | Or | Not


def satisfies(metadata: Metadata, condition: Condition) -> bool:
    """Whether a document's metadata satisfies a condition: the definition all stores follow."""
    match condition:
        case Equals(field, value):
            return any(_equal(held, value) for held in _held(metadata, field))
        case In(field, values):
            return any(_equal(held, value) for held in _held(metadata, field) for value in values)
        case Range(field=field):
            return any(_between(held, condition) for held in _held(metadata, field))
        case And(parts):
            return all(satisfies(metadata, part) for part in parts)
        case Or(parts):
            return any(satisfies(metadata, part) for part in parts)
        case Not(part):
            return not satisfies(metadata, part)
        case _:
            assert_never(condition)


def _held(metadata: Metadata, field: str) -> Sequence[Scalar]:
    value = metadata.get(field)
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _equal(held: Scalar, value: Scalar) -> bool:
    return held == value and isinstance(held, bool) == isinstance(value, bool)


def _between(held: Scalar, bounds: Range) -> bool:
    limits = [getattr(bounds, name) for name in _BOUNDS]
    for limit in limits:
        if limit is not None and (
            isinstance(held, bool) or isinstance(held, str) != isinstance(limit, str)
        ):
            return False
    gt, gte, lt, lte = limits
    return (
        (gt is None or held > gt)
        and (gte is None or held >= gte)
        and (lt is None or held < lt)
        and (lte is None or held <= lte)
    )


def condition_of(written: object) -> Condition:
    """Read a condition from JSON.

    Raises: ConditionInvalid, with the place of what is wrong.
    """
    reader = _Reader()
    return reader.condition(written, "filter", 0)


class _Reader:
    def __init__(self) -> None:
        self.n_terms = 0

    def condition(self, written: object, at: str, depth: int) -> Condition:
        if not isinstance(written, Mapping):
            raise _wrong(at, f"{written!r} is not an object")
        if depth > _DEPTH:
            raise _wrong(at, f"it is nested more than {_DEPTH} deep")
        parts = [self._part(str(name), value, at, depth) for name, value in written.items()]
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _part(self, name: str, value: object, at: str, depth: int) -> Condition:
        self.n_terms += 1
        if self.n_terms > _TERMS:
            raise _wrong("filter", f"it has more than {_TERMS} terms")
        here = f"{at}.{name}"
        if name in {"and", "or"}:
            if not isinstance(value, list):
                raise _wrong(here, f"{value!r} is not a list of conditions")
            parts = tuple(
                self.condition(part, f"{here}[{index}]", depth + 1)
                for index, part in enumerate(value)
            )
            return And(parts) if name == "and" else Or(parts)
        if name == "not":
            return Not(self.condition(value, here, depth + 1))
        if isinstance(value, Mapping):
            return self._compared(name, value, here)
        return Equals(name, _scalar(value, here))

    def _compared(self, field: str, value: Mapping[object, object], at: str) -> Condition:
        keys = {str(key) for key in value}
        if keys == {"in"}:
            values = value["in"]
            if not isinstance(values, list):
                raise _wrong(f"{at}.in", f"{values!r} is not a list")
            self.n_terms += len(values)
            if self.n_terms > _TERMS:
                raise _wrong("filter", f"it has more than {_TERMS} terms")
            return In(field, tuple(_scalar(one, f"{at}.in[{i}]") for i, one in enumerate(values)))
        if not keys or not keys <= set(_BOUNDS):
            raise _wrong(at, f"{sorted(keys)} is neither 'in' nor any of {', '.join(_BOUNDS)}")
        bounds: dict[str, str | float] = {}
        for name, limit in value.items():
            bound = _scalar(limit, f"{at}.{name}")
            if isinstance(bound, bool):
                raise _wrong(f"{at}.{name}", "a boolean has no order")
            bounds[str(name)] = bound
        if len({isinstance(bound, str) for bound in bounds.values()}) > 1:
            raise _wrong(at, "its bounds mix text and numbers")
        return Range(field=field, **bounds)


def _scalar(value: object, at: str) -> Scalar:
    if isinstance(value, float) and not math.isfinite(value):
        raise _wrong(at, f"{value!r} is not a finite number")
    if isinstance(value, str | int | float):
        return value
    raise _wrong(at, f"{value!r} is no text, number or boolean")


def _wrong(at: str, what: str) -> ConditionInvalid:
    return ConditionInvalid(
        f"The condition at {at} cannot be read: {what}.",
        remedy='Write it as {"field": value}, {"field": {"gte": 1, "lt": 5}}, '
        '{"field": {"in": [...]}}, or "and", "or", "not" of these.',
        field=at,
    )

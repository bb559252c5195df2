"""The port: what an answer must be. A Pydantic model is one, a JSON schema is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

import msgspec
import orjson

from seatrial.gateway.structured.problem import Fault, Problem

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Fits(msgspec.Struct, Generic[T_co], frozen=True):
    """An answer that is what it must be."""

    value: T_co


class Plain(msgspec.Struct, frozen=True):
    """A value of JSON.

    Args:
        value: of dicts with str keys, lists, str, int, finite float, bool and None.
        text: the same as strict JSON, where it is at hand.
    """

    value: object
    text: str | None = None

    @property
    def json(self) -> str:
        """The value as strict JSON."""
        return written(self.value) if self.text is None else self.text


class Shape(Protocol[T_co]):
    """Says whether a value fits, and turns it into what the caller wants."""

    @property
    def name(self) -> str:
        """Of letters, digits, ``_`` and ``-``, at most 64."""
        ...

    @property
    def schema(self) -> Mapping[str, object]:
        """JSON schema, dialect 2020-12, of all that fits."""
        ...

    def check(self, plain: Plain) -> Fits[T_co] | tuple[Problem, ...]:
        """The value as the caller wants it, or everything that is wrong with it.

        Nothing is coerced here: a text of digits is no number.
        """
        ...


class AnyObject:
    """Fits every JSON object, as it is."""

    name = "answer"
    schema: Mapping[str, object] = {"type": "object"}

    def check(self, plain: Plain) -> Fits[dict[str, object]] | tuple[Problem, ...]:
        """See Shape."""
        if isinstance(plain.value, dict):
            return Fits(plain.value)
        return (Problem("$", Fault.SCHEMA, "an object is expected"),)


class Boxed(Generic[T]):
    """Fits ``{"value": ...}`` with what fits another shape: providers ask for an object at the
    root, and a bare number or text is hard to find in prose."""

    def __init__(self, inner: Shape[T]) -> None:
        self.name = inner.name
        definitions = {k: v for k, v in inner.schema.items() if k in {"$defs", "definitions"}}
        inside = {k: v for k, v in inner.schema.items() if k not in definitions}
        self.schema: Mapping[str, object] = {
            "type": "object",
            "properties": {"value": inside},
            "required": ["value"],
            "additionalProperties": False,
            **definitions,
        }
        self._inner = inner

    def check(self, plain: Plain) -> Fits[T] | tuple[Problem, ...]:
        """See Shape."""
        value = plain.value
        if not isinstance(value, dict) or set(value) != {"value"}:
            return (Problem("$", Fault.SCHEMA, 'an object with the one key "value" is expected'),)
        found = self._inner.check(Plain(value["value"]))
        if isinstance(found, Fits):
            return found
        return tuple(Problem("$.value" + p.path[1:], p.fault, p.message) for p in found)


def rooted(shape: Shape[T]) -> Shape[T]:
    """The shape itself where only objects fit, else boxed.

    A ``$ref`` at the root, as of a model that holds itself, stands for what it points to.
    """
    root: object = shape.schema
    if isinstance(root, Mapping) and "$ref" in root:
        root = referred(str(root["$ref"]), shape.schema)
    is_object = isinstance(root, Mapping) and root.get("type") == "object"
    return shape if is_object else Boxed(shape)


def referred(pointer: str, root: Mapping[str, object]) -> object:
    """What a local reference such as ``#/$defs/Item`` points to; None where there is nothing."""
    at: object = root
    for part in pointer.split("/")[1:] if pointer.startswith("#") else ["", ""]:
        key = part.replace("~1", "/").replace("~0", "~")
        at = at.get(key) if isinstance(at, Mapping) else None
    return at


def written(value: object) -> str:
    """A value as strict JSON, compact."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # integers beyond 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

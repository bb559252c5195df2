"""Values of the wrong type that can be meant in one way only.

    schema's type      what is read as it
    integer, number    a text that is a JSON number (for integer without fraction), 3.0 as 3
    boolean            "true" and "false" in any case
    null               "null", "None" and ""
    object, array      a text that is strict JSON of that type
    enum of texts      a text that equals exactly one member but for case and blanks around

A number where a text is wanted stays wrong: leading zeros may be gone. Where several types are
allowed, a value of one of them is left alone, and a text that reads as two of them, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import msgspec

from seatrial.gateway.structured.problem import json_path
from seatrial.gateway.structured.read import Reading, read
from seatrial.gateway.structured.shape import referred

_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,18})\Z", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?\Z", re.ASCII)
_MAX_NUMBER_CHARS = 40
_EXACT = 2.0**53
_MAX_HOPS = 32
_MAX_BRANCHES = 64


class Coercion(msgspec.Struct, frozen=True):
    """What was read as another type.

    Args:
        path: JSON path.
        to: the type, or "enum".
    """

    path: str
    to: str


class Coerced(msgspec.Struct, frozen=True):
    """A value with its coercions; the value itself where there are none."""

    value: object
    coercions: tuple[Coercion, ...]


def coerce(value: object, schema: Mapping[str, object]) -> Coerced:
    """The value with what the schema leaves one reading for, in that reading.

    Args:
        value: plain JSON; not changed.
        schema: may refer to itself by ``#/...``; other references are left alone.
    """
    walk = _Walk(schema)
    made = walk.visit(value, schema, ())
    return Coerced(made, tuple(walk.coercions))


class _Walk:
    def __init__(self, root: Mapping[str, object]) -> None:
        self._root = root
        self.coercions: list[Coercion] = []

    def visit(
        self, value: object, schema: Mapping[str, object], path: tuple[str | int, ...]
    ) -> object:
        branches = branches_of(schema, self._root)
        value = self._one(value, branches, path)
        if isinstance(value, dict):
            return self._members(value, branches, path)
        if isinstance(value, list):
            items = _only([i for b in branches if isinstance(i := b.get("items"), Mapping)])
            if items is not None:
                return [self.visit(item, items, (*path, i)) for i, item in enumerate(value)]
        return value

    def _members(
        self,
        value: dict[str, object],
        branches: list[Mapping[str, object]],
        path: tuple[str | int, ...],
    ) -> dict[str, object]:
        made = value
        for key, member in value.items():
            schema = _only([s for b in branches if (s := _property(b, key)) is not None])
            if schema is None:
                continue
            new = self.visit(member, schema, (*path, key))
            if new is not member:
                made = {**made, key: new} if made is value else made
                made[key] = new
        return made

    def _one(
        self, value: object, branches: list[Mapping[str, object]], path: tuple[str | int, ...]
    ) -> object:
        types = _types(branches)
        if isinstance(value, float):
            whole = value.is_integer() and abs(value) < _EXACT and types - {"null"} == {"integer"}
            return self._note(int(value), "integer", path) if whole else value
        if not isinstance(value, str) or not branches:
            return value
        members = _members_of(branches)
        if members is not None:
            return self._member(value, members, types, path)
        if "string" in types:
            return value
        readings = _readings(value.strip(), types)
        if len(readings) != 1:
            return value
        ((to, new),) = readings.items()
        return self._note(new, to, path)

    def _member(
        self, value: str, members: list[object], types: set[str], path: tuple[str | int, ...]
    ) -> object:
        if value in members:
            return value
        key = value.strip().casefold()
        same = [m for m in members if isinstance(m, str) and m.strip().casefold() == key]
        if len(same) == 1:
            return self._note(same[0], "enum", path)
        numbers = [
            m
            for m in _readings(value.strip(), types or {"integer", "number"}).values()
            if any(m == n and type(m) is type(n) for n in members)
        ]
        if not same and len(numbers) == 1:
            return self._note(numbers[0], "enum", path)
        return value

    def _note(self, value: object, to: str, path: tuple[str | int, ...]) -> object:
        self.coercions.append(Coercion(json_path(path), to))
        return value


def _readings(text: str, types: set[str]) -> dict[str, object]:
    """The readings of a text as the types, of which there may be several."""
    found: dict[str, object] = {}
    if len(text) <= _MAX_NUMBER_CHARS:
        if "integer" in types and _INTEGER.match(text):
            found["integer"] = int(text)
        elif "number" in types and _NUMBER.match(text):
            found["number"] = json.loads(text)
    if "boolean" in types and text.lower() in {"true", "false"}:
        found["boolean"] = text.lower() == "true"
    if "null" in types and text in {"", "null", "None"}:
        found["null"] = None
    for type_, opening in (("object", "{"), ("array", "[")):
        if type_ in types and text.startswith(opening):
            reading = read(text)
            if _is_strict(reading):
                found[type_] = reading.found[0].value
    return found


def _is_strict(reading: Reading) -> bool:
    return len(reading.found) == 1 and not reading.found[0].repairs


def branches_of(
    schema: Mapping[str, object], root: Mapping[str, object]
) -> list[Mapping[str, object]]:
    """The schemas of which a value must fit one, references and unions resolved; none where that
    would take too long or is not known."""
    found: list[Mapping[str, object]] = []
    waiting: list[tuple[object, int]] = [(schema, 0)]
    while waiting:
        at, hops = waiting.pop()
        if not isinstance(at, Mapping) or hops > _MAX_HOPS or len(found) >= _MAX_BRANCHES:
            return []
        union = at.get("anyOf") or at.get("oneOf")
        if isinstance(at.get("$ref"), str):
            waiting.append((referred(str(at["$ref"]), root), hops + 1))
        elif isinstance(union, list):
            waiting.extend((branch, hops + 1) for branch in union)
        elif isinstance(at.get("allOf"), list):
            parts = at["allOf"]
            if not isinstance(parts, list) or len(parts) != 1:
                return []
            waiting.append((parts[0], hops + 1))
        else:
            found.append(at)
    return found


_EVERY = {"string", "number", "integer", "boolean", "null", "object", "array"}


def _types(branches: list[Mapping[str, object]]) -> set[str]:
    """The types that are allowed; all of them where a branch does not say."""
    found: set[str] = set()
    for branch in branches:
        said = branch.get("type")
        if isinstance(said, str):
            found.add(said)
        elif isinstance(said, list):
            found |= {s for s in said if isinstance(s, str)}
        elif "enum" in branch or "const" in branch:
            listed = branch.get("enum", [branch.get("const")])
            found |= {_type_of(m) for m in listed} if isinstance(listed, list) else _EVERY
        else:
            return _EVERY
    return found


def _type_of(value: object) -> str:
    names = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object"}
    return "null" if value is None else names.get(type(value), "array")


def _members_of(branches: list[Mapping[str, object]]) -> list[object] | None:
    """What is listed, where only listed values fit (and null)."""
    members: list[object] = []
    listed = False
    for branch in branches:
        if isinstance(values := branch.get("enum"), list):
            members.extend(values)
            listed = True
        elif "const" in branch:
            members.append(branch["const"])
            listed = True
        elif branch.get("type") != "null":
            return None
    return members if listed else None


def _property(branch: Mapping[str, object], key: str) -> Mapping[str, object] | None:
    properties = branch.get("properties")
    if isinstance(properties, Mapping) and isinstance(own := properties.get(key), Mapping):
        return own
    more = branch.get("additionalProperties")
    if isinstance(more, Mapping) and not (isinstance(properties, Mapping) and key in properties):
        return more
    return None


def _only(schemas: list[Mapping[str, object]]) -> Mapping[str, object] | None:
    """The one schema there is for a part: with several it is not known which was meant."""
    return schemas[0] if len(schemas) == 1 else None

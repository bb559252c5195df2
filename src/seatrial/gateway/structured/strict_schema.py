"""A JSON schema as providers' strict modes take it, and answers to it brought back.

Strict modes take a part of JSON schema only: every object lists all its keys as required and
allows no others, and many keywords are unknown. A key that may be left out becomes one that may be
null; a keyword that is not taken is said in the description. The answer is held against the
caller's own schema in any case.

Sources: OpenAI, "Structured model outputs", supported schemas; Anthropic, "Structured outputs",
JSON schema limitations. What is kept here is what both take.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import orjson

from seatrial.gateway.structured.shape import referred

_KEPT = {"type", "enum", "const", "description", "$ref", "anyOf", "items", "properties"}
_SILENT = {
    "$schema",
    "$id",
    "$comment",
    "title",
    "examples",
    "discriminator",
    "readOnly",
    "writeOnly",
}
_SILENT |= {"additionalProperties", "required", "$defs", "definitions", "oneOf", "allOf"}
_BEYOND = {"patternProperties", "prefixItems", "not", "if", "then", "else", "dependentSchemas"}
_BEYOND |= {
    "dependentRequired",
    "unevaluatedProperties",
    "propertyNames",
    "$dynamicRef",
    "contains",
}
_MAX_DEPTH = 64


class StrictSchema(msgspec.Struct, frozen=True):
    """What to send.

    Args:
        strict: whether the schema can be held to the letter; if not, it is the caller's own.
    """

    schema: Mapping[str, object]
    strict: bool


class _NotStrict(Exception):
    pass


def strict_schema(schema: Mapping[str, object]) -> StrictSchema:
    """The schema for a strict mode, or unchanged where it has what no strict mode can say, such as
    keys that are not known beforehand."""
    try:
        made = _strict(schema, 0)
        for place in ("$defs", "definitions"):
            definitions = schema.get(place)
            if isinstance(definitions, Mapping):
                made[place] = {name: _strict(d, 1) for name, d in definitions.items()}
    except _NotStrict:
        return StrictSchema(schema, strict=False)
    return StrictSchema(made, strict=True)


def _strict(schema: object, depth: int) -> dict[str, object]:
    if not isinstance(schema, Mapping) or not schema or depth > _MAX_DEPTH or _BEYOND & set(schema):
        raise _NotStrict
    made = {key: value for key, value in schema.items() if key in _KEPT}
    union = _union(schema)
    if union is not None:
        made["anyOf"] = [_strict(branch, depth + 1) for branch in union]
    if "items" not in made and schema.get("type") == "array":
        raise _NotStrict
    if "items" in made:
        made["items"] = _strict(made["items"], depth + 1)
    if "properties" in schema or schema.get("type") == "object":
        made |= _closed(schema, depth)
    _describe(made, schema)
    if "$ref" in made and len(made) > 1:
        made["anyOf"] = [{"$ref": made.pop("$ref")}]
    return made


def _union(schema: Mapping[str, object]) -> list[object] | None:
    every = schema.get("allOf")
    if isinstance(every, list):
        if len(every) != 1 or "anyOf" in schema or "oneOf" in schema:
            raise _NotStrict
        return every
    union = schema.get("anyOf", schema.get("oneOf"))
    return union if isinstance(union, list) else None


def _closed(schema: Mapping[str, object], depth: int) -> dict[str, object]:
    properties = schema.get("properties")
    if schema.get("additionalProperties", False) is not False or not isinstance(
        properties, Mapping
    ):
        raise _NotStrict
    needed = schema.get("required")
    required = set(needed) if isinstance(needed, list) else set()
    made = {}
    for name, member in properties.items():
        inner = _strict(member, depth + 1)
        made[name] = inner if name in required else _or_null(inner)
    return {
        "type": "object",
        "properties": made,
        "required": list(made),
        "additionalProperties": False,
    }


def _or_null(schema: dict[str, object]) -> dict[str, object]:
    if _takes_null(schema):
        return schema
    return {"anyOf": [schema, {"type": "null"}]}


def _takes_null(schema: Mapping[str, object]) -> bool:
    type_, union, listed = schema.get("type"), schema.get("anyOf"), schema.get("enum")
    if type_ is not None:
        return type_ == "null" or (isinstance(type_, list) and "null" in type_)
    if isinstance(union, list):
        return any(isinstance(branch, Mapping) and _takes_null(branch) for branch in union)
    return isinstance(listed, list) and None in listed


def _describe(made: dict[str, object], schema: Mapping[str, object]) -> None:
    """What cannot be said as a keyword is said in words."""
    said = [
        f"{key}: {orjson.dumps(value).decode()}"
        for key, value in schema.items()
        if key not in _KEPT and key not in _SILENT
    ]
    if said:
        before = str(made.get("description", "")).strip()
        made["description"] = f"{before} ({'; '.join(said)})".strip()


def without_fillers(value: object, schema: Mapping[str, object]) -> object:
    """An answer to `strict_schema` without the nulls that stand for keys left out: those of keys
    that the caller's schema does not require and does not let be null."""
    return _emptied(value, schema, schema, 0)


def _emptied(value: object, schema: object, root: Mapping[str, object], depth: int) -> object:
    schema = _followed(schema, root)
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return value
    if isinstance(value, list):
        return [_emptied(item, schema.get("items"), root, depth + 1) for item in value]
    properties = schema.get("properties")
    if not isinstance(value, dict) or not isinstance(properties, Mapping):
        return value
    needed = schema.get("required")
    required = set(needed) if isinstance(needed, list) else set()
    return {
        key: _emptied(member, properties.get(key), root, depth + 1)
        for key, member in value.items()
        if member is not None
        or key in required
        or key not in properties
        or _may_be_null(properties[key], root)
    }


def _followed(schema: object, root: Mapping[str, object]) -> object:
    """A schema behind references and unions of one branch besides null."""
    for _ in range(_MAX_DEPTH):
        if not isinstance(schema, Mapping):
            return None
        if isinstance(schema.get("$ref"), str):
            schema = referred(str(schema["$ref"]), root)
            continue
        union = _branches(schema)
        rest = [b for b in union if not (isinstance(b, Mapping) and b.get("type") == "null")]
        if len(rest) != 1:
            return schema
        schema = rest[0]
    return None


def _branches(schema: Mapping[str, object]) -> list[object]:
    for keyword in ("anyOf", "oneOf", "allOf"):
        union = schema.get(keyword)
        if isinstance(union, list):
            return union
    return []


def _may_be_null(schema: object, root: Mapping[str, object]) -> bool:
    for _ in range(_MAX_DEPTH):
        if not isinstance(schema, Mapping):
            return True
        if not isinstance(schema.get("$ref"), str):
            break
        schema = referred(str(schema["$ref"]), root)
    if not isinstance(schema, Mapping):
        return True
    union = _branches(schema)
    if union:
        return any(_may_be_null(branch, root) for branch in union)
    restricted = {"type", "enum", "const"} & set(schema)
    return _takes_null(schema) or not restricted

"""How much work a JSON schema can make of a value, before any is done. Pure.

Schemas of callers may be hostile: two branches that lead to the same place, thirty times over, are
two to the thirty checks of one value. Unions of objects that hold themselves do the same with the
depth of the value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from seatrial.gateway.structured.shape import referred

_HERE_MANY = ("anyOf", "oneOf", "allOf")
_HERE_ONE = ("not", "if", "then", "else")
_HERE_BY_KEY = ("dependentSchemas", "dependencies")
_INSIDE_ONE: tuple[str, ...] = ("additionalProperties", "unevaluatedProperties", "additionalItems")
_INSIDE_ONE += ("unevaluatedItems", "items")
_BESIDE = ("propertyNames", "contains")
_FOREIGN = ("$dynamicRef", "$recursiveRef", "$anchor", "$dynamicAnchor", "$recursiveAnchor")
_CAP = 1_000_000_000
MAX_DEPTH = 32
"""Depths of values beyond this are not computed."""


class Unbounded(Exception):
    """The work cannot be bounded; the message says why."""


class SchemaCost(msgspec.Struct, frozen=True):
    """Checks that one place of a value can take.

    Args:
        by_depth: for values whose brackets are 0, 1, ... deep; for deeper ones the last counts
            where ``settled``, and nothing is known otherwise.
        settled: whether deeper values take no more.
    """

    by_depth: tuple[int, ...]
    settled: bool

    def allows(self, depth: int, most: int) -> bool:
        """Whether a value so deep takes at most so many checks at each place."""
        if depth >= len(self.by_depth):
            return self.settled and self.by_depth[-1] <= most
        return self.by_depth[depth] <= most


def schema_cost(root: Mapping[str, object]) -> SchemaCost:
    """The cost of a schema.

    Raises: Unbounded, for references other than ``#/...`` to a schema within, and for a schema
        that is itself again at the same place of the value.
    """
    nodes = [
        (key, [id(c) for c in _here(node, root)], *_parts(node)) for key, node in _ordered(root)
    ]
    before = {key: 0 for key, *_ in nodes}
    by_depth: list[int] = []
    for _ in range(MAX_DEPTH):
        now: dict[int, int] = {}
        for key, here, one, every in nodes:
            inside = max((before[k] for k in one), default=0) + sum(before[k] for k in every)
            now[key] = min(1 + inside + sum(now[k] for k in here), _CAP)
        by_depth.append(now[id(root)])
        if now == before:
            return SchemaCost(tuple(by_depth), settled=True)
        before = now
    return SchemaCost(tuple(by_depth), settled=False)


def depth_of(value: object) -> int:
    """How deep the brackets of a value stand within each other; 0 for a scalar."""
    depth, level = 0, [value]
    while True:
        holders = [item for item in level if isinstance(item, dict | list)]
        if not holders:
            return depth
        depth += 1
        level = [
            item
            for holder in holders
            for item in (holder.values() if isinstance(holder, dict) else holder)
        ]


def _ordered(root: Mapping[str, object]) -> list[tuple[int, Mapping[str, object]]]:
    """Every schema within, each after those that hold at the same place of the value."""
    done: dict[int, Mapping[str, object]] = {}
    open_: set[int] = set()
    starts: list[Mapping[str, object]] = [root]
    while starts:
        waiting: list[tuple[Mapping[str, object], bool]] = [(starts.pop(), False)]
        while waiting:
            node, left = waiting.pop()
            if left:
                open_.discard(id(node))
                done[id(node)] = node
                starts += [c for c in _inside(node) if id(c) not in done]
                continue
            if id(node) in done:
                continue
            if id(node) in open_:
                raise Unbounded("it is itself again at the same place of the value")
            open_.add(id(node))
            waiting.append((node, True))
            waiting += [(child, False) for child in _here(node, root)]
    return list(done.items())


def _here(node: Mapping[str, object], root: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """The schemas that hold at the same place of the value."""
    for keyword in _FOREIGN:
        if keyword in node:
            raise Unbounded(f"it has {keyword}")
    if "$ref" in node:
        pointer = str(node["$ref"])
        found = root if pointer == "#" else referred(pointer, root)
        if not isinstance(found, Mapping | bool) or ("$id" in node and node is not root):
            raise Unbounded(f"it refers to {pointer}, which is outside the schema or is none")
        yield from _schemas([found])
    for keyword in _HERE_MANY:
        yield from _schemas(node.get(keyword))
    yield from _schemas([node.get(keyword) for keyword in _HERE_ONE])
    for keyword in _HERE_BY_KEY:
        yield from _schemas(_values(node.get(keyword)))


def _inside(node: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """The schemas that hold for parts of the value."""
    for keyword in ("items", "prefixItems"):
        yield from _schemas(node.get(keyword))
    yield from _schemas([node.get(keyword) for keyword in (*_INSIDE_ONE, *_BESIDE)])
    for keyword in ("properties", "patternProperties"):
        yield from _schemas(_values(node.get(keyword)))


def _parts(node: Mapping[str, object]) -> tuple[list[int], list[int]]:
    """Schemas of which one holds for a part of the value, and those that may hold besides."""
    beside = [*_schemas(_values(node.get("patternProperties")))]
    beside += _schemas([node.get(keyword) for keyword in _BESIDE])
    every = [id(schema) for schema in beside]
    apart = set(every)
    return [k for s in _inside(node) if (k := id(s)) not in apart], every


def _values(schemas: object) -> list[object]:
    return list(schemas.values()) if isinstance(schemas, Mapping) else []


def _schemas(found: object) -> Iterator[Mapping[str, object]]:
    if isinstance(found, list):
        for schema in found:
            if isinstance(schema, Mapping):
                yield schema

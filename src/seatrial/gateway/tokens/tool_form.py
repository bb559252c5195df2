"""Tokens of tools and schemas.

OpenAI writes tools into the prompt in a form of its own. The constants are those of the OpenAI
cookbook ("How to count tokens with tiktoken", section 7), which gives the API's own count for
gpt-3.5-turbo, gpt-4, gpt-4o and gpt-4o-mini; it is for flat properties, and nested ones are counted
here by the same rule, level by level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from seatrial.gateway.chat.request import ResponseFormat, Tool

PROPERTIES: Final = 3
PROPERTY: Final = 3
ENUM: Final = -3
ENUM_VALUE: Final = 3
TOOL_END: Final = 12
MAX_DEPTH: Final = 32
"""Of nested schemas; what lies deeper counts as nothing, and without end in the bound."""
WITHOUT_END: Final = 10_000_000
"""Tokens, as a bound where there is none: as long as the longest window of any model."""

Count = Callable[[str], int]


def tools_tokens(tools: Sequence[Tool], count: Count, *, per_tool: int) -> int:
    """Tokens of tools as OpenAI writes them.

    Args:
        per_tool: tokens at the beginning of each: 7 for gpt-4o and later, 10 before.
    """
    if not tools:
        return 0
    total = TOOL_END
    for tool in tools:
        described = (tool.description or "").removesuffix(".")
        total += per_tool + count(f"{tool.name}:{described}")
        total += _properties(tool.parameters or {}, count, 0)
    return total


def _properties(schema: Mapping[str, object], count: Count, depth: int) -> int:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties or depth > MAX_DEPTH:
        return 0
    return PROPERTIES + sum(
        _property(str(name), said, count, depth)
        for name, said in properties.items()
        if isinstance(said, Mapping)
    )


def _property(name: str, said: Mapping[str, object], count: Count, depth: int) -> int:
    described = str(said.get("description", "")).removesuffix(".")
    total = PROPERTY + count(f"{name}:{said.get('type', '')}:{described}")
    values = said.get("enum")
    if isinstance(values, list):
        total += ENUM + sum(ENUM_VALUE + count(str(value)) for value in values)
    total += _properties(said, count, depth + 1)
    items = said.get("items")
    if isinstance(items, Mapping):
        total += _properties(items, count, depth + 1)
    return total


def format_tokens(form: ResponseFormat | None, count: Count) -> int:
    """Tokens of a schema asked for, taken for its JSON: vendors do not say how they write it."""
    if form is None or form.schema is None:
        return 0
    return count(as_json([form.name, form.description, form.schema]))


def tools_bound(tools: Sequence[Tool], count: Count, *, margin: int) -> int:
    """As many tokens as tools can have: their JSON with all references written out.

    Args:
        count: the bound of a text.
        margin: for the frame of each.
    """
    return sum(
        margin
        + count(as_json([tool.name, tool.description, tool.parameters, tool.raw]))
        + _references(tool.parameters or {}, count)
        for tool in tools
    )


def format_bound(form: ResponseFormat | None, count: Count) -> int:
    """As many tokens as a schema can have that is asked for."""
    if form is None or form.schema is None:
        return 0
    return format_tokens(form, count) + _references(form.schema, count)


def _references(schema: Mapping[str, object], count: Count) -> int:
    """What definitions add if each reference is replaced by what it refers to. A definition within
    itself cannot be; it counts once."""
    definitions = {
        f"#/{place}/{name}": said
        for place in ("$defs", "definitions")
        if isinstance(found := schema.get(place), Mapping)
        for name, said in found.items()
    }
    if not definitions:
        return 0
    sizes: dict[str, int] = {}

    def size(reference: str, within: frozenset[str]) -> int:
        if reference in within or reference not in definitions:
            return 0
        if len(within) > MAX_DEPTH:
            return WITHOUT_END
        if reference not in sizes:
            said = definitions[reference]
            sizes[reference] = count(as_json(said)) + sum(
                size(inner, within | {reference}) for inner in _names(said)
            )
        return sizes[reference]

    return sum(size(reference, frozenset()) for reference in _names(schema))


def _names(node: object) -> list[str]:
    """All references in a schema, with repetitions."""
    found: list[str] = []
    waiting = [node]
    while waiting:
        at = waiting.pop()
        if isinstance(at, Mapping):
            if isinstance(name := at.get("$ref"), str):
                found.append(name)
            waiting.extend(at.values())
        elif isinstance(at, list | tuple):
            waiting.extend(at)
    return found


def as_json(value: object) -> str:
    """The value as JSON."""
    return msgspec.json.encode(value).decode()

"""From the bytes of a configuration file to plain values: bounded, and strict about what it reads.

The language is YAML with the plain scalars of its 1.2 core schema, so ``no``, ``on``, ``1:30`` and
``2030-01-01`` are text, as everybody expects. Refused are duplicate keys, keys that are not text,
tags, and documents that grow when their aliases are resolved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from seatrial.kernel.errors import Invalid

MAX_BYTES = 256 * 1024
"""Size of a file; far above what a person writes."""

MAX_DEPTH = 32
MAX_VALUES = 50_000
"""Values of a document, each alias counted as often as it is used."""

_TEXT = "tag:yaml.org,2002:str"
_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"
_SURROGATE = re.compile("[\ud800-\udfff]")


class ConfigUnreadable(Invalid):
    """The configuration file is not the YAML mapping it should be."""

    code = "config.unreadable"


def parse(raw: bytes, source: str) -> dict[str, Any]:
    """The mapping a file holds; an empty file is an empty mapping.

    Args:
        raw: what was read, at most ``MAX_BYTES`` of it.
        source: the file's name, for messages.
    Raises: ConfigUnreadable.
    """
    if len(raw) > MAX_BYTES:
        raise _unreadable(source, f"is larger than {MAX_BYTES:,} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(source, f"is not UTF-8 text: byte {error.start} is wrong") from error
    try:
        loader = _CoreLoader(text)
        root = loader.get_single_node()
        if root is None or root.tag == _NULL:
            return {}
        if not isinstance(root, yaml.MappingNode):
            raise _unreadable(source, "holds a list or a single value, not a mapping of keys")
        for problem in _Inspection(loader).problems(root):
            raise _unreadable(source, problem)
        values: dict[str, Any] = loader.construct_document(root)
    except RecursionError as error:
        raise _unreadable(source, f"is nested deeper than {MAX_DEPTH} levels") from error
    except yaml.YAMLError as error:
        raise _unreadable(source, f"is not YAML: {_where(error)}") from error
    except ValueError as error:  # a number beyond what Python converts
        raise _unreadable(source, f"holds a value that cannot be read: {error}") from error
    return values


class _CoreLoader(yaml.SafeLoader):
    """SafeLoader with the plain scalars of YAML 1.2's core schema.

    Numbers with leading zeros stay text: YAML 1.1 read them as octal.   Source: yaml.org, 10.3.2.
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("merge", r"<<", "<"),
):
    _CoreLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first)
    )


@dataclass(frozen=True, slots=True)
class _Extent:
    """How large a node becomes once its aliases are resolved."""

    n_values: int
    height: int


class _Inspection:
    """Looks at a document before it is built, so that a small file cannot become a large value."""

    def __init__(self, loader: _CoreLoader) -> None:
        self._loader = loader
        self._extents: dict[int, _Extent | None] = {}

    def problems(self, root: yaml.Node) -> Iterator[str]:
        """What is wrong with the document, in order."""
        yield from self._look(root)
        extent = self._extent(root)
        if extent.n_values > MAX_VALUES:
            yield f"has more than {MAX_VALUES:,} values once its aliases are resolved"
        if extent.height > MAX_DEPTH:
            yield f"is nested deeper than {MAX_DEPTH} levels"

    def _look(self, node: yaml.Node) -> Iterator[str]:
        if id(node) in self._extents:
            if self._extents[id(node)] is None:
                yield f"holds a value that contains itself at {_place(node)}"
            return
        self._extents[id(node)] = None
        yield from self._own_problems(node)
        parts = _parts(node)
        for part in parts:
            yield from self._look(part)
        inner = [self._extent(part) for part in parts]
        self._extents[id(node)] = _Extent(
            1 + sum(extent.n_values for extent in inner),
            1 + max((extent.height for extent in inner), default=0),
        )

    def _own_problems(self, node: yaml.Node) -> Iterator[str]:
        if isinstance(node, yaml.MappingNode):
            yield from _key_problems(node)
        plain = getattr(node, "style", None) is None
        bare: str = self._loader.resolve(  # type: ignore[no-untyped-call]
            type(node), node.value, (plain, not plain)
        )
        if isinstance(node, yaml.ScalarNode) and _SURROGATE.search(node.value):
            yield f"has half a surrogate pair at {_place(node)}; write the character itself"
        if node.tag != bare:
            yield f"has a tag at {_place(node)}; write the bare value"

    def _extent(self, node: yaml.Node) -> _Extent:
        return self._extents.get(id(node)) or _Extent(1, 1)


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [value for _, value in node.value]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _key_problems(node: yaml.MappingNode) -> Iterator[str]:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag not in {_TEXT, _MERGE}:
            yield f"has a key that is not text at {_place(key)}; put it in quotes"
        elif key.value in seen:
            yield f"has the key {key.value!r} twice, again at {_place(key)}"
        else:
            seen.add(key.value)


def _place(node: yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}, column {node.start_mark.column + 1}"


def _where(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        at = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        return f"{error.problem or error.context}{at}"
    return " ".join(str(error).split())


def _unreadable(source: str, problem: str) -> ConfigUnreadable:
    return ConfigUnreadable(
        f"{source} {problem}.",
        remedy="Correct the file at that place; it is a YAML mapping of keys to values.",
        source=source,
    )

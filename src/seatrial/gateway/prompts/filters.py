"""The filters of templates; each is counted by the size of what it reads or writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jinja2 import TemplateError, Undefined
from jinja2.runtime import Context
from jinja2.utils import pass_context

from seatrial.gateway.prompts.meter import METER, Meter


def written(value: object) -> object:
    """What an output shows: text, numbers, true and false, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list | tuple):
        raise TemplateError("a list or object is shown by the filters tojson and join alone")
    return value


def _meter(context: Context) -> Meter:
    meter = context.resolve(METER)
    assert isinstance(meter, Meter)
    return meter


@pass_context
def _counted(context: Context, items: Any, weight: int) -> _Counted:
    if not isinstance(items, list | tuple | dict | Undefined):
        raise TemplateError("a loop goes over a list or the keys of an object")
    return _Counted(list(items), weight, _meter(context))


class _Counted:
    """Items that are counted as they are taken; how many there are is known, as loops ask for."""

    def __init__(self, items: list[object], weight: int, meter: Meter) -> None:
        self._items = items
        self._weight = weight
        self._meter = meter

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[object]:
        for item in self._items:
            self._meter.step(self._weight)
            yield item


def _text(value: object) -> str:
    if isinstance(value, Undefined):
        return str(value)
    return str(written(value))


@pass_context
def _upper(context: Context, value: object) -> str:
    return _used(context, _text(value).upper())


@pass_context
def _lower(context: Context, value: object) -> str:
    return _used(context, _text(value).lower())


@pass_context
def _title(context: Context, value: object) -> str:
    return _used(context, _text(value).title())


@pass_context
def _trim(context: Context, value: object) -> str:
    return _used(context, _text(value).strip())


@pass_context
def _join(context: Context, value: Any, separator: str = "") -> str:
    meter = _meter(context)
    if type(value) not in {list, tuple}:
        raise TemplateError("join takes a list")
    pieces = []
    for item in value:
        piece = _text(item)
        meter.step(len(piece) + len(separator))
        pieces.append(piece)
    return separator.join(pieces)


@pass_context
def _tojson(context: Context, value: object) -> str:
    if isinstance(value, Undefined):
        return str(value)
    return _used(context, json.dumps(value, ensure_ascii=False))


@pass_context
def _indent(context: Context, value: object, width: int = 4) -> str:
    if type(width) is not int or not 0 <= width <= 40:
        raise TemplateError("indent takes a width in [0, 40]")
    return _used(context, _text(value).replace("\n", "\n" + " " * width))


@pass_context
def _first_chars(context: Context, value: object, most: int) -> str:
    return _used(context, _text(value))[: max(0, most)]


@pass_context
def _length(context: Context, value: Any) -> int:
    _meter(context).step()
    return len(value)


@pass_context
def _items(context: Context, value: object) -> list[tuple[str, object]]:
    if not isinstance(value, dict):
        raise TemplateError("items takes an object")
    _meter(context).step(len(value))
    return list(value.items())


def _default(value: object, instead: object = "") -> object:
    return instead if value is None or isinstance(value, Undefined) else value


def _used(context: Context, text: str) -> str:
    _meter(context).step(len(text))
    return text


COUNTED = "counted"
"""The filter around what a loop goes over, which no template names itself."""

FILTERS: Mapping[str, Callable[..., object]] = {
    COUNTED: _counted,
    "default": _default,
    "first_chars": _first_chars,
    "indent": _indent,
    "items": _items,
    "join": _join,
    "length": _length,
    "lower": _lower,
    "title": _title,
    "tojson": _tojson,
    "trim": _trim,
    "upper": _upper,
}

NAMES = tuple(sorted(set(FILTERS) - {COUNTED}))
"""The filters that templates may use."""

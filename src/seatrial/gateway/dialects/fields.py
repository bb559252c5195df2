"""Reading fields of JSON bodies that strangers wrote: typed, and naming the place of what is wrong.

A field that is null counts as not given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from seatrial.kernel.errors import Invalid

Body: TypeAlias = Mapping[str, Any]


class RequestInvalid(Invalid):
    """A body of JSON that is not of the form its dialect asks for.

    Args:
        place: of the field, such as ``messages[2].content[0].text``; "" for the whole body.
    """

    code = "gateway.request_invalid"


def wrong(place: str, value: object, expected: str) -> RequestInvalid:
    """The error for a field that is there but is not what it must be."""
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    return RequestInvalid(
        f"{place or 'The body'} is {shown}, not {expected}.",
        remedy=f"Give {expected} there.",
        place=place,
    )


def missing(place: str, expected: str) -> RequestInvalid:
    """The error for a field that must be there."""
    return RequestInvalid(f"{place} is missing.", remedy=f"Give {expected}.", place=place)


@lru_cache(maxsize=1024)
def within(name: str, n: int, more: str = "") -> str:
    """The place of what is in the ``n``-th entry of a list, such as ``messages[2].``, which every
    reader is told and few ever tell.

    Args: more: of the way, such as ``message.``.
    """
    return f"{name}[{n}].{more}"


def text(body: Body, name: str, place: str = "") -> str:
    """A text that must be there."""
    value = body.get(name)
    if type(value) is str:
        return value
    at = place + name
    raise missing(at, "a text") if value is None else wrong(at, value, "a text")


def named(body: Body, name: str, place: str = "") -> str:
    """A text that must be there and have at least one character."""
    value = text(body, name, place)
    if not value:
        raise wrong(place + name, value, "a text of at least one character")
    return value


def optional_text(body: Body, name: str, place: str = "") -> str | None:
    """A text, or None where it is not given."""
    value = body.get(name)
    if value is None or type(value) is str:
        return value
    raise wrong(place + name, value, "a text")


def optional_flag(body: Body, name: str, place: str = "") -> bool | None:
    """True or false, or None where it is not given."""
    value = body.get(name)
    if value is None or type(value) is bool:
        return value
    raise wrong(place + name, value, "true or false")


def optional_count(body: Body, name: str) -> int | None:
    """A whole number over 0, or None where it is not given."""
    value = body.get(name)
    if value is None or (type(value) is int and value >= 1):
        return value
    raise wrong(name, value, "a whole number of at least 1")


def optional_number(body: Body, name: str) -> float | None:
    """A number, or None where it is not given."""
    value = body.get(name)
    if value is None or type(value) is float or type(value) is int:
        return value
    raise wrong(name, value, "a number")


def mapping(value: object, place: str) -> Body:
    """An object of JSON."""
    if type(value) is dict:
        return value
    raise wrong(place, value, "an object")


def optional_mapping(body: Body, name: str, place: str = "") -> Body | None:
    """An object of JSON, or None where it is not given."""
    value = body.get(name)
    return None if value is None else mapping(value, place + name)


def listed(body: Body, name: str, place: str = "") -> Sequence[Any]:
    """A list; empty where it is not given."""
    value = body.get(name)
    if value is None:
        return ()
    if type(value) is list:
        return value
    raise wrong(place + name, value, "a list")


def filled(body: Body, name: str, place: str = "") -> Sequence[Any]:
    """A list of at least one entry."""
    value = body.get(name)
    if type(value) is list and value:
        return value
    at = place + name
    expected = "a list of at least one entry"
    raise missing(at, expected) if value is None else wrong(at, value, expected)


def texts(body: Body, name: str, place: str = "") -> tuple[str, ...]:
    """A list of texts; empty where it is not given."""
    values = listed(body, name, place)
    for n, value in enumerate(values):
        if type(value) is not str:
            raise wrong(f"{place}{name}[{n}]", value, "a text")
    return tuple(values)


def count(body: Body, name: str) -> int:
    """Tokens, as a provider told them; 0 for what is no number of them."""
    value = body.get(name)
    return value if type(value) is int and value > 0 else 0

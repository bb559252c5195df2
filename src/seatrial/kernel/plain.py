"""Plain data: what a record of the store may hold, and its one text form.

Every adapter of the store goes through here, so that all refuse the same things with the same
words, and what is read back equals what was written. Plain is what JSON has: text, finite numbers,
booleans, null, lists, and mappings whose keys are text. Nothing is converted silently: a number as
key, a NaN or a date is refused by the place where it stands.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TypeAlias

from seatrial.kernel.errors import Invalid, LimitExceeded

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"

MAX_NAME = 200
"""Characters of a name."""

MAX_BYTES = 4 * 2**20
"""Bytes of one record: large enough for a report, small enough to read a page of them."""

MAX_DEPTH = 32
"""Levels of nesting."""

_INT_BITS = 63


class NotPlain(Invalid):
    """A value cannot be kept as JSON, or a name is not printable text."""

    code = "store.not_plain"


class RecordTooLarge(LimitExceeded):
    """One record is larger than the store keeps."""

    code = "store.record_too_large"


def check_name(value: object, what: str) -> None:
    """Refuse a name that is not 1 to 200 printable characters.

    Args:
        value: the name, of a stream, a kind, a worker.
        what: what it names, for the message.
    Raises: NotPlain.
    """
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME or not value.isprintable():
        raise NotPlain(
            f"The {what} is named {repr(value)[:60]}, not 1 to {MAX_NAME} printable characters.",
            remedy="Use a short name of letters, digits, '/', '-' and '_'.",
            field=what,
        )


def check_size(n_bytes: int, what: str) -> None:
    """Refuse a record over `MAX_BYTES`.   Raises: RecordTooLarge."""
    if n_bytes > MAX_BYTES:
        raise RecordTooLarge(
            f"The {what} takes {n_bytes:,} bytes; the store keeps at most {MAX_BYTES:,}.",
            remedy="Keep the bulk in a file and name the file in the record.",
            limit=MAX_BYTES,
        )


def encode(data: Mapping[str, object], what: str) -> str:
    """The JSON text of ``data``.

    Args:
        data: mapping of plain values; tuples become lists.
        what: what it is, such as ``data of release.started``, for the message.
    Raises: NotPlain, naming the place; RecordTooLarge.
    """
    if not isinstance(data, Mapping):
        raise _refused(what, f"is a {type(data).__name__}, not a mapping")
    copy = _plain(data, what, MAX_DEPTH)
    text = json.dumps(copy, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    check_size(len(text.encode()), what)
    return text


def decode(text: str) -> dict[str, object]:
    """The mapping that `encode` wrote.   Raises: ValueError."""
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("it is not a mapping")
    return data


def _plain(value: object, where: str, depth: int) -> Plain:
    if depth < 0:
        raise _refused(where, f"is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        return {_key(k, where): _plain(v, f"{where}.{k}", depth - 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v, f"{where}[{i}]", depth - 1) for i, v in enumerate(value)]
    return _scalar(value, where)


def _scalar(value: object, where: str) -> Plain:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, int):
        if value.bit_length() > _INT_BITS:
            raise _refused(where, "is an integer beyond 64 bits")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _refused(where, f"is {value!r}, which JSON does not have")
        return float(value)
    raise _refused(where, f"is a {type(value).__name__}, which JSON does not have")


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise _refused(where, f"has the key {key!r:.60}, which is not text")
    return _text(key, where)


def _text(value: str, where: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise _refused(where, "holds half a surrogate pair, which is no character") from error
    return str(value)


def _refused(where: str, why: str) -> NotPlain:
    return NotPlain(
        f"The {where[:200]} {why}.",
        remedy="Store text, finite numbers, booleans, null, lists and mappings with text keys.",
        field=where[:200],
    )

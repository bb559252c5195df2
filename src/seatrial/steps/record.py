"""Inputs and outputs of steps as JSON records, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from seatrial.kernel.errors import Invalid
from seatrial.kernel.plain import encode

T = TypeVar("T")


class BadRecord(Invalid):
    """The input or an output of a step does not have the type it must have."""

    code = "steps.bad_record"


def to_record(value: object, type_: type, what: str) -> dict[str, object]:
    """A value as JSON.   Raises: BadRecord; NotPlain, RecordTooLarge: as of the store."""
    if not isinstance(value, type_):
        raise BadRecord(
            f"The {what} is a {type(value).__name__}, not a {type_.__name__}.",
            remedy=f"Give a {type_.__name__}.",
            field=what,
        )
    record = msgspec.to_builtins(value)
    encode(record, what)
    assert isinstance(record, dict)
    return record


def from_record(record: Mapping[str, object], type_: type[T], what: str) -> T:
    """The value of a record.   Raises: BadRecord."""
    try:
        return msgspec.convert(dict(record), type=type_)
    except msgspec.ValidationError as wrong:
        raise BadRecord(
            f"The {what} is not what {type_.__name__} holds: {wrong}.",
            remedy="Give the fields and types it names; a run of another version is started anew.",
            field=what,
        ) from wrong

"""What is said of users of a running experiment: outcomes, and what was known of them before.

Each entry is of one user and one name: a metric or denominator, a covariate, or a segment. An
outcome has an id, and what is handed in twice under one user, name and id counts once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import msgspec

from seatrial.experiments.config import ExperimentFile
from seatrial.kernel.errors import Conflict, Invalid, LimitExceeded

ENTRIES = "outcomes"
"""The kind of slices that hold them."""

MAX_ENTRIES = 200_000
"""Entries handed in at once."""

_PER_SLICE = 6_000
"""With the longest texts they take 3.9 MB, under what the store keeps."""

_MAX_TEXT = 200
_LARGEST = 1e15
_AHEAD = timedelta(minutes=5)
_FIELDS = {"user", "metric", "value", "id", "at"}
_SCHEMA = 1


class BadOutcomes(Invalid):
    """Outcomes that cannot be taken; the facts name the entry and its field."""

    code = "experiment.bad_outcomes"


class TooManyOutcomes(LimitExceeded):
    """More outcomes at once than are taken."""

    code = "experiment.too_many_outcomes"


class OutcomeChanged(Conflict):
    """An outcome was handed in twice under one id, with different content."""

    code = "experiment.outcome_changed"


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """Something said of a user.

    Args:
        unit: key of the user or session.
        name: of a metric, a denominator, a covariate or a segment.
        id: of an outcome; "" for what was known before.
        value: a number, or the text of a segment.
        at_us: when it happened, in microseconds since the epoch.
    """

    unit: str
    name: str
    id: str
    value: float | str
    at_us: int


class Names(msgspec.Struct, frozen=True):
    """What may be said of users of an experiment.

    Args:
        outcomes: metrics and denominators.
        denominators: those of ratios, which are never below 0.
        covariates, segments: known of a user from before.
    """

    outcomes: tuple[str, ...]
    denominators: tuple[str, ...]
    covariates: tuple[str, ...]
    segments: tuple[str, ...]

    @classmethod
    def of(cls, file: ExperimentFile) -> Names:
        """Of a design."""
        metrics = file.design().metrics
        summed = [m.name for m in metrics] + [m.denominator for m in metrics if m.denominator]
        return cls(
            outcomes=tuple(dict.fromkeys(summed)),
            denominators=tuple(dict.fromkeys(m.denominator for m in metrics if m.denominator)),
            covariates=tuple(dict.fromkeys(m.covariate for m in metrics if m.covariate)),
            segments=tuple(file.columns.segments),
        )


def read_entries(rows: object, names: Names, *, now: datetime) -> list[Entry]:
    """Entries of a JSON document: a list of objects with ``user``, ``metric``, ``value``, and for
    an outcome ``id`` and, where it was not just now, ``at``.

    Raises: BadOutcomes, TooManyOutcomes; OutcomeChanged: one id twice, with two values.
    """
    if not isinstance(rows, list):
        _bad(None, "outcomes", rows, "are no list", "Send a list of objects.")
    if len(rows) > MAX_ENTRIES:
        raise TooManyOutcomes(
            f"{len(rows):,} outcomes were handed in at once; {MAX_ENTRIES:,} are the most.",
            remedy="Hand them in in several parts.",
        )
    found: dict[tuple[str, str, str], Entry] = {}
    for place, row in enumerate(rows):
        entry = _entry(place, row, names, now)
        key = (entry.unit, entry.name, entry.id)
        if found.setdefault(key, entry).value != entry.value:
            raise OutcomeChanged(
                f"The outcome {entry.id!r} of {entry.unit!r} in {entry.name!r} is there twice, "
                "with two values.",
                remedy="Give each outcome an id of its own, and a correction the difference.",
                row=place,
            )
    return list(found.values())


def _entry(place: int, row: object, names: Names, now: datetime) -> Entry:
    if not isinstance(row, Mapping):
        _bad(place, "entry", row, "is no object", "Send objects with user, metric, value and id.")
    odd = next((key for key in row if key not in _FIELDS), None)
    if odd is not None:
        _bad(place, str(odd)[:40], odd, "is no field", f"Use {', '.join(sorted(_FIELDS))}.")
    name = _text(place, row, "metric")
    return Entry(
        unit=_text(place, row, "user"),
        name=name,
        id=_text(place, row, "id") if name in names.outcomes else "",
        value=_value(place, row.get("value"), name, names),
        at_us=_at_us(place, row.get("at"), now),
    )


def _text(place: int, row: Mapping[str, Any], field: str) -> str:
    value = row.get(field)
    if value is None:
        raise BadOutcomes(
            f"Entry {place} has no {field!r}; it has {', '.join(map(str, row))[:80] or 'nothing'}.",
            remedy=f"Give each a {field!r}, of 1 to {_MAX_TEXT} printable characters.",
            row=place,
            field=field,
        )
    if not isinstance(value, str) or not value.isprintable() or not value:
        _bad(place, field, value, "is no text", f"Give 1 to {_MAX_TEXT} printable characters.")
    try:
        too_long = len(value.encode()) > _MAX_TEXT
    except UnicodeEncodeError:
        _bad(place, field, value, "is no text in UTF-8", "Send whole characters.")
    if too_long:
        _bad(place, field, value[:40], "is too long", f"Give {_MAX_TEXT} bytes at most.")
    return value


def _value(place: int, value: object, name: str, names: Names) -> float | str:
    if name not in (*names.outcomes, *names.covariates):
        if name not in names.segments:
            known = ", ".join((*names.outcomes, *names.covariates, *names.segments))
            _bad(place, "metric", name, "is not in the design", f"Name one of: {known}.")
        if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT // 2:
            _bad(place, "value", value, "is no text", f"{name!r} is a segment: name it.")
        return value
    if not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        remedy = f"Give a finite number of at most {_LARGEST:g}; 1 for an event."
        _bad(place, "value", value, "is no such number", remedy)
    if value < 0 and name in names.denominators:
        _bad(place, "value", value, "is below 0", f"A ratio is over {name!r}: give 0 or more.")
    return float(value)


def _at_us(place: int, given: object, now: datetime) -> int:
    if given is None:
        return _us(now)
    try:
        at = datetime.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        remedy = "Give a time with its zone, such as 2026-03-01T12:00:00Z, or leave it out."
        _bad(place, "at", given, "is no such time", remedy)
    if at > now + _AHEAD:
        _bad(place, "at", given, "is still to come", "Say when it happened.")
    try:
        return _us(at)
    except OverflowError:  # of the year 1, in a zone that is ahead
        _bad(place, "at", given, "is before the first day", "Say when it happened.")


def _us(at: datetime) -> int:
    since = at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return round(since.total_seconds() * 1e6)


def _bad(place: int | None, field: str, value: object, what: str, remedy: str) -> NoReturn:
    shown = repr(value)[:60] if not (isinstance(value, float) and math.isnan(value)) else "NaN"
    where = "The outcomes" if place is None else f"Entry {place}: {field}"
    raise BadOutcomes(f"{where} {shown} {what}.", remedy=remedy, row=place, field=field)


def encoded(entries: Sequence[Entry]) -> Iterator[bytes]:
    """The bytes of slices that hold entries."""
    for start in range(0, len(entries), _PER_SLICE):
        yield msgspec.msgpack.encode((_SCHEMA, entries[start : start + _PER_SLICE]))


def decoded(data: bytes) -> list[Entry]:
    """The entries of a slice.   Raises: BadOutcomes."""
    try:
        schema, entries = msgspec.msgpack.decode(data, type=tuple[int, list[Entry]])
    except msgspec.DecodeError as problem:
        raise _unreadable(str(problem)) from problem
    if schema != _SCHEMA:
        raise _unreadable(f"its schema is {schema}")
    return entries


def _unreadable(why: str) -> BadOutcomes:
    return BadOutcomes(
        f"A slice holds no outcomes: {why}.",
        remedy="Read it with the version of seatrial that wrote it.",
    )

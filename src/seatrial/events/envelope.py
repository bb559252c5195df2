"""CloudEvents 1.0 in JSON: a fact as an event, and an event that came as text. Pure.

Source: https://github.com/cloudevents/spec, v1.0.2, core and JSON event format; extension
attributes ``sequence`` and ours have lower-case names, as the specification asks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from seatrial.kernel.errors import Invalid, LimitExceeded
from seatrial.kernel.events import Fact

SPEC: Final = "1.0"
TYPE_PREFIX: Final = "seatrial."
CONTENT_TYPE: Final = "application/cloudevents+json"
LEAST_BYTES: Final = 4096
"""The least that an event may be bounded to: its envelope with the largest names fits."""

_MAX_TEXT = 200


class EventInvalid(Invalid):
    """A message is no CloudEvent in JSON, or lacks what every event has."""

    code = "events.event_invalid"


class EventTooLarge(LimitExceeded):
    """A message is larger than is read."""

    code = "events.event_too_large"


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """An event that came.

    Args:
        id, source: together unique, as whoever sent it promises.
        type: what happened.
        subject: of what, or "".
        data: its content.
    """

    id: str
    source: str
    type: str
    subject: str
    data: Mapping[str, Any]


def record_of(fact: Fact, *, source: str) -> dict[str, object]:
    """A fact as an event. Its id follows from the fact alone, so it is the same however often.

    Args: source: of the installation; unique among all that publish to a topic.
    """
    record: dict[str, object] = {
        "specversion": SPEC,
        "id": f"{fact.stream}/{fact.revision}",
        "source": source,
        "type": TYPE_PREFIX + fact.kind,
        "subject": fact.stream,
        "time": fact.at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"urn:seatrial:fact:{fact.kind}:{fact.schema}",
        "sequence": f"{fact.seq:020d}",
        "by": fact.by,
    }
    if fact.damage:
        record["omitted"] = "data"
    return record | {"data": dict(fact.data)}


def body_of(fact: Fact, *, source: str, max_bytes: int) -> bytes:
    """The text of a fact's event, of at most ``max_bytes`` >= `LEAST_BYTES`.

    Of one that is larger the largest fields of ``data`` are left out, and named in ``omitted``.
    """
    record = record_of(fact, source=source)
    body = _text(record)
    if len(body) <= max_bytes:
        return body
    data = dict(fact.data)
    left_out = []
    for name in sorted(data, key=lambda one: len(_text(data[one])), reverse=True):
        del data[name]
        left_out.append(name)
        body = _text(record | {"omitted": ",".join(sorted(left_out)), "data": data})
        if len(body) <= max_bytes:
            return body
    return _text(record | {"omitted": "data", "data": {}})


def read_event(body: bytes, *, max_bytes: int) -> CloudEvent:
    """An event that came from outside; nothing of it is believed but its shape.

    Raises: EventTooLarge, EventInvalid.
    """
    if len(body) > max_bytes:
        raise EventTooLarge(
            f"The message has {len(body):,} bytes; {max_bytes:,} are read.",
            remedy="Send it in parts, or raise events.receive.max_bytes.",
            limit=max_bytes,
        )
    try:
        record = json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as problem:
        raise _invalid(f"is no JSON: {str(problem)[:100]}") from problem
    if not isinstance(record, dict):
        raise _invalid(f"is a JSON {type(record).__name__}, not an object")
    if record.get("specversion") != SPEC:
        raise _invalid(f"has the specversion {record.get('specversion')!r:.20}, not {SPEC!r}")
    data = record.get("data")
    if not isinstance(data, dict):
        raise _invalid("has no data that is an object")
    return CloudEvent(
        id=_named(record, "id"),
        source=_named(record, "source"),
        type=_named(record, "type"),
        subject=_named(record, "subject") if record.get("subject") is not None else "",
        data=data,
    )


def _named(record: Mapping[str, object], name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT or not value.isprintable():
        raise _invalid(f"has the {name} {value!r:.60}, not 1 to {_MAX_TEXT} printable characters")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _text(record: object) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def _invalid(why: str) -> EventInvalid:
    return EventInvalid(
        f"The message {why}.",
        remedy="Send a CloudEvent 1.0 in its JSON format, with id, source, type and data.",
    )

"""The published JSON schema of events: those that go out, and those that may come in."""

from __future__ import annotations

from typing import Any

from seatrial.events.envelope import SPEC, TYPE_PREFIX
from seatrial.events.requests import DATA, LABELS, REGISTRY, RETRAINING
from seatrial.monitoring.performance.label_desk import MAX_LABELS

_NAME = {"type": "string", "minLength": 1, "maxLength": 200}
_REASON = {"type": ["string", "null"], "maxLength": 1000}


def events_schema() -> dict[str, Any]:
    """Definitions ``published``, ``rejected`` and ``received``; an event is one of them."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Events of seatrial: CloudEvents 1.0 in JSON",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in ("published", "rejected", "received")],
        "$defs": {
            "published": _published(),
            "rejected": _rejected(),
            "received": {"oneOf": [_received(kind, data) for kind, data in _requests().items()]},
        },
    }


def _envelope(kind: dict[str, Any], data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An object of what every event has."""
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": {
            "specversion": {"const": SPEC},
            "id": _NAME,
            "source": _NAME,
            "type": kind,
            "datacontenttype": {"const": "application/json"},
            "data": data,
            **more,
        },
    }


def _published() -> dict[str, Any]:
    record = _envelope(
        {"type": "string", "pattern": "^seatrial\\.[a-z_]+\\.[a-z_]+$"},
        {"type": "object", "description": "The fact's data, by its kind; see the page of facts."},
        id={"type": "string", "description": "STREAM/REVISION: the same however often it comes."},
        subject={"type": "string", "description": "The stream: events of one are in order."},
        time={"type": "string", "format": "date-time"},
        dataschema={"type": "string", "description": "urn:seatrial:fact:KIND:VERSION"},
        sequence={"type": "string", "pattern": "^[0-9]{20}$"},
        by={"type": "string", "description": "Who did it."},
        omitted={"type": "string", "description": "Fields left out of data, for their size."},
    )
    record["required"] += ["subject", "time", "sequence", "by"]
    record["additionalProperties"] = False
    return record


def _rejected() -> dict[str, Any]:
    text = {"type": "string"}
    data = {
        "type": "object",
        "required": ["code", "problem", "place", "n_bytes", "cut"],
        "properties": {
            "code": text,
            "problem": text,
            "place": {"type": "string", "description": "Where the broker had it."},
            "n_bytes": {"type": "integer"},
            "cut": {"type": "boolean", "description": "Whether only its beginning is here."},
            "message": text,
            "message_base64": {"type": "string", "description": "Of one that is no UTF-8."},
        },
    }
    return _envelope({"const": TYPE_PREFIX + "message.rejected"}, data, subject=text)


def _received(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return _envelope({"const": kind}, {"type": "object", **data}, subject=_NAME)


def _requests() -> dict[str, dict[str, Any]]:
    value = {"type": ["string", "number", "boolean", "null", "array"], "items": {"type": "number"}}
    label = {
        "type": "object",
        "required": ["id", "label"],
        "properties": {"id": {"type": "string", "minLength": 1, "maxLength": 300}, "label": value},
        "additionalProperties": False,
    }
    labels = {"type": "array", "minItems": 1, "maxItems": MAX_LABELS, "items": label}
    rows = {"type": ["integer", "null"], "minimum": 0}
    return {
        LABELS: _closed({"endpoint": _NAME, "labels": labels}, "endpoint", "labels"),
        DATA: _closed({"retraining": _NAME, "reason": _REASON, "n_rows": rows}, "retraining"),
        RETRAINING: _closed({"retraining": _NAME, "reason": _REASON}, "retraining"),
        REGISTRY: {},
    }


def _closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }

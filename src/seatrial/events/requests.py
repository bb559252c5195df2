"""What an event from outside asks for, once it is known to be one. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from seatrial.events.envelope import CloudEvent
from seatrial.kernel.errors import Invalid
from seatrial.monitoring.performance.label_desk import MAX_LABELS
from seatrial.monitoring.rows.label_values import label_text

LABELS: Final = "seatrial.labels.arrived"
DATA: Final = "seatrial.data.arrived"
RETRAINING: Final = "seatrial.retraining.demanded"
REGISTRY: Final = "seatrial.registry.changed"

_MAX_TEXT = 200
_MAX_REASON = 1000


class TypeUnknown(Invalid):
    """Nothing is done for events of this type."""

    code = "events.type_unknown"


class DataInvalid(Invalid):
    """The data of an event is not what its type has."""

    code = "events.data_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsArrived:
    """What came true, of predictions of an endpoint: pairs of prediction id and label."""

    endpoint: str
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingDemanded:
    """Somebody wants a model trained anew, or has new data for it.

    Args:
        retraining: its name in the configuration.
        new_data: whether it is because of new data.
        reason: for a person, or "".
        n_rows: rows of the new data, if known.
    """

    retraining: str
    new_data: bool
    reason: str
    n_rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryChanged:
    """The registry is to be looked at now."""


Request: TypeAlias = LabelsArrived | RetrainingDemanded | RegistryChanged


def read_request(event: CloudEvent) -> Request:
    """What an event asks for.   Raises: TypeUnknown, DataInvalid."""
    read = _READERS.get(event.type)
    if read is None:
        raise TypeUnknown(
            f"Nothing is done for events of the type {event.type[:80]!r}.",
            remedy=f"Send one of: {', '.join(sorted(_READERS))}.",
        )
    return read(event.data)


def _labels(data: Mapping[str, Any]) -> LabelsArrived:
    _only(data, "endpoint", "labels")
    labels = data.get("labels")
    if not isinstance(labels, list) or not 0 < len(labels) <= MAX_LABELS:
        raise _invalid("labels", f"is no list of 1 to {MAX_LABELS:,} labels")
    pairs = tuple(_pair(place, one) for place, one in enumerate(labels))
    return LabelsArrived(endpoint=_text(data, "endpoint"), labels=pairs)


def _pair(place: int, one: object) -> tuple[str, str]:
    where = f"labels[{place}]"
    if not isinstance(one, dict) or set(one) != {"id", "label"}:
        raise _invalid(where, "is no object of id and label")
    key, label = one["id"], one["label"]
    if not isinstance(key, str):
        raise _invalid(f"{where}.id", "is no text")
    if isinstance(label, dict) or (
        isinstance(label, list) and not all(isinstance(number, int | float) for number in label)
    ):
        raise _invalid(f"{where}.label", "is no text, number, boolean, null or list of numbers")
    text = ", ".join(map(str, label)) if isinstance(label, list) else label_text(label)
    return key, text


def _data(data: Mapping[str, Any]) -> RetrainingDemanded:
    _only(data, "retraining", "reason", "n_rows")
    n_rows = data.get("n_rows")
    if n_rows is not None and (type(n_rows) is not int or not 0 <= n_rows <= 2**53):
        raise _invalid("n_rows", "is no whole number >= 0")
    return RetrainingDemanded(
        retraining=_text(data, "retraining"), new_data=True, reason=_reason(data), n_rows=n_rows
    )


def _retraining(data: Mapping[str, Any]) -> RetrainingDemanded:
    _only(data, "retraining", "reason")
    return RetrainingDemanded(
        retraining=_text(data, "retraining"), new_data=False, reason=_reason(data)
    )


def _registry(_: Mapping[str, Any]) -> RegistryChanged:
    return RegistryChanged()  # whatever else a registry says of itself: it is only a hint to look


def _reason(data: Mapping[str, Any]) -> str:
    return _text(data, "reason", most=_MAX_REASON) if data.get("reason") not in (None, "") else ""


def _text(data: Mapping[str, Any], name: str, *, most: int = _MAX_TEXT) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= most or not value.isprintable():
        raise _invalid(name, f"is {value!r:.60}, not 1 to {most} printable characters")
    return value


def _only(data: Mapping[str, Any], *names: str) -> None:
    odd = sorted(set(data) - set(names))
    if odd:
        raise _invalid(odd[0][:60], f"is not known; known are {', '.join(names)}")


def _invalid(where: str, why: str) -> DataInvalid:
    return DataInvalid(
        f"data.{where} {why}.",
        remedy="Send the data that the type has; see the page on events.",
        field=where,
    )


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Request]] = {
    LABELS: _labels,
    DATA: _data,
    RETRAINING: _retraining,
    REGISTRY: _registry,
}
TYPES: Final = tuple(sorted(_READERS))

"""How far the performance of a version has come, as its ledger keeps it beside the predictions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from seatrial.monitoring.performance.labels import Ledger
from seatrial.monitoring.performance.record import state_from_dict, unreadable
from seatrial.monitoring.performance.state import PerformanceState
from seatrial.monitoring.performance.verdict import Level

SCHEMA = 1
STATE, PROGRESS, CLASSES, UNTOLD = "state", "progress", "classes", "untold"
PLACE = "place/"
"""Names of notes; that of a place goes on with what it is in."""

_TROUBLE = frozenset({Level.WARNING.value, Level.CRITICAL.value})


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a window when its newest complete step came; never changed afterwards.

    Args:
        window: its index.
        start_us, end_us: of its predictions, microseconds since 1970.
        n: predictions the estimate spoke of.
    """

    window: int
    start_us: int
    end_us: int
    n: int
    value: float | None
    lower: float | None
    upper: float | None
    label_free: float | None
    level: str
    trust: str


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a version has come.

    Args:
        window_rows: of a window, as when it began.
        n_seen: predictions taken in.
        watermark_us: predictions before it wait no more.
        n_labelled: predictions that got a label.
        n_corrected: labels that replaced another.
        told: index of the newest window whose real performance triggers were told.
        points: by window, ascending, the newest MAX_WINDOWS.
    """

    window_rows: int
    n_seen: int = 0
    watermark_us: int | None = None
    n_labelled: int = 0
    n_corrected: int = 0
    told: int = -1
    points: tuple[Point, ...] = ()
    schema: int = SCHEMA


def kept_of(ledger: Ledger) -> tuple[PerformanceState, Progress] | None:
    """What a ledger says of a version; None before anything was taken in.

    Raises: BadPerformanceRecord, stats.fusion_record.BadFusion.
    """
    state, progress = ledger.note(STATE), ledger.note(PROGRESS)
    if state is None or progress is None:
        return None
    try:
        found = msgspec.json.decode(progress, type=Progress)
        if found.schema != SCHEMA:
            raise unreadable(f"schema {found.schema} of its progress is unknown")
        return state_from_dict(msgspec.json.decode(state)), found
    except msgspec.DecodeError as problem:
        raise unreadable(str(problem)) from problem


def meanings(ledger: Ledger, ids: Sequence[str]) -> dict[str, str]:
    """The kept predictions that ids mean, by id. The only row of a request bears the request's id,
    and ``<request>/0`` means it too.
    """
    stripped = {key: key.removesuffix("/0") for key in ids}
    found = set(ledger.find([*stripped, *stripped.values()]).ids)
    meant = {key: key if key in found else other for key, other in stripped.items()}
    return {key: other for key, other in meant.items() if other in found}


def since_trouble(points: Sequence[Point]) -> datetime | None:
    """Begin of the first of the newest windows that are all in trouble."""
    start_us = None
    for point in reversed(points):
        if point.level not in _TROUBLE:
            break
        start_us = point.start_us
    return None if start_us is None else moment(start_us)


def moment(us: int) -> datetime:
    """Microseconds since 1970 as a time."""
    return datetime.fromtimestamp(us / 1e6, UTC)


def micros(at: datetime) -> int:
    """A time as microseconds since 1970."""
    return round(at.timestamp() * 1e6)

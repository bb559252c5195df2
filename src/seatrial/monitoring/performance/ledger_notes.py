"""What a ledger notes of its version beside the predictions: the names, and how it is read."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from seatrial.monitoring.performance.pending import Ledger
from seatrial.monitoring.performance.progress import SCHEMA, Progress
from seatrial.monitoring.performance.record import state_from_dict, unreadable
from seatrial.monitoring.performance.state import PerformanceState

STATE, PROGRESS, UNTOLD = "state", "progress", "untold"
CLASSES, WIDTH = "classes", "width"
PLACE = "place/"
"""Names of notes; that of a place goes on with what it is in."""


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

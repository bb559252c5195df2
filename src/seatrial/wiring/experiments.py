"""Experiments of a workspace: their desk, their ledgers, and the conductor that looks at them."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.experiments.desk import ExperimentDesk
from seatrial.experiments.entries import Names
from seatrial.kernel.clock import SystemClock
from seatrial.kernel.errors import NotFound, SeatrialError
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.kernel.store import Store
from seatrial.wiring.ceaseless import ceaselessly
from seatrial.wiring.workspace import Workspace

if TYPE_CHECKING:
    from seatrial.adapters.labels.sqlite_experiment import SqliteExperiment
    from seatrial.experiments.conductor import Conductor

_log = logging.getLogger(__name__)

_TICK_S = 0.5
_DAY_S = 86_400
_SPAN_S = 60
_IDLE_S = 1.0
"""How often a server without experiments looks for the first."""


class NoTraffic(NotFound):
    """Nothing is known of the traffic of an endpoint."""

    code = "experiment.no_traffic"


def experiment_desk(store: Store) -> ExperimentDesk:
    """Where experiments are run."""
    return ExperimentDesk(store, now=SystemClock().now)


def ledger_path(workspace: Workspace, name: str) -> Path:
    """The file of an experiment's users: no name leads out of the folder, or to another's."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return workspace.home / "experiments" / f"{name[:60]}-{digest}.db"


def open_ledger(workspace: Workspace, name: str, names: Names) -> SqliteExperiment:
    """The ledger of an experiment; made when it is not there."""
    with ONE_AT_A_TIME:
        from seatrial.adapters.labels.sqlite_experiment import SqliteExperiment

    path = ledger_path(workspace, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    return SqliteExperiment(path, names)


def conductor_of(workspace: Workspace, store: Store) -> Conductor:
    """Brings the experiments of a workspace forward; for one thread."""
    with ONE_AT_A_TIME:
        from seatrial.experiments.conductor import Conductor

    return Conductor(
        store,
        clock=SystemClock(),
        open_ledger=lambda name, names: open_ledger(workspace, name, names),
        holder=f"{os.getpid()}-{secrets.token_hex(4)}",
    )


def look_once(workspace: Workspace, store: Store) -> None:
    """Look at every experiment now, unless a server does so all the time."""
    conductor = conductor_of(workspace, store)
    try:
        conductor.tick(now_at_once=True)
    finally:
        conductor.close()


def requests_per_day(store: Store, endpoint: str) -> float:
    """The traffic of an endpoint over what is kept of the last week.

    Raises: UnknownEndpoint; NoTraffic.
    """
    from datetime import timedelta

    from seatrial.release.projection import Endpoints
    from seatrial.release.recent import Recent

    endpoints = Endpoints(store)
    endpoints.refresh()
    endpoints.get(endpoint)
    now = SystemClock().now()
    recent = Recent(store, endpoint, width_s=_SPAN_S, keep_s=7 * _DAY_S)
    recent.refresh(now)
    points = recent.points()
    n = sum(point.summary.n for point in points)
    if not n:
        raise NoTraffic(
            f"No request of {endpoint!r} was recorded in the last week.",
            remedy="Say with --per-day how many users it has.",
            endpoint=endpoint,
        )
    first = min(point.start for point in points)
    passed_s = max((now - timedelta(seconds=first)).timestamp(), float(_SPAN_S))
    return n * _DAY_S / passed_s


def conduct(workspace: Workspace, stop: threading.Event) -> None:
    """Bring experiments forward until ``stop`` is set, whatever goes wrong."""
    conducting = partial(_conduct, workspace, stop)
    ceaselessly(conducting, stop, log=_log, still="experiments stand still", again_s=_IDLE_S)


def _conduct(workspace: Workspace, stop: threading.Event) -> None:
    store = workspace.open_store()
    conductor = conductor_of(workspace, store)
    try:
        while not stop.is_set():
            busy = _has_work(conductor) and conductor.tick()
            stop.wait(_TICK_S if busy else _IDLE_S)
    finally:
        conductor.close()
        store.close()


def _has_work(conductor: Conductor) -> bool:
    try:
        return conductor.has_work()
    except SeatrialError:
        return True  # its tick says what is wrong

"""The process of `seatrial up` that brings pipelines forward: durable steps, apart from serving.

It is a process of its own so that neither what steps do nor what kills them touches an answer or a
release under way.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from functools import partial

from seatrial.kernel.clock import SystemClock
from seatrial.kernel.priority import stand_back
from seatrial.steps.worker import Worker
from seatrial.wiring.ceaseless import ceaselessly
from seatrial.wiring.workspace import Workspace

_log = logging.getLogger(__name__)

_TICK_S = 0.1
_DECIDE_S = 1.0
"""How often triggers are looked at."""

_AGAIN_S = 10.0


def wanted(workspace: Workspace) -> bool:
    """Whether something is configured that this process would do."""
    settings = workspace.settings
    return bool(settings.registry.models or settings.retraining or settings.events.broker)


def run_pipelines(workspace: Workspace, stop: threading.Event) -> None:
    """The main of the process: tick until ``stop`` is set, whatever goes wrong."""
    stand_back()
    ceaselessly(
        partial(_tick, workspace, stop),
        stop,
        log=_log,
        still="no pipeline goes on",
        again_s=_AGAIN_S,
    )


def _tick(workspace: Workspace, stop: threading.Event) -> None:
    from seatrial.wiring.events import moving
    from seatrial.wiring.registry.following import following
    from seatrial.wiring.retraining.book import RetrainingBook
    from seatrial.wiring.retraining.steps import RetrainingFlow

    store = workspace.open_store()
    holder = f"pipelines-{os.getpid()}-{secrets.token_hex(4)}"
    there_is_work = threading.Event()
    try:
        with (
            moving(workspace, store, stop),
            following(workspace, store, stop, on_started=there_is_work.set) as arrivals,
        ):
            flow = RetrainingFlow(workspace, store).workflow()
            book = RetrainingBook(workspace, store, flow)
            worker = Worker(
                store,
                [*arrivals, flow],
                clock=SystemClock(),
                holder=holder,
                on_over=there_is_work.set,
            )
            decide_at_s = 0.0
            try:
                while not stop.is_set():
                    if time.monotonic() >= decide_at_s:
                        book.tick()
                        decide_at_s = time.monotonic() + _DECIDE_S
                    worker.tick()
                    there_is_work.wait(_TICK_S)
                    there_is_work.clear()
            finally:
                worker.close()
    finally:
        store.close()

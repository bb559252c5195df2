"""The process that follows registries and brings arrivals forward."""

from __future__ import annotations

import logging
import os
import secrets
from threading import Event, Thread

from seatrial.kernel.clock import SystemClock
from seatrial.steps.worker import Worker
from seatrial.wiring.background import running
from seatrial.wiring.registries import open_registries
from seatrial.wiring.registry_flow import RegistryFlow
from seatrial.wiring.registry_follow import Follower
from seatrial.wiring.workspace import Workspace

_TICK_S = 0.1
_GRACE_S = 5.0

_log = logging.getLogger(__name__)


def run_registry(workspace: Workspace, stop: Event) -> None:
    """Follow until told to stop.   Raises: as `open_registries`; StoreUnavailable and its kin."""
    store = workspace.open_store()
    clock = SystemClock()
    holder = f"registry-{os.getpid()}-{secrets.token_hex(4)}"
    registries = open_registries(workspace, store)
    flow = RegistryFlow(workspace, store, registries, address=lambda: address_of(workspace))
    workflow = flow.workflow()
    follower = Follower(
        store, registries, workspace.settings.registry, workflow, clock=clock, holder=holder
    )
    worker = Worker(store, [workflow], clock=clock, holder=holder)
    # On a thread of its own: a registry may take its time, and steps renew their leases meanwhile.
    looking = Thread(target=_follow, args=(follower, stop), name="follower", daemon=True)
    looking.start()
    try:
        while not stop.is_set():
            worker.tick()
            stop.wait(_TICK_S)
    finally:
        worker.close()
        looking.join(_GRACE_S)
        store.close()


def _follow(follower: Follower, stop: Event) -> None:
    while not stop.is_set():
        try:
            follower.tick()
        except Exception:  # noqa: BLE001 - the border of a thread
            _log.exception("looking at the registries failed; it is tried again")
        stop.wait(_TICK_S)
    follower.close()


def address_of(workspace: Workspace) -> str | None:
    """Where people reach the console: as configured, or where the server listens."""
    configured = workspace.settings.registry.public_url
    if configured is not None:
        return configured.rstrip("/")
    found = running(workspace)
    return None if found is None else found.address

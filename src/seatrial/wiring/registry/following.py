"""Follows registries in the process of pipelines, and gives it the workflow of what arrives."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from seatrial.kernel.clock import SystemClock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.kernel.store import Store
from seatrial.packaging.standby import Standby
from seatrial.steps.workflow import Workflow
from seatrial.wiring.background import running
from seatrial.wiring.registry.flow import RegistryFlow
from seatrial.wiring.registry.follow import Follower
from seatrial.wiring.registry.registries import open_registries, own_registry
from seatrial.wiring.workspace import Workspace

_TICK_S = 0.1
_GRACE_S = 5.0

_log = logging.getLogger(__name__)


@contextmanager
def following(
    workspace: Workspace, store: Store, stop: Event, *, on_started: Callable[[], None]
) -> Iterator[list[Workflow]]:
    """Look at the registries beside whatever is done in the block, until ``stop`` is set.

    On a thread of its own: a registry may take its time, and steps renew their leases meanwhile.

    Args: on_started: told, on that thread, that there is a run to bring forward.
    Yields: the workflow of an arrival; nothing where nothing is followed.
    Raises: as `open_registries`.
    """
    if not (workspace.settings.registry.models or workspace.settings.retraining):
        yield []
        return
    registries = open_registries(workspace, store)
    standby = Standby(workspace.settings.server.child_limits())
    flow = RegistryFlow(
        workspace,
        store,
        registries,
        address=lambda: address_of(workspace),
        standby=standby if workspace.settings.registry.models else None,
    )
    workflow = flow.workflow()
    follower = Follower(
        store,
        registries,
        workspace.settings.registry,
        workflow,
        clock=SystemClock(),
        holder=f"registry-{os.getpid()}-{secrets.token_hex(4)}",
        offered=own_registry(workspace, store).models,
        on_started=on_started,
    )
    over = Event()
    looking = Thread(target=_look, args=(follower, stop, over), name="follower", daemon=True)
    looking.start()
    if workspace.settings.registry.models:
        Thread(target=_make_ready, args=(standby,), name="standby", daemon=True).start()
    try:
        yield [workflow]
    finally:
        over.set()
        looking.join(_GRACE_S)
        standby.close()


def _make_ready(standby: Standby) -> None:
    """Load what an arrival needs, so that the first is no slower than the next."""
    with ONE_AT_A_TIME:
        import seatrial.adapters.serving.onnxruntime
        import seatrial.adapters.tables.sample_file
        import seatrial.wiring.evaluation.evaluating  # noqa: F401 - for what they load
    try:
        standby.refill()
    except SeatrialError as problem:
        _log.warning("no process is ready for the next model: %s", problem)


def _look(follower: Follower, stop: Event, over: Event) -> None:
    while not (stop.is_set() or over.is_set()):
        try:
            follower.tick()
        except Exception:  # noqa: BLE001 - the border of a thread
            _log.exception("looking at the registries failed; it is tried again")
        over.wait(_TICK_S)
    follower.close()


def address_of(workspace: Workspace) -> str | None:
    """Where people reach the console: as configured, or where the server listens."""
    configured = workspace.settings.registry.public_url
    if configured is not None:
        return configured.rstrip("/")
    found = running(workspace)
    return None if found is None else found.address

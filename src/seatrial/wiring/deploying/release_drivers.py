"""Who brings a release forward: a server that runs, one that is started, or the command itself."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from seatrial.kernel.clock import SystemClock
from seatrial.kernel.store import Store
from seatrial.release.controller import BEAT, WORKERS, Controller
from seatrial.wiring.background import ServerRunning, running, start_detached
from seatrial.wiring.deploying.deploy import Placed
from seatrial.wiring.deploying.files import write_files
from seatrial.wiring.deploying.staging_jobs import stager_of
from seatrial.wiring.server_checks import check_can_listen
from seatrial.wiring.workspace import Workspace


def check_server(workspace: Workspace) -> None:
    """Whether a server runs or could be started: asked before anything is registered.

    Raises: PortTaken, TokenMissing, TokenUnusable.
    """
    if running(workspace) is not None:
        return
    store = workspace.open_store()
    try:
        served = bool(store.present(WORKERS))
    finally:
        store.close()
    if not served:
        check_can_listen(workspace)


def ensure_server(workspace: Workspace) -> str:
    """The address of a server of this workspace's store; one is started if none runs."""
    found = running(workspace)
    if found is not None:
        return found.address
    store = workspace.open_store()
    try:
        for beat in store.present(WORKERS):
            return str(beat.data.get("address", "another machine"))
    finally:
        store.close()
    try:
        return start_detached(workspace).address
    except ServerRunning:  # another command started one at the same moment
        found = running(workspace)
        if found is None:
            raise
        return found.address


def has_server(store: Store) -> bool:
    """Whether anything brings releases forward on this store."""
    return bool(store.present(WORKERS) or store.present(BEAT))


@contextmanager
def local_controller(
    workspace: Workspace, placed: Placed, *, on_test: Callable[[str, str], None]
) -> Iterator[Callable[[], object]]:
    """A controller for as long as the release is followed; idle while a server has one.

    Yields: its tick.
    """
    stager = stager_of(
        workspace,
        finished=write_files,
        on_test=lambda _endpoint, test: on_test("staging", test),
    )
    controller = Controller(
        placed.store,
        clock=SystemClock(),
        stager=stager,
        holder=f"deploy-{os.getpid()}-{secrets.token_hex(4)}",
    )
    try:
        yield controller.tick
    finally:
        controller.close()
        if workspace.settings.engines:
            from seatrial.wiring.deploying.engine_sweep import EngineSweep

            EngineSweep(workspace, placed.store).turn(at_once=True)

"""`seatrial up`: a supervisor over worker processes that share one socket, and one controller."""

from __future__ import annotations

import gc
import logging
import os
import secrets
import select
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

from seatrial.kernel.clock import SystemClock
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.kernel.priority import stand_back
from seatrial.kernel.store import StoreUnavailable
from seatrial.kernel.supervise import Child, Supervisor
from seatrial.release.controller import Controller
from seatrial.wiring.background import ServerRunning, announce, check_none_runs, withdraw
from seatrial.wiring.ceaseless import ceaselessly
from seatrial.wiring.deploying.staging_jobs import stager_of
from seatrial.wiring.pipelines import wanted
from seatrial.wiring.server_checks import (
    GRACE_S,
    check_events,
    check_features,
    check_grpc,
    check_llm,
    check_registry,
    check_trust,
    open_port,
    token_for,
)
from seatrial.wiring.workspace import HomeNotWritable, Workspace, load_store

if TYPE_CHECKING:
    from seatrial.packaging.staging_report import StagingReport
    from seatrial.registry.bundle import Bundle

_log = logging.getLogger(__name__)

_TICK_S = 0.1
_WATCH_AGAIN_S = 60.0
_LOOK_S = 1.0
"""How often a server without endpoints looks for the first."""


def run_server(workspace: Workspace, *, say: Callable[[str], None]) -> None:
    """Listen, fork the workers and the controller, and keep them running until told to stop.

    Raises: ServerRunning, PortTaken, TokenMissing, TokenUnusable; as `check_gateway`,
        `check_features`, `check_events`, `check_registry`, `check_trust` and `check_grpc`.
    """
    check_none_runs(workspace)
    check_llm(workspace)
    check_features(workspace)
    check_events(workspace)
    check_registry(workspace)
    check_trust(workspace, say=say)
    server = workspace.settings.server
    token = token_for(server.host)
    listening = open_port(workspace, say=say)
    check_grpc(workspace)  # now that workers of a killed server have left its ports
    address = f"http://{_shown(server.host)}:{listening.getsockname()[1]}"
    server_id = secrets.token_hex(4)
    try:
        workspace.limits.unlink(missing_ok=True)  # of a server before: its clock may be another
    except OSError as problem:
        raise HomeNotWritable(
            f"The folder {workspace.home} cannot be written: {problem.strerror}.",
            remedy="Name another one with --home, or let this user write there.",
            home=str(workspace.home),
        ) from problem
    _preload(workspace)
    children = [
        Child(
            name=f"worker {index}",
            main=partial(
                _worker,
                workspace,
                listening=listening,
                name=f"worker/{server_id}/{index}",
                address=address,
                token=token,
            ),
        )
        for index in range(server.workers)
    ]
    children.append(Child(name="controller", main=partial(_controller, workspace)))
    if wanted(workspace):
        children.append(Child(name="pipelines", main=partial(_pipelines, workspace)))
    log_masked()
    try:
        announce(workspace, address=address)
    except ServerRunning:
        listening.close()
        raise
    say(f"seatrial serves on {address}  (console at /, API at /docs, metrics at /metrics)")
    try:
        Supervisor(children, grace_s=GRACE_S).run()
    finally:
        withdraw(workspace)
        listening.close()


def log_masked() -> None:
    """Log to stderr, with secrets and personal data written over, in this process and those it
    forks."""
    from seatrial.gateway.policies.mask import MaskingFormatter

    handler = logging.StreamHandler()
    line = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    handler.setFormatter(MaskingFormatter(line))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _preload(workspace: Workspace) -> None:
    """Import once what every child needs, so that forks share it and restarts take no time.

    Frozen, the collector of a child does not write to what it shares, which would copy it. Nothing
    is collected before: next to nothing of what importing makes is garbage, and looking for it
    takes a tenth of a second.
    """
    from seatrial.wiring import worker

    worker.preload(workspace)
    if workspace.bundles.exists() and workspace.settings.monitoring.enabled:
        import seatrial.wiring.watching.monitor  # noqa: F401 - what is loaded after a fork is shared less
    load_store(workspace.store_url)
    gc.freeze()
    gc.enable()


def _worker(
    workspace: Workspace,
    stop_fd: int,
    *,
    listening: socket.socket,
    name: str,
    address: str,
    token: str | None,
) -> None:
    from seatrial.wiring.worker import run_worker

    run_worker(
        workspace,
        stop_fd=stop_fd,
        listening=listening,
        name=name,
        address=address,
        token=token,
    )


def _stop_event(stop_fd: int) -> threading.Event:
    """Set by SIGTERM, by SIGINT, and when the supervisor is gone."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    threading.Thread(target=_watch, args=(stop_fd, stop), daemon=True).start()
    return stop


def _controller(workspace: Workspace, stop_fd: int) -> None:
    """The main of the controller process: tick until the supervisor is gone or says stop."""
    stop = _stop_event(stop_fd)
    watching = threading.Thread(target=_monitor, args=(workspace, stop), name="monitor")
    if workspace.settings.monitoring.enabled:
        watching.start()
    conducting = threading.Thread(target=_conduct, args=(workspace, stop), name="experiments")
    conducting.start()
    store = workspace.open_store()
    stager = stager_of(workspace, finished=_write_files)
    controller = Controller(
        store,
        clock=SystemClock(),
        stager=stager,
        holder=f"{os.getpid()}-{secrets.token_hex(4)}",
        retention_s=workspace.settings.server.retention,
    )
    if workspace.settings.engines:
        threading.Thread(target=_sweep_engines, args=(workspace, stop), daemon=True).start()
    try:
        while not stop.is_set():
            controller.tick()
            stop.wait(_TICK_S)
    finally:
        controller.close()
        store.close()
        conducting.join(GRACE_S / 4)
        if watching.ident is not None:
            watching.join(GRACE_S / 2)


def _sweep_engines(workspace: Workspace, stop: threading.Event) -> None:
    """Unload models of engines elsewhere until ``stop`` is set; one that hangs holds up nobody."""
    with ONE_AT_A_TIME:
        from seatrial.wiring.deploying.engine_sweep import EngineSweep

    store = workspace.open_store()
    try:
        sweep = EngineSweep(workspace, store)
        while not stop.wait(_LOOK_S):
            try:
                sweep.turn()
            except Exception:  # noqa: BLE001 - the border of a thread
                _log.exception("models of engines elsewhere were not looked at")
    finally:
        store.close()


def _pipelines(workspace: Workspace, stop_fd: int) -> None:
    """The main of the process of pipelines."""
    from seatrial.wiring.pipelines import run_pipelines

    run_pipelines(workspace, _stop_event(stop_fd))


def _write_files(workspace: Workspace, bundle: Bundle, report: StagingReport, version: int) -> None:
    """`wiring.deploying.files.write_files`, which is loaded when the first staging has passed."""
    with ONE_AT_A_TIME:
        from seatrial.wiring.deploying.files import write_files

    write_files(workspace, bundle, report, version)


def _conduct(workspace: Workspace, stop: threading.Event) -> None:
    """Bring experiments forward until ``stop`` is set."""
    with ONE_AT_A_TIME:
        from seatrial.wiring.experiments import conduct

    stand_back()
    conduct(workspace, stop)


def _monitor(workspace: Workspace, stop: threading.Event) -> None:
    """Watch until ``stop`` is set, whatever goes wrong: releases go on without it."""
    stand_back()
    watch = partial(_watch_endpoints, workspace, stop)
    ceaselessly(watch, stop, log=_log, still="nothing is watched", again_s=_WATCH_AGAIN_S)


def _watch_endpoints(workspace: Workspace, stop: threading.Event) -> None:
    if not workspace.settings.monitoring.notify.sinks:  # what is wrong with them is told at once
        _await_endpoint(workspace, stop)
    if not stop.is_set():
        with ONE_AT_A_TIME:
            from seatrial.wiring.watching.monitor import run_monitor

        run_monitor(workspace, stop)


def _await_endpoint(workspace: Workspace, stop: threading.Event) -> None:
    """Wait until there is something to watch: the watch is 20 MB that a gateway does without."""
    with ONE_AT_A_TIME:
        from seatrial.release.projection import Endpoints

    store = workspace.open_store()
    try:
        endpoints = Endpoints(store)
        while not stop.is_set():
            with suppress(StoreUnavailable):  # whoever needs it says so
                endpoints.refresh()
            if endpoints.names():
                return
            stop.wait(_LOOK_S)
    finally:
        store.close()


def _watch(stop_fd: int, stop: threading.Event) -> None:
    """Set ``stop`` when the pipe ends: the supervisor is gone.

    The pipe is shared with the workers, whose event loops make it non-blocking at any moment: wait
    for it, and do not count on a read to wait.
    """
    while True:
        select.select([stop_fd], [], [])
        with suppress(BlockingIOError):
            if not os.read(stop_fd, 512):
                break
    stop.set()


def _shown(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104 - shown, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host

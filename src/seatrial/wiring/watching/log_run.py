"""Watches the log of another server: one pass over what is there, or on and on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from seatrial.kernel.clock import SystemClock
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.monitoring.watching.window_judge import Judged
from seatrial.wiring.watching.folder import WatchFolder
from seatrial.wiring.watching.log_watch import LogWatch, Say
from seatrial.wiring.workspace import Workspace

_TICK_S = 1.0


def run_log_watch(
    file: MonitoringFile,
    *,
    folder: Path,
    workspace: Callable[[], Workspace],
    stop: threading.Event,
    say: Say,
    once: bool = False,
    port: int | None = None,
    ready: Callable[[str], None] = lambda _: None,
) -> int:
    """Watch until ``stop`` is set, or with ``once`` one pass; returns how many windows were judged.

    Args:
        port: where to answer ``/metrics`` on loopback; None does not.
        ready: told once it watches, with the address of its metrics or an empty text.
    Raises: WatchRunning, MetricsPortTaken; see `LogWatch`.
    """
    from seatrial.adapters.telemetry.metrics_port import MetricsPort

    out, n = WatchFolder.of(file, folder), 0
    with ExitStack() as stack:
        stack.enter_context(out.held())
        watch = LogWatch(
            file,
            folder=folder,
            workspace=workspace,
            clock=SystemClock(),
            env=os.environ,
            say=say,
            once=once,
        )
        stack.callback(watch.close)
        for note in watch.known.notes:
            say(note)
        if watch.known.unmeasured and file.performance.enabled:
            say(f"The performance is not watched: {watch.known.unmeasured}")
        watch.probe()
        address = ""
        if port is not None:
            server = MetricsPort(port, watch.metrics)
            stack.callback(server.close)
            address = server.address
        ready(address)
        while True:
            judged = watch.tick() if once else watch.tick_again()
            for found in judged:
                n += 1
                say(window_line(found))
            if once:
                if not watch.settle():
                    say("A sink was not reached; it is told with the next run.")
                return n
            if _waited(watch, stop, file.poll):
                return n


def window_line(found: Judged) -> str:
    """A judged window in a line."""
    report = found.report
    when = f"{report.span.start:%Y-%m-%d %H:%M} - {report.span.end:%Y-%m-%d %H:%M}"
    moved = [column.name for column in report.drift.moved][:3]
    named = f", moved: {', '.join(moved)}" if moved else ""
    return f"{when}  {report.n:>7,} rows  {report.alarm.outcome.value}{named}"


def _waited(watch: LogWatch, stop: threading.Event, seconds: float) -> bool:
    """Wait for the next look, sending meanwhile what is due; whether to stop."""
    left = seconds
    while left > 0:
        if stop.wait(min(left, _TICK_S)):
            return True
        left -= _TICK_S
        if left > 0:
            watch.send()
    return stop.is_set()

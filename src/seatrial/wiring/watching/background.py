"""The monitor of a log in the background: started, found and stopped by its folder."""

from __future__ import annotations

from pathlib import Path

from seatrial.kernel.errors import NotFound, Unavailable
from seatrial.wiring import detached
from seatrial.wiring.detached import Running
from seatrial.wiring.watching.folder import WatchFolder, WatchRunning
from seatrial.wiring.workspace import HOME


class NoMonitor(NotFound):
    """No monitor runs with this folder."""

    code = "monitoring.no_monitor"


class MonitorDied(Unavailable):
    """The monitor ended while it started."""

    code = "monitoring.monitor_died"


def start_monitor(config: Path, out: WatchFolder, *, home: Path, port: int | None) -> Running:
    """Start `seatrial monitor run` in the background and wait until it watches.

    Args:
        config: the file `monitoring.yaml`.
        home: of the workspace, for a reference in a bundle.
        port: see `log_run.run_log_watch`.
    Raises: WatchRunning, MonitorDied, OutNotWritable.
    """
    already = detached.found(out.record)
    if already is not None:
        raise WatchRunning(
            f"A monitor watches with the folder {out.path} already (process {already.pid}).",
            remedy="Leave it, or stop it with `seatrial monitor stop` and start it anew.",
            pid=already.pid,
        )
    out.make()
    command = ["monitor", "run", "--config", str(config.resolve())]
    command += [] if port is None else ["--port", str(port)]
    try:
        return detached.start(command, record=out.record, log=out.log, env={HOME: str(home)})
    except detached.Died as died:
        raise MonitorDied(
            f"The monitor did not start: {died}",
            remedy=f"Read {out.log}, or run `seatrial monitor run --config {config}` in the "
            "foreground.",
        ) from died


def stop_monitor(out: WatchFolder) -> int:
    """Stop the monitor and wait until it is gone; returns its pid.   Raises: NoMonitor."""
    running = detached.found(out.record)
    if running is None:
        raise NoMonitor(
            f"No monitor runs in the background with the folder {out.path}.",
            remedy="Start one with `seatrial monitor start`.",
            out=str(out.path),
        )
    detached.stop(running, out.record)
    return running.pid


def running_monitor(out: WatchFolder) -> Running | None:
    """The monitor in the background, if one runs."""
    return detached.found(out.record)

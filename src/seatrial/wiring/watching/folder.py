"""The folder of a watch that runs by itself: its store, its place in the log, what it writes.

monitor.db         alerts, reports, triggers
place              how far the log was read, and what is counted of the open windows
lock  monitor.json monitor.log    which process watches, and what it says
seatrial.prom      gauges for node_exporter's textfile collector
report.html        the newest window, to look at or to mail
rules.yml  prometheusrule.yaml  dashboard.json    for Prometheus and Grafana
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seatrial.kernel.errors import Conflict, Denied
from seatrial.kernel.store import Store
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.wiring.workspace import open_store


class WatchRunning(Conflict):
    """Another process watches with the same folder already."""

    code = "monitoring.watch_running"


class WatchChanged(Conflict):
    """The folder belongs to a watch with another reference or other windows."""

    code = "monitoring.watch_changed"


class OutNotWritable(Denied):
    """The folder of a watch cannot be made or written."""

    code = "monitoring.out_not_writable"


class WatchFolder:
    """Paths and files of one watch.

    Args:
        path: of the folder; made when something is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, file: MonitoringFile, folder: Path) -> WatchFolder:
        """The folder that a configuration names; ``folder`` is where relative paths begin."""
        return cls((folder / Path(file.out).expanduser()).resolve())

    @property
    def database(self) -> Path:
        """Of alerts and reports."""
        return self.path / "monitor.db"

    @property
    def record(self) -> Path:
        """What a detached process says of itself."""
        return self.path / "monitor.json"

    @property
    def log(self) -> Path:
        """What a detached process says."""
        return self.path / "monitor.log"

    @property
    def metrics(self) -> Path:
        """Gauges."""
        return self.path / "seatrial.prom"

    @property
    def report(self) -> Path:
        """The newest window."""
        return self.path / "report.html"

    def make(self) -> None:
        """Make the folder.   Raises: OutNotWritable."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            probe = self.path / f".probe-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as problem:
            raise OutNotWritable(
                f"The folder {self.path} cannot be written: {problem.strerror}.",
                remedy="Name another one under out.",
                out=str(self.path),
            ) from problem

    def open_store(self) -> Store:
        """Its store.   Raises: StoreUnavailable and its kin."""
        return open_store(f"sqlite:///{self.database}")

    def write(self, name: str, text: str) -> Path:
        """Replace a file whole: who reads it meanwhile sees the old or the new one."""
        path = self.path / name
        _replace(path, text.encode())
        return path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only process that watches here; ends with the process, whatever ends it.

        Raises: WatchRunning, OutNotWritable.
        """
        self.make()
        with (self.path / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as busy:
                lock.seek(0)
                pid = lock.read().strip()
                raise WatchRunning(
                    f"A monitor watches with the folder {self.path} already (process {pid}).",
                    remedy="Stop it with `seatrial monitor stop`, or name another folder under "
                    "out.",
                    out=str(self.path),
                ) from busy
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield


class PlaceFile:
    """The checkpoint of a log as a file; see `monitoring.log_monitor.Checkpoint`.

    Args:
        path: of the file.
        began: what the counts depend on, such as the reference; a place that was kept with
            something else is refused.
    """

    def __init__(self, path: Path, began: bytes) -> None:
        self._path = path
        self._mark = hashlib.sha256(began).digest()

    def read(self) -> bytes | None:
        """See Checkpoint.   Raises: WatchChanged."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        if not data.startswith(self._mark):
            raise WatchChanged(
                f"The watch in {self._path.parent} began with another reference, other windows or "
                "other segments.",
                remedy="Name another folder under out to begin anew, or restore what it began "
                "with.",
                out=str(self._path.parent),
            )
        return data[len(self._mark) :]

    def write(self, data: bytes) -> None:
        """See Checkpoint."""
        _replace(self._path, self._mark + data)


def _replace(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()

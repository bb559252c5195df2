"""Runs a training in a process of its own, and looks after it: output, reports, time, memory."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

import seatrial
from seatrial.training.reporting import REPORT
from seatrial.training.runs.process import Ended, Job, Why

_BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from seatrial.adapters.training import program; "
    "del sys.path[0]; sys.exit(program.main(sys.argv[2:]))"
)
_POLL_S = 0.1
_LOOK_S = 0.5
_GRACE_S = 5.0
_CHUNK = 1 << 20
_LINES = 1000
_REST_S = 20.0
"""How long what was reported last is read; the file keeps all of it."""

_MOST_LOG = 1 << 28
"""Bytes of what a training prints; of more, what came first is dropped."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")


def run_child(
    job: Job,
    *,
    on_event: Callable[[Mapping[str, Any]], None],
    on_report: Callable[[bytes], Why | None],
    on_tick: Callable[[float, int], Why | None],
) -> Ended:
    """Run a training to its end.

    Args:
        on_event: told of each event of `training_program`.
        on_report: given what was reported, as it comes; what it answers ends the training.
        on_tick: told seconds since the begin and bytes in use, several times a second; likewise.
    Raises: what they raise; the process is ended then.
    """
    beat, lifeline = os.pipe()
    try:
        process = _started(job, beat)
    except BaseException:
        os.close(lifeline)
        raise
    finally:
        os.close(beat)
    watch = _Watch(job, process)
    try:
        with job.events.open("rb") as events, job.report.open("rb") as report:
            why = None
            while why is None and process.poll() is None:
                why = _read(events, report, on_event, on_report) or watch.look(on_tick)
                if why is None:
                    _wait(process)
            if why is not None:
                watch.end(gently=why is not Why.MEMORY)
            process.wait()
            last = _rest(events, report, on_event, on_report)
            why = why or (last if last is Why.NOT_FINITE else None)
    finally:
        watch.end(gently=False)
        os.close(lifeline)
    return Ended(
        code=process.returncode, why=why, seconds=watch.seconds, peak_bytes=watch.peak_bytes
    )


def _started(job: Job, beat: int) -> subprocess.Popen[bytes]:
    for file in (job.events, job.report, job.log):
        file.write_bytes(b"")
    order = job.folder / "job.json"
    order.write_text(
        json.dumps(
            {
                "lifeline": beat,
                "memory_bytes": job.memory_bytes + job.memory_bytes // 2,
                "events": str(job.events),
                "command": list(job.command),
                "function": job.function,
                "values": dict(job.values),
                "given": dict(job.given),
            }
        ),
        encoding="utf-8",
    )
    root = str(Path(seatrial.__file__).resolve().parents[1])
    with job.log.open("ab") as log:
        return subprocess.Popen(
            [job.python or sys.executable, "-u", "-c", _BOOT, root, str(order)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=job.cwd,
            env=_environment(job),
            pass_fds=(beat,),
            start_new_session=True,
        )


def _environment(job: Job) -> dict[str, str]:
    """All that this process has: the training is the user's own program, not a model of others."""
    threads = {} if job.threads is None else dict.fromkeys(_THREADS, str(job.threads))
    return {**os.environ, **threads, **job.environment, REPORT: str(job.report)}


def _wait(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_POLL_S)


def _rest(
    events: Any,
    report: Any,
    on_event: Callable[[Mapping[str, Any]], None],
    on_report: Callable[[bytes], Why | None],
) -> Why | None:
    """What was said last, all of it unless that takes long."""
    until = time.monotonic() + _REST_S
    why = None
    while why is None and time.monotonic() < until:
        place = events.tell(), report.tell()
        why = _read(events, report, on_event, on_report)
        if (events.tell(), report.tell()) == place:
            break
    return why


def _read(
    events: Any,
    report: Any,
    on_event: Callable[[Mapping[str, Any]], None],
    on_report: Callable[[bytes], Why | None],
) -> Why | None:
    """Some of what is new: who writes faster than this reads would never be looked after."""
    for _ in range(_LINES):
        line = events.readline(_CHUNK)
        if not line.endswith(b"\n") and len(line) < _CHUNK:
            events.seek(-len(line), os.SEEK_CUR)
            break
        with contextlib.suppress(ValueError):  # the file is open to the training, too
            on_event(json.loads(line))
    more = report.read(_CHUNK)
    return on_report(more) if more else None


@dataclass(slots=True)
class _Watch:
    """Time and memory of a process and all that it started."""

    job: Job
    process: subprocess.Popen[bytes]
    began: float = field(default_factory=time.monotonic)
    peak_bytes: int = 0
    _looked: float = 0.0
    _met: dict[int, psutil.Process] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began

    def look(self, on_tick: Callable[[float, int], Why | None]) -> Why | None:
        """Why to end it now, if there is a reason."""
        if self.seconds > self.job.time_s:
            return Why.TIME
        used = 0
        if time.monotonic() - self._looked >= _LOOK_S:
            used = self._used()
            self._looked = time.monotonic()
            self.peak_bytes = max(self.peak_bytes, used)
            if self.job.memory_bytes and used > self.job.memory_bytes:
                return Why.MEMORY
            if self.job.log.stat().st_size > _MOST_LOG:
                os.truncate(self.job.log, 0)
        return on_tick(self.seconds, used)

    def end(self, *, gently: bool) -> None:
        """End the process group, and what left it; those that heed SIGTERM have a while."""
        self._used()
        if gently and self.process.poll() is None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_GRACE_S)
        self._signal(signal.SIGKILL)
        for one in (*self._met.values(), *self._daemons()):
            with contextlib.suppress(psutil.Error):
                one.kill()
        self.process.wait()

    def _daemons(self) -> Sequence[psutil.Process]:
        """What left the family before it was met: they still have the environment of the job."""
        mark = (REPORT, str(self.job.report))
        mine = psutil.Process().pid
        return [
            one
            for one in psutil.process_iter()
            if one.pid != mine and mark in _environ(one).items()
        ]

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def _used(self) -> int:
        """Resident bytes; where they pass the limit, pages that several share count once."""
        family = self._family()
        resident = sum(_asked(one, lambda p: int(p.memory_info().rss)) for one in family)
        if not self.job.memory_bytes or resident <= self.job.memory_bytes:
            return resident
        return sum(_asked(one, lambda p: int(p.memory_full_info().pss)) for one in family)

    def _family(self) -> Sequence[psutil.Process]:
        try:
            parent = psutil.Process(self.process.pid)
            family = [parent, *parent.children(recursive=True)]
        except psutil.Error:
            return ()
        self._met.update((one.pid, one) for one in family[1:])
        return family


def _environ(process: psutil.Process) -> Mapping[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):  # of others, or gone
        return {}


def _asked(process: psutil.Process, ask: Callable[[psutil.Process], int]) -> int:
    try:
        return ask(process)
    except psutil.Error:
        return 0

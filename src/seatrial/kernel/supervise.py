"""A supervisor: forks processes, restarts those that die, stops them all together.

It runs nothing itself: no threads, no event loop, no store. So there is little that can kill it,
and a fork from it is safe and cheap (modules imported before are shared by all children).
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

from seatrial.kernel.file_pages import release_file_pages

_log = logging.getLogger(__name__)

_FIRST_DELAY_S = 0.05
_LONGEST_DELAY_S = 10.0
_STEADY_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A process to keep alive.

    Args:
        name: for messages.
        main: runs in the forked process; returns when ``stop`` is readable or the process gets
            SIGTERM. ``stop`` is the reading end of a pipe that closes when the supervisor dies,
            whatever kills it.
    """

    name: str
    main: Callable[[int], None]


@dataclass(slots=True)
class _Running:
    child: Child
    pid: int = 0
    started_at: float = 0.0
    n_quick_deaths: int = 0
    start_at: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Keeps children running until it is told to stop.

    Args:
        children: what to run.
        grace_s: how long children may take to stop before they are killed, in seconds.
    """

    children: Sequence[Child]
    grace_s: float = 15.0
    _running: list[_Running] = field(init=False, default_factory=list)
    _stopping: bool = field(init=False, default=False)
    _pipe: tuple[int, int] = field(init=False, default=(-1, -1))

    def run(self) -> None:
        """Start the children and block until SIGTERM or SIGINT; then stop them in good order."""
        self._pipe = os.pipe()
        wake_r, wake_w = os.pipe()
        os.set_blocking(wake_w, False)
        old_wake = signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
        before = {s: signal.signal(s, self._on_signal) for s in _SIGNALS}
        selector = selectors.DefaultSelector()
        selector.register(wake_r, selectors.EVENT_READ)
        try:
            self._running = [_Running(child) for child in self.children]
            self._start_due()
            # From here on it waits: what was touched while importing for the children is of no use.
            release_file_pages()
            while not self._stopping:
                self._reap()
                pause = self._start_due()
                if selector.select(pause):
                    os.read(wake_r, 512)
            self._stop_all()
        finally:
            selector.close()
            signal.set_wakeup_fd(old_wake)
            for number, handler in before.items():
                signal.signal(number, handler)
            for fd in (wake_r, wake_w, *self._pipe):
                os.close(fd)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stopping = True

    def _start_due(self) -> float | None:
        """Start what is due; returns the seconds until the next start is, None for never."""
        now = time.monotonic()
        waits = []
        for running in self._running:
            if running.pid:
                continue
            if running.start_at <= now:
                self._fork(running)
            else:
                waits.append(running.start_at - now)
        return min(waits, default=None)

    def _fork(self, running: _Running) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._become(running.child)
        running.pid = pid
        running.started_at = time.monotonic()

    def _become(self, child: Child) -> None:
        """Run the child's main in the forked process; never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            os.close(self._pipe[1])
            child.main(self._pipe[0])
            code = 0
        except KeyboardInterrupt:
            code = 130
        except BaseException:  # noqa: BLE001 - the last frame of a process: report, then exit
            traceback.print_exc()
        finally:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        for pid, status in _exited():
            for running in self._running:
                if running.pid == pid:
                    self._schedule(running, status)

    def _schedule(self, running: _Running, status: int) -> None:
        now = time.monotonic()
        quick = now - running.started_at < _STEADY_S
        running.n_quick_deaths = running.n_quick_deaths + 1 if quick else 0
        delay = min(_FIRST_DELAY_S * 2 ** max(0, running.n_quick_deaths - 1), _LONGEST_DELAY_S)
        running.pid = 0
        running.start_at = now + delay
        if not self._stopping:
            _log.warning(
                "%s ended with %s; starting it again in %.2f s",
                running.child.name,
                os.waitstatus_to_exitcode(status),
                delay,
            )

    def _stop_all(self) -> None:
        deadline = time.monotonic() + self.grace_s
        self._signal_all(signal.SIGTERM)
        while any(r.pid for r in self._running) and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.02)
        self._signal_all(signal.SIGKILL)
        for running in self._running:
            if running.pid:
                with suppress(ChildProcessError):
                    os.waitpid(running.pid, 0)

    def _signal_all(self, number: signal.Signals) -> None:
        for running in self._running:
            if running.pid:
                with suppress(ProcessLookupError):
                    os.kill(running.pid, number)

    def pids(self) -> Mapping[str, int]:
        """The process ids of the children that run now, by name."""
        return {r.child.name: r.pid for r in self._running if r.pid}


_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


def _exited() -> list[tuple[int, int]]:
    found = []
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            found.append((pid, status))
    return found

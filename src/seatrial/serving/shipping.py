"""Runs the converter of the prediction log now and then, as a short-lived process."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Sequence

from seatrial.kernel.clock import Clock

_log = logging.getLogger(__name__)


class Shipper:
    """Starts a command every so often; one at a time, ended when it takes too long.

    Args:
        command: program and arguments.
        clock: monotonic time.
        every_s: seconds between starts.
        timeout_s: after this many seconds the command is killed; what it did not finish stays in
            the spool.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        clock: Clock,
        every_s: float = 30.0,
        timeout_s: float = 300.0,
    ) -> None:
        self._command = list(command)
        self._clock = clock
        self._every_s = every_s
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._started = clock.monotonic()

    def poll(self) -> None:
        """Start the command when it is due, see how it ended when it has; never waits for it."""
        age_s = self._clock.monotonic() - self._started
        if self._process is None:
            if age_s >= self._every_s:
                self._start()
        elif (code := self._process.poll()) is not None:
            self._process = None
            if code != 0:
                _log.warning("converting the prediction log ended with %d; see its output", code)
        elif age_s >= self._timeout_s:
            _log.warning("converting the prediction log took over %.0f s; ended", age_s)
            self._process.kill()

    def close(self) -> None:
        """End a command that runs: the next server's goes on where it was."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self) -> None:
        self._started = self._clock.monotonic()
        try:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        except OSError as problem:
            _log.warning("the prediction log cannot be converted: %s", problem)

"""A clock that moves only when told."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class FakeClock:
    """`kernel.clock.Clock` for tests: `sleep` returns at once, having moved the time.

    Args:
        start: the first wall time, aware.
        monotonic: the first monotonic time, in seconds.
    """

    def __init__(
        self, start: datetime = datetime(2030, 1, 1, tzinfo=UTC), *, monotonic: float = 1000.0
    ) -> None:
        self._now = start
        self._monotonic = monotonic
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """See Clock."""
        return self._now

    def monotonic(self) -> float:
        """See Clock."""
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        """See Clock."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` >= 0 pass."""
        if seconds < 0:
            raise ValueError(f"time does not go back by {seconds}; set_wall moves the wall clock")
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._monotonic += seconds

    def set_wall(self, now: datetime) -> None:
        """Set the wall clock, either way; the monotonic clock does not notice."""
        with self._lock:
            self._now = now

    def reboot(self, monotonic: float = 0.0) -> None:
        """Start the monotonic clock anew, as a machine does."""
        with self._lock:
            self._monotonic = monotonic

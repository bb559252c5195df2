"""Time as a collaborator. Pure code takes ``now`` as a value; shells take a Clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where a shell reads the time and waits."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC. May jump either way."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary origin; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Block for ``seconds`` >= 0."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """See Clock."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See Clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See Clock."""
        time.sleep(seconds)

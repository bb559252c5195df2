"""Kept answers in memory, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable

from seatrial.gateway.policies.answers import Held
from seatrial.kernel.errors import SeatrialError


class MemoryAnswers:
    """`gateway.policies.answers.Answers` for tests.

    Args:
        now: in s.
        max_entries, max_bytes: bounds; the one put longest ago goes when room is needed.
    """

    def __init__(
        self, now: Callable[[], float], *, max_entries: int = 10_000, max_bytes: int = 2**30
    ) -> None:
        self._now = now
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._held: dict[str, tuple[bytes, float]] = {}
        self.failure: SeatrialError | None = None
        """Raised by every call while it is set."""
        self.n_calls = 0

    async def get(self, key: str) -> Held | None:
        """See Answers."""
        self._called()
        value, until = self._held.get(key, (b"", float("-inf")))
        left_s = until - self._now()
        return Held(value=value, left_s=left_s) if left_s > 0 else None

    async def put(self, key: str, value: bytes, *, ttl_s: float) -> None:
        """See Answers."""
        self._called()
        self._held.pop(key, None)
        if len(value) > self._max_bytes:
            return
        self._held[key] = value, self._now() + ttl_s
        while len(self._held) > self._max_entries or self.n_bytes > self._max_bytes:
            del self._held[next(iter(self._held))]

    async def delete(self, key: str) -> None:
        """See Answers."""
        self._called()
        self._held.pop(key, None)

    async def close(self) -> None:
        """See Answers."""
        self._held.clear()

    @property
    def n_bytes(self) -> int:
        """Of all values, expired ones included."""
        return sum(len(value) for value, _ in self._held.values())

    def _called(self) -> None:
        self.n_calls += 1
        if self.failure is not None:
            raise self.failure

"""The answers a process has at hand, within bounds."""

from __future__ import annotations

from itertools import islice

import msgspec

from seatrial.gateway.policies.answer_record import Kept, read

_PORTION = 128
"""Of so many answers one goes at a time when room is needed."""


class _Entry(msgspec.Struct, gc=False):
    kept: Kept | bytes
    until: float
    n_bytes: int


class RecentAnswers:
    """Answers in memory; the one put longest ago goes when room is needed.

    Most are never asked for again. Put as a record, an answer is one object, which comes and goes
    at little cost; it is read, once, when it is first asked for.

    Args:
        max_entries: >= 0.
        max_bytes: of their records, together, >= 0; one that is greater alone is not taken. In
            memory an answer that was read takes 1.3 to 4 times as much as its record, streams the
            most.
    """

    def __init__(self, *, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: dict[str, _Entry] = {}
        self._n_bytes = 0

    @property
    def n_entries(self) -> int:
        """How many there are, expired ones that nobody asked for included."""
        return len(self._entries)

    @property
    def n_bytes(self) -> int:
        """Of their records, together."""
        return self._n_bytes

    def get(self, key: str, now: float) -> Kept | None:
        """The answer under a key, if it has not expired by ``now``, monotonic, in s."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.until <= now:
            self.drop(key)
            return None
        if isinstance(entry.kept, bytes):
            kept = read(key, entry.kept)
            if kept is None:
                self.drop(key)
                return None
            entry.kept = kept
        return entry.kept

    def put(self, key: str, kept: Kept | bytes, *, until: float, n_bytes: int) -> None:
        """Keep an answer, or its record, which has ``n_bytes``, until a moment, monotonic, in s."""
        self.drop(key)
        if n_bytes > self._max_bytes:
            return
        self._entries[key] = _Entry(kept, until, n_bytes)
        self._n_bytes += n_bytes
        self._make_room()

    def _make_room(self) -> None:
        # Several at a time: the first of a dictionary is found by passing all that went before.
        while self._n_bytes > self._max_bytes or len(self._entries) > self._max_entries:
            for key in tuple(islice(self._entries, 1 + len(self._entries) // _PORTION)):
                self.drop(key)

    def take_down(self, key: str, kept: Kept, record: bytes | None) -> None:
        """Hold an answer as its record from now on, if it is still at hand; drop it without one."""
        entry = self._entries.get(key)
        if entry is None or entry.kept is not kept:
            return
        if record is None or len(record) > self._max_bytes:
            self.drop(key)
            return
        entry.kept = record
        self._n_bytes += len(record) - entry.n_bytes
        entry.n_bytes = len(record)
        self._make_room()

    def drop(self, key: str) -> None:
        """Keep it no longer."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._n_bytes -= entry.n_bytes

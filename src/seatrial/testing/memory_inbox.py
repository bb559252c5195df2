"""Labels on their way to the watch, in this process."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.monitoring.performance.inbox import MAX_ENTRIES, Entry, Purpose, full


class MemoryInbox:
    """`Inbox` in this process.

    Args: most: entries that may wait, >= 1.
    """

    def __init__(self, *, most: int = MAX_ENTRIES) -> None:
        self._most = most
        self._position = 0
        self._kept: dict[int, tuple[int, Entry]] = {}
        self._n_dropped = 0

    def put(self, entries: Sequence[Entry], *, at_us: int) -> None:
        """See Inbox."""
        if len(self._kept) + len(entries) > self._most:
            raise full(len(self._kept))
        for entry in entries:
            self._position += 1
            self._kept[self._position] = at_us, entry

    def read(self, *, after: int = 0, limit: int = 10_000) -> list[tuple[int, Entry]]:
        """See Inbox."""
        return [(p, e) for p, (_, e) in self._kept.items() if p > after][:limit]

    def find(self, ids: Sequence[str]) -> list[tuple[int, Entry]]:
        """See Inbox."""
        asked = set(ids)
        return [(p, e) for p, (_, e) in self._kept.items() if e.id in asked]

    def drop(self, positions: Sequence[int]) -> None:
        """See Inbox."""
        for position in positions:
            self._kept.pop(position, None)

    def drop_before(self, at_us: int) -> int:
        """See Inbox."""
        old = {position: e for position, (at, e) in self._kept.items() if at < at_us}
        self.drop(list(old))
        self._n_dropped += sum(e.purpose is Purpose.LABEL for e in old.values())
        return len(old)

    def n_dropped(self) -> int:
        """See Inbox."""
        return self._n_dropped

    def n(self) -> int:
        """See Inbox."""
        return len(self._kept)

"""Labels on their way to the watch: written where they arrive, taken in where predictions are kept.

A server's workers and the commands write; the one process that watches reads. A label may arrive
before its prediction was written to the log, so what nobody knows yet waits a while.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from seatrial.kernel.errors import LimitExceeded

MAX_ENTRIES = 1_000_000
"""Entries that wait; more are refused until the watch has taken some in."""


class InboxFull(LimitExceeded):
    """Too many labels wait to be taken in."""

    code = "monitoring.inbox_full"


class Purpose(StrEnum):
    """What an entry says about a prediction."""

    LABEL = "label"
    """What came true."""
    AUDIT = "audit"
    """That it was chosen for labelling by chance alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something said about a prediction.

    Args:
        id: of the prediction, as the reply carried it.
        purpose: of the entry.
        value: the label as text; empty for an audit.
    """

    id: str
    purpose: Purpose = Purpose.LABEL
    value: str = ""


class Inbox(Protocol):
    """Where entries wait; several processes may write. In order of arrival."""

    def put(self, entries: Sequence[Entry], *, at_us: int) -> None:
        """Keep all entries or none.   Raises: InboxFull."""
        ...

    def read(self, *, after: int = 0, limit: int = 10_000) -> list[tuple[int, Entry]]:
        """Entries with their positions, ``position > after``."""
        ...

    def find(self, ids: Sequence[str]) -> list[tuple[int, Entry]]:
        """The entries of some predictions with their positions, in order."""
        ...

    def drop(self, positions: Sequence[int]) -> None:
        """Forget entries that were taken in."""
        ...

    def drop_before(self, at_us: int) -> int:
        """Forget entries that were put before a moment.   Returns: how many."""
        ...

    def n_dropped(self) -> int:
        """Labels that `drop_before` ever forgot; outlives the process if entries do."""
        ...

    def n(self) -> int:
        """How many wait."""
        ...


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


def full(n: int) -> InboxFull:
    """The error for an inbox that takes no more."""
    return InboxFull(
        f"{n:,} labels wait to be taken in; no more are kept.",
        remedy="Wait until the server's monitor has taken them in, or start a server.",
        retry_after_s=30,
    )

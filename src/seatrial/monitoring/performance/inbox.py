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


def full(n: int) -> InboxFull:
    """The error for an inbox that takes no more."""
    return InboxFull(
        f"{n:,} labels wait to be taken in; no more are kept.",
        remedy="Wait until the server's monitor has taken them in, or start a server.",
        retry_after_s=30,
    )

"""The ports of the store: facts, leases, presence and slices.

One adapter implements all four over one database (`adapters/sqlite.py`, `adapters/postgres.py`);
`seatrial.testing.StoreSuite` defines what they mean. All calls block and are thread-safe; none may
be made on an event loop. A database that does not answer within the adapter's timeout raises
`StoreUnavailable`, a full disk raises `StoreFull`; in both cases nothing of the call was kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from seatrial.kernel.errors import Conflict, LimitExceeded, Unavailable
from seatrial.kernel.events import Draft, Fact


class StreamChanged(Conflict):
    """The stream is no longer at the revision the caller expected."""

    code = "store.stream_changed"
    retryable = True


class StoreUnavailable(Unavailable):
    """The database does not answer, or stays locked."""

    code = "store.unavailable"


class StoreFull(LimitExceeded):
    """The disk or the database is full."""

    code = "store.full"


class FactLog(Protocol):
    """An append-only log of facts in streams."""

    def append(self, stream: str, drafts: Sequence[Draft], *, expected: int) -> list[Fact]:
        """Append all ``drafts`` or none.

        Args:
            stream: its name, 1 to 200 characters.
            drafts: at least one.
            expected: the stream's present revision; 0 for a stream that does not exist.
        Raises: StreamChanged, StoreUnavailable, StoreFull, Invalid (data that is not JSON).
        """
        ...

    def read(self, *, stream: str | None = None, after: int = 0, limit: int = 1000) -> list[Fact]:
        """Facts with ``seq > after`` in order, of one stream or of all, ``limit`` at most.

        A reader that remembers the last ``seq`` it saw misses nothing, whatever is appended
        concurrently.
        """
        ...

    def streams(self, prefix: str = "") -> list[str]:
        """The names of the streams that start with ``prefix``, sorted."""
        ...

    def head(self) -> int:
        """The ``seq`` of the newest fact, 0 when there is none. Cheap: meant for polling."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to act under a name until it expires.

    Args:
        name: what is leased, such as ``controller``.
        holder: who holds it; unique per process start.
        token: grows with each change of holder.
    """

    name: str
    holder: str
    token: int


class Leases(Protocol):
    """Mutual exclusion between processes, by the store's own clock."""

    def acquire(self, name: str, holder: str, *, ttl_s: float) -> Lease | None:
        """Take or renew a lease for ``ttl_s`` seconds; None while somebody else holds it."""
        ...

    def release(self, lease: Lease) -> None:
        """Give the lease back; nothing happens when it is held by somebody else by now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """The newest word of a process.

    Args:
        name: who, such as ``worker/<server id>/0``.
        data: JSON-able mapping.
        age_s: seconds since it was written, by the store's own clock, >= 0.
    """

    name: str
    data: Mapping[str, object]
    age_s: float


class Presence(Protocol):
    """What each running process last said of itself; kept once per name, not history."""

    def beat(self, name: str, data: Mapping[str, object]) -> None:
        """Replace what ``name`` says of itself."""
        ...

    def present(self, prefix: str = "", *, within_s: float = 5.0) -> list[Beat]:
        """The beats of names starting with ``prefix`` that are at most ``within_s`` old."""
        ...

    def forget(self, name: str) -> None:
        """Remove ``name``; nothing happens when it is unknown."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The summary of what one worker saw of one variant in one span of time.

    Args:
        endpoint: name of the endpoint.
        version: number of the version that answered.
        revision: revision of the endpoint's stream under which it answered.
        worker: name of the worker.
        start: begin of the span, aware UTC; for display: evidence is cut by ``revision``.
        width_s: length of the span in seconds.
        summary: an encoded, mergeable `release.measurement.Summary`.
    """

    endpoint: str
    version: int
    revision: int
    worker: str
    start: datetime
    width_s: float
    summary: bytes


class Slices(Protocol):
    """Appended measurements. Several slices may cover the same span; they add up."""

    def add_slices(self, slices: Sequence[Slice]) -> None:
        """Append all or none."""
        ...

    def read_slices(
        self, endpoint: str, *, after: int = 0, limit: int = 10_000
    ) -> list[tuple[int, Slice]]:
        """Slices of an endpoint with their positions, ``position > after``, in order."""
        ...

    def prune_slices(self, *, before: datetime) -> int:
        """Drop slices that started before a time; returns how many."""
        ...


class Store(FactLog, Leases, Presence, Slices, Protocol):
    """Everything seatrial keeps, over one database."""

    def close(self) -> None:
        """Give the connection back; the store cannot be used afterwards."""
        ...

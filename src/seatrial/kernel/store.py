"""The ports of the store: facts, leases, presence and slices.

One adapter implements all four over one database (`adapters/store/`);
`seatrial.testing.StoreSuite` defines what they mean. All calls block and are thread-safe; none may
be made on an event loop. Names are 1 to 200 printable characters, data is plain JSON of at most
4 MiB a record (`kernel/plain.py`); anything else is refused before the database is asked.

A database that does not answer within the adapter's timeout raises `StoreUnavailable`, a full disk
raises `StoreFull`; in both cases nothing of the call was kept. One exception cannot be excluded
over a network: the connection breaks while a commit is under way. That error says so in
``facts["outcome"] == "unknown"``: read the stream again before deciding anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from seatrial.kernel.errors import Conflict, Denied, Invalid, LimitExceeded, NotFound, Unavailable
from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.plain import check_name, check_size


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


class StoreDenied(Denied):
    """The database may not be opened or written by this user."""

    code = "store.denied"


class StoreMissing(NotFound):
    """The database, or the folder it should be in, is not there."""

    code = "store.missing"


class StoreDamaged(Invalid):
    """The database is not a store of seatrial, or is damaged."""

    code = "store.damaged"


class StoreNewer(Invalid):
    """The database was written by a newer seatrial."""

    code = "store.newer"


class StoreAddressInvalid(Invalid):
    """The address of the store cannot be understood or used."""

    code = "store.address_invalid"


class FactLog(Protocol):
    """An append-only log of facts in streams."""

    def append(self, stream: str, drafts: Sequence[Draft], *, expected: int) -> list[Fact]:
        """Append all ``drafts`` or none.

        Args:
            stream: its name.
            drafts: at least one.
            expected: the stream's present revision; 0 for a stream that does not exist.
        Returns: the facts as kept, revisions ``expected + 1`` and on.
        Raises: StreamChanged, StoreUnavailable, StoreFull, Invalid (data that is not JSON),
            RecordTooLarge.
        """
        ...

    def read(self, *, stream: str | None = None, after: int = 0, limit: int = 1000) -> list[Fact]:
        """Facts with ``seq > after`` in order, of one stream or of all, ``limit`` >= 1 at most.

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
        """Take or renew a lease for ``ttl_s`` seconds; None while somebody else holds it.

        Renewing keeps the token. Whatever the clock does, no two holders get the same token, and a
        holder that died blocks others for at most its own ``ttl_s`` after the first of them asked.

        Args:
            name: what is leased.
            holder: who asks.
            ttl_s: seconds, in (0, 86400].
        """
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
    """What each running process last said of itself; kept once per name, not history.

    A name that was silent for a day is forgotten.
    """

    def beat(self, name: str, data: Mapping[str, object]) -> None:
        """Replace what ``name`` says of itself."""
        ...

    def present(self, prefix: str = "", *, within_s: float = 5.0) -> list[Beat]:
        """The beats of names starting with ``prefix`` that are at most ``within_s`` old."""
        ...

    def forget(self, name: str) -> None:
        """Remove ``name``; nothing happens when it is unknown."""
        ...


ANSWERS, DATA, REPORT = "answers", "data", "report"
"""The kinds of slices."""


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
        summary: encoded and mergeable, at most 4 MiB.
        kind: what the summary is of: ``answers``, a `release.measurement.Summary` of latencies and
            outcomes; ``data``, a `monitoring.summary` of features and predictions; ``report``, what
            `monitoring.report_log` keeps of a window that was judged.
    Raises: Invalid (NotPlain for a name), RecordTooLarge.
    """

    endpoint: str
    version: int
    revision: int
    worker: str
    start: datetime
    width_s: float
    summary: bytes
    kind: str = ANSWERS

    def __post_init__(self) -> None:
        check_name(self.endpoint, "endpoint")
        check_name(self.kind, "kind")
        check_name(self.worker, "worker")
        check_size(len(self.summary), f"summary of {self.endpoint}")
        check_aware(self.start, f"The start of the slice of {self.endpoint}")
        if not 0 <= self.width_s < math.inf or self.version < 1 or self.revision < 0:
            raise Invalid(
                f"The slice of {self.endpoint} has width_s {self.width_s!r}, version "
                f"{self.version!r} and revision {self.revision!r}.",
                remedy="Give a finite width >= 0, a version >= 1 and a revision >= 0.",
                field="slice",
            )


class Slices(Protocol):
    """Appended measurements. Several slices may cover the same span; they add up.

    Losing the newest of them in a power cut is allowed; losing a fact is not.
    """

    def add_slices(self, slices: Sequence[Slice]) -> None:
        """Append all or none."""
        ...

    def read_slices(
        self, endpoint: str, *, kind: str = ANSWERS, after: int = 0, limit: int = 10_000
    ) -> list[tuple[int, Slice]]:
        """Slices of an endpoint and a kind with their positions, ``position > after``, in order.

        Like facts: a reader that remembers the last position misses nothing, pruned ones aside.
        """
        ...

    def prune_slices(self, *, before: datetime, kind: str | None = None) -> int:
        """Drop slices that started before a time, of one kind or of all; returns how many."""
        ...


class Store(FactLog, Leases, Presence, Slices, Protocol):
    """Everything seatrial keeps, over one database."""

    def close(self) -> None:
        """Give the connection back; the store cannot be used afterwards."""
        ...


# What every adapter refuses alike, besides names and data (`kernel/plain.py`).

_LONGEST_TTL_S = 86_400


def stream_changed(stream: str, *, expected: int, found: int) -> StreamChanged:
    """The error of an append that came too late."""
    return StreamChanged(
        f"The stream {stream} is at revision {found}, not at {expected} as expected.",
        remedy="Read what was appended meanwhile and decide again.",
        stream=stream,
        expected=expected,
        found=found,
    )


def check_limit(limit: int) -> None:
    """Refuse a page size below 1.   Raises: Invalid."""
    if limit < 1:
        raise Invalid(
            f"The limit is {limit!r}.", remedy="Ask for at least one record.", field="limit"
        )


def check_ttl(ttl_s: float) -> None:
    """Refuse a lease of no time, or of more than a day.   Raises: Invalid."""
    if not 0 < ttl_s <= _LONGEST_TTL_S:
        raise Invalid(
            f"The lease would last {ttl_s!r} s.",
            remedy=f"Give a ttl_s over 0 and up to {_LONGEST_TTL_S}.",
            field="ttl_s",
        )


def check_aware(at: datetime, what: str) -> None:
    """Refuse a time without a zone.   Raises: Invalid."""
    if at.tzinfo is None:
        raise Invalid(
            f"{what} is {at}, without a time zone.",
            remedy="Give an aware time, such as datetime.now(UTC).",
            field="at",
        )

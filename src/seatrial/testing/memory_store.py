"""The store in this process's memory: for tests and examples that need no durability."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from seatrial.kernel.clock import Clock, SystemClock
from seatrial.kernel.errors import Invalid
from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.lease import Held, bid
from seatrial.kernel.plain import check_name, decode, encode
from seatrial.kernel.store import (
    ANSWERS,
    Beat,
    Lease,
    Slice,
    StoreUnavailable,
    check_aware,
    check_limit,
    check_ttl,
    stream_changed,
)

_DAY_S = 86_400


class MemoryStore:
    """`kernel.store.Store` without a database; passes the same suite as the others.

    Args:
        clock: what dates facts and ages leases.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._open = True
        self._facts: list[tuple[Fact, str]] = []
        self._revisions: dict[str, int] = {}
        self._leases: dict[str, Held] = {}
        self._beats: dict[str, tuple[str, float]] = {}
        self._slices: list[tuple[int, Slice]] = []
        self._n_slices = 0

    def close(self) -> None:
        """See Store."""
        self._open = False

    def append(self, stream: str, drafts: Sequence[Draft], *, expected: int) -> list[Fact]:
        """See FactLog."""
        check_name(stream, "stream")
        if not drafts:
            raise Invalid("There is no fact to append.", remedy="Pass at least one draft.")
        texts = [encode(draft.data, f"data of {draft.kind}") for draft in drafts]
        with self._usable():
            found = self._revisions.get(stream, 0)
            if found != expected:
                raise stream_changed(stream, expected=expected, found=found)
            at, seq = self._clock.now(), len(self._facts)
            new = [
                Fact(
                    seq=seq + i,
                    stream=stream,
                    revision=expected + i,
                    kind=draft.kind,
                    schema=draft.schema,
                    data={},
                    at=at,
                    by=draft.by,
                )
                for i, draft in enumerate(drafts, 1)
            ]
            kept = list(zip(new, texts, strict=True))
            self._facts.extend(kept)
            self._revisions[stream] = expected + len(new)
        return [replace(fact, data=decode(text)) for fact, text in kept]

    def read(self, *, stream: str | None = None, after: int = 0, limit: int = 1000) -> list[Fact]:
        """See FactLog."""
        check_limit(limit)
        with self._usable():
            newer = islice(self._facts, max(0, after), None)
            wanted = (pair for pair in newer if stream in (None, pair[0].stream))
            return [replace(fact, data=decode(text)) for fact, text in islice(wanted, limit)]

    def streams(self, prefix: str = "") -> list[str]:
        """See FactLog."""
        with self._usable():
            return sorted(name for name in self._revisions if name.startswith(prefix))

    def head(self) -> int:
        """See FactLog."""
        with self._usable():
            return len(self._facts)

    def acquire(self, name: str, holder: str, *, ttl_s: float) -> Lease | None:
        """See Leases."""
        check_name(name, "lease")
        check_name(holder, "holder")
        check_ttl(ttl_s)
        with self._usable():
            now_us = int(self._clock.monotonic() * 1e6)
            held = bid(self._leases.get(name), holder, now_us=now_us, ttl_us=int(ttl_s * 1e6))
            self._leases[name] = held
        return Lease(name=name, holder=holder, token=held.token) if held.holder == holder else None

    def release(self, lease: Lease) -> None:
        """See Leases."""
        with self._usable():
            held = self._leases.get(lease.name)
            if held and (held.holder, held.token) == (lease.holder, lease.token):
                self._leases[lease.name] = replace(held, holder="")

    def beat(self, name: str, data: Mapping[str, object]) -> None:
        """See Presence."""
        check_name(name, "process")
        text = encode(data, f"beat of {name}")
        with self._usable():
            now_s = self._clock.monotonic()
            self._beats[name] = (text, now_s)
            for silent in [n for n, (_, at_s) in self._beats.items() if at_s < now_s - _DAY_S]:
                del self._beats[silent]

    def present(self, prefix: str = "", *, within_s: float = 5.0) -> list[Beat]:
        """See Presence."""
        with self._usable():
            now_s = self._clock.monotonic()
            # As in the other stores: a time ahead of a clock that was set back becomes now.
            self._beats = {n: (text, min(at_s, now_s)) for n, (text, at_s) in self._beats.items()}
            return [
                Beat(name=name, data=decode(text), age_s=now_s - at_s)
                for name, (text, at_s) in sorted(self._beats.items())
                if name.startswith(prefix) and now_s - at_s <= within_s
            ]

    def forget(self, name: str) -> None:
        """See Presence."""
        with self._usable():
            self._beats.pop(name, None)

    def add_slices(self, slices: Sequence[Slice]) -> None:
        """See Slices."""
        with self._usable():
            self._slices.extend(enumerate(slices, self._n_slices + 1))
            self._n_slices += len(slices)

    def read_slices(
        self, endpoint: str, *, kind: str = ANSWERS, after: int = 0, limit: int = 10_000
    ) -> list[tuple[int, Slice]]:
        """See Slices."""
        check_limit(limit)
        with self._usable():
            wanted = (
                (position, s)
                for position, s in self._slices
                if position > after and s.endpoint == endpoint and s.kind == kind
            )
            return list(islice(wanted, limit))

    def prune_slices(self, *, before: datetime, kind: str | None = None) -> int:
        """See Slices."""
        check_aware(before, "The time to prune before")
        with self._usable():
            kept = [
                (position, s)
                for position, s in self._slices
                if s.start >= before or kind not in (None, s.kind)
            ]
            dropped = len(self._slices) - len(kept)
            self._slices = kept
        return dropped

    def _usable(self) -> threading.RLock:
        if not self._open:
            raise StoreUnavailable("The store was closed.", remedy="Open it again.")
        return self._lock

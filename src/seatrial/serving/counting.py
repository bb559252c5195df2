"""What rows went through each version, and what was answered.

Beside `record`, which keeps latencies and outcomes. Rows are counted by whoever knows what the
version was made from (a `Counter`, see `wiring`): a few dozen at a time on the event loop, for two
threads that compute take the interpreter from each other and keep requests waiting for
milliseconds. The worker's sync thread opens counters, which blocks, counts what is left over or
large, and hands the counts to the store as slices of kind ``data``.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import DATA, Slice, Slices
from seatrial.registry.signature import Batch, Prediction, concatenate, n_rows

if TYPE_CHECKING:
    from seatrial.serving.live import LiveVersion

_log = logging.getLogger(__name__)

Seen: TypeAlias = Callable[[Batch, Prediction], None]
"""Keeps one request's rows and answers until they are counted."""

_Key: TypeAlias = tuple[str, int, int]  # endpoint, version, revision

EVERY_S = 60.0
"""Seconds that a slice spans: drift is slow, and the counts of all columns are not small."""

_TURNS_A_SECOND = 2
"""How often held rows are counted, about."""

_A_FEW = 64
"""So many requests, or one of so many rows, are counted on the event loop: in a quarter of a
millisecond."""

_MANY_ROWS = 1_024
"""More are left to the sync thread."""

_AT_ONCE = 500
"""Requests joined at once: joining holds the interpreter, for a tenth of a millisecond."""

_KEEP_S = 900.0


class Counter(Protocol):
    """Counts the rows of one version, without blocking; called by one thread at a time."""

    def add(self, batch: Batch, prediction: Prediction) -> None:
        """Count rows and their answers.   Raises: SeatrialError."""
        ...

    def take(self) -> bytes | None:
        """What was counted since the last call, encoded and mergeable; None when nothing was.

        Raises: SeatrialError: it cannot be kept.
        """
        ...


class OpenCounter(Protocol):
    """Makes counters."""

    def __call__(self, live: LiveVersion) -> Counter | None:
        """A counter for a version, or None when there is nothing to compare it with; may block.

        Raises: SeatrialError.
        """
        ...


class Held:
    """Rows of one version under one revision that wait to be counted.

    Where more rows come than are to be counted, a random part of the requests is kept. No number
    has two writers: the event loop writes ``n_skipped`` and ``_n_in``, the counting thread the
    others. Who has the lock may use the counter; the event loop does not wait for it.

    Args:
        live: the version.
        most: rows to count from one `count` to the next, >= 1; twice as many at most.
        chance: a number in [0, 1) per request.
    """

    __slots__ = (
        "_chance",
        "_counted",
        "_failure",
        "_items",
        "_most",
        "_n_in",
        "_n_paced",
        "_n_seen",
        "_share",
        "counter",
        "live",
        "lock",
        "n_skipped",
        "retired_at",
        "start",
        "wanted",
    )

    def __init__(self, live: LiveVersion, *, most: int, chance: Callable[[], float]) -> None:
        self.live = live
        self._most = most
        self._chance = chance
        self._share = 1.0
        self._n_seen = 0
        self.counter: Counter | None = None
        self.lock = threading.Lock()
        self.wanted = True
        self.start: datetime | None = None
        self.retired_at: float | None = None
        self._items: list[tuple[Batch, Prediction]] = []
        self._n_in = self._n_paced = 0
        self._counted = False
        self._failure: Exception | None = None
        self.n_skipped = 0

    def _pace(self) -> None:
        """Choose the share to keep until the next turn, by what came since the last one."""
        seen = self._n_in + self.n_skipped
        came, self._n_seen = seen - self._n_seen, seen
        self._share = min(1.0, self._most / came) if came else 1.0
        self._n_paced = self._n_in

    def see(self, batch: Batch, prediction: Prediction) -> None:
        """Keep one request; called on the event loop."""
        rows = n_rows(batch)
        if self._share < 1.0 and self._chance() >= self._share:
            self.n_skipped += rows
            return
        kept = self._n_in - self._n_paced
        if (kept and kept + rows > 2 * self._most) or not self.wanted:
            self.n_skipped += rows
            return
        self._n_in += rows
        self._items.append((batch, prediction))
        if (rows >= _A_FEW or len(self._items) >= _A_FEW) and self.counter is not None:
            self._count_here()

    def _count_here(self) -> None:
        if self.lock.acquire(blocking=False):
            try:
                if sum(n_rows(batch) for batch, _ in self._items) <= _MANY_ROWS:
                    self._count_some()
            except Exception as problem:  # noqa: BLE001 - the request is answered; `count` raises it
                self._failure = problem
            finally:
                self.lock.release()

    @property
    def waiting(self) -> bool:
        """Whether rows wait to be counted."""
        return bool(self._items)

    def count(self) -> bool:
        """Have everything held counted; says whether anything was since the last call.

        Raises: what the counter raises, or raised since; the rows that it was given then are lost,
            the rest waits.
        """
        self._pace()
        with self.lock:
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure
            while self._items:
                self._count_some()
            counted, self._counted = self._counted, False
        return counted

    def _count_some(self) -> None:
        from seatrial.serving.merging import join  # noqa: PLC0415 - loads numpy

        some = self._items[:_AT_ONCE]
        del self._items[: len(some)]
        if some and self.counter is not None:
            self.counter.add(concatenate([b for b, _ in some]), join([p for _, p in some]))
            self._counted = True


class Counting:
    """The rows of one worker, and the way from them to the store.

    `seen` and `retire` are called on the event loop, the rest by one other thread.

    Args:
        worker: its name, as slices give it.
        clock: wall clock for the spans of slices, monotonic for when they end.
        open_counter: makes the counter of a version.
        rows_per_s: rows of a version to count, about; where more come a random part of the
            requests is. >= 1.
        chance: a number in [0, 1) per request.
        every_s: seconds that a slice spans, > 0; shorter where windows are shorter, or these would
            wait for counts.
    """

    def __init__(
        self,
        *,
        worker: str,
        clock: Clock,
        open_counter: OpenCounter,
        rows_per_s: int = 2_000,
        chance: Callable[[], float] | None = None,
        every_s: float = EVERY_S,
    ) -> None:
        self._most = max(1, rows_per_s // _TURNS_A_SECOND)
        self._chance = chance or random.Random().random
        self._worker = worker
        self._clock = clock
        self._open_counter = open_counter
        self._every_s = every_s
        self._lock = threading.Lock()
        self._held: dict[_Key, Held] = {}
        self._flush_at = clock.monotonic() + every_s
        self._unsent: list[Slice] = []
        self._n_given_up = 0

    def seen(self, live: LiveVersion, revision: int) -> Seen:
        """Where the rows of a version under a revision are kept; the same place each time."""
        key = (live.endpoint, live.version, revision)
        with self._lock:
            held = self._held.get(key)
            if held is None:
                held = self._held[key] = Held(live, most=self._most, chance=self._chance)
            held.retired_at = None
        return held.see

    def retire(self, endpoint: str) -> None:
        """The endpoint's table was replaced."""
        now = self._clock.monotonic()
        with self._lock:
            for (name, _, _), held in self._held.items():
                if name == endpoint and held.retired_at is None:
                    held.retired_at = now

    @property
    def n_skipped(self) -> int:
        """Rows that went through but were not counted, because so many came."""
        with self._lock:
            return self._n_given_up + sum(h.n_skipped for h in self._held.values() if h.wanted)

    def turn(self, slices: Slices, *, at_end: bool = False) -> None:
        """Have counted what is held; hand the counts to the store when it is time, or at the end.

        Raises: StoreUnavailable, StoreFull: the counts wait, and what comes is added to the next.
        """
        with self._lock:
            everything = list(self._held.items())
        for key, held in everything:
            self._count(key, held)
        now = self._clock.monotonic()
        if (now >= self._flush_at or at_end) and not self._unsent:
            self._flush_at = now + self._every_s
            self._take(everything, now)
        if self._unsent:
            slices.add_slices(self._unsent)
            self._unsent = []

    def _count(self, key: _Key, held: Held) -> None:
        try:
            if held.counter is None and held.wanted and held.waiting:
                held.counter = self._open_counter(held.live)
                held.wanted = held.counter is not None
            if held.count() and held.start is None:
                held.start = self._clock.now()
        except SeatrialError as problem:
            held.wanted = held.counter is not None
            _log.warning("rows of %s version %d were not counted: %s", key[0], key[1], problem)

    def _take(self, everything: list[tuple[_Key, Held]], now: float) -> None:
        for key, held in everything:
            summary = self._summary(key, held)
            if summary is not None:
                start = held.start or self._clock.now()
                self._unsent.append(self._slice(key, start, summary))
                held.start = None
            elif held.retired_at is not None and now - held.retired_at > _KEEP_S:
                with self._lock:
                    self._n_given_up += held.n_skipped if held.wanted else 0
                    self._held.pop(key, None)

    def _summary(self, key: _Key, held: Held) -> bytes | None:
        try:
            with held.lock:
                return None if held.counter is None else held.counter.take()
        except SeatrialError as problem:
            _log.warning("counts of %s version %d are lost: %s", key[0], key[1], problem)
            return None

    def _slice(self, key: _Key, start: datetime, summary: bytes) -> Slice:
        endpoint, version, revision = key
        return Slice(
            endpoint=endpoint,
            version=version,
            revision=revision,
            worker=self._worker,
            start=start,
            width_s=max(0.0, (self._clock.now() - start).total_seconds()),
            summary=summary,
            kind=DATA,
        )

"""The performance of one endpoint: its versions' logged predictions, and the labels for them.

Each version has a ledger of its own. Labels come for the endpoint and go to the version whose
prediction they are of; those of unknown predictions wait a while, for the log is written minutes
after the reply.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import (
    StoreDamaged,
    StoreDenied,
    StoreFull,
    StoreMissing,
    StoreUnavailable,
)
from seatrial.monitoring.alerts.troubles import NOT_KEPT, Troubles
from seatrial.monitoring.performance.arrivals import Logged
from seatrial.monitoring.performance.inbox import Entry, Inbox, Purpose
from seatrial.monitoring.performance.untold import Told
from seatrial.monitoring.performance.version import VersionPerformance
from seatrial.monitoring.performance.version_ledger import LedgerChanged

TURN_S = 2.0
"""Reading on stops after so long, so that a backlog does not keep all else from being watched."""

_PAGE = 10_000

_AHEAD = timedelta(hours=1)
"""How far clocks may differ: a prediction that is of a later time makes none before it old."""

_OPEN_AGAIN_S = 60.0
"""How long a version that could not be opened is left alone."""

REFERENCE, PREDICTIONS, ROWS = "performance", "waiting predictions", "logged predictions"
LABELS = "labels"
"""Parts of the watch that may be in trouble."""

_DAMAGE = (StoreDamaged, StoreDenied, StoreMissing)
"""Trouble with one file, whatever the others do."""


class LoggedRows(Protocol):
    """The prediction log of one version."""

    def new(self, version: VersionPerformance) -> Iterator[Logged]:
        """Rows that a version did not take in yet, in the order in which they were logged.

        Raises: SourceUnavailable, SourceDenied.
        """
        ...


@dataclass(frozen=True, slots=True)
class Followed:
    """A version with its part of the log."""

    performance: VersionPerformance
    rows: LoggedRows


class OpenPerformance(Protocol):
    """Opens what is kept of an endpoint's versions."""

    def versions(self, endpoint: str) -> Collection[int]:
        """Those of which something is kept."""
        ...

    def version(self, endpoint: str, version: int) -> Followed | None:
        """A version; None when it was packaged without a performance reference.

        Raises: SeatrialError: the reference or what was kept cannot be read.
        """
        ...

    def inbox(self, endpoint: str) -> Inbox:
        """Where its labels arrive.   Raises: StoreUnavailable and its kin."""
        ...

    def close(self, endpoint: str) -> None:
        """Let go of all that was opened of an endpoint."""
        ...


class EndpointPerformance:
    """Follows the predictions and labels of an endpoint.

    Args:
        endpoint: its name.
        opened: what is kept of it.
        clock: monotonic time.
        wait_s: how long a label waits for its prediction, > 0.
        tell: told what is found, at least once, whatever is killed meanwhile.
        troubles: told of what is not watched, and why.
        turn_s: how long a turn reads on, > 0.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        opened: OpenPerformance,
        clock: Clock,
        wait_s: float,
        tell: Callable[[Told], None],
        troubles: Troubles,
        turn_s: float = TURN_S,
    ) -> None:
        self._endpoint = endpoint
        self._opened = opened
        self._clock = clock
        self._tell = tell
        self._troubles = troubles
        self._wait = timedelta(seconds=wait_s)
        self._turn_s = turn_s
        self._inbox: Inbox | None = None
        self._versions: dict[int, Followed | None] = {}
        self._again_s: dict[int, float] = {}
        self._read = 0

    def turn(self, served: Collection[int], now: datetime) -> set[int]:
        """Take in what came, and tell what follows; the versions that took something in.

        Args: served: versions that may answer.
        Raises: StoreUnavailable and its kin, LedgerChanged: what was not taken in or told is read
            and told by an object that is made anew.
        """
        changed: set[int] = set()
        stop_s = self._clock.monotonic() + self._turn_s
        behind = False
        self._open_inbox()
        for version in sorted({*served, *self._opened.versions(self._endpoint)}):
            followed = self._followed(version)
            if followed is None:
                continue
            with self._apart(PREDICTIONS, version):
                followed.performance.tell(self._tell)
                for _ in self._followed_rows(followed, now):
                    changed.add(version)
                    followed.performance.tell(self._tell)
                    if self._clock.monotonic() >= stop_s:
                        behind = True
                        break
        inbox = self._inbox
        if inbox is not None:
            with self._apart(LABELS):
                changed |= self._labelled(inbox)
                # What a label waits for may be in the rest of the log.
                if not behind and inbox.drop_before(round((now - self._wait).timestamp() * 1e6)):
                    changed |= set(self.versions())
        return changed

    def versions(self) -> Mapping[int, VersionPerformance]:
        """Those that are watched, as of the last turn."""
        found = self._versions.items()
        return {number: one.performance for number, one in found if one is not None}

    def n_waiting(self) -> int | None:
        """Labels of predictions that nobody knows yet; None when they cannot be read."""
        with suppress(*_DAMAGE):
            return None if self._inbox is None else self._inbox.n()
        return None

    def n_unknown(self) -> int | None:
        """Labels that were dropped because nobody ever knew their prediction; None likewise."""
        with suppress(*_DAMAGE):
            return None if self._inbox is None else self._inbox.n_dropped()
        return None

    def close(self) -> None:
        """Let go of what was opened."""
        self._opened.close(self._endpoint)

    @contextmanager
    def _apart(self, part: str, version: int | None = None) -> Iterator[None]:
        """Does what a file that is damaged keeps from being done, and nothing else."""
        try:
            yield
        except _DAMAGE as problem:
            self._troubles.met(self._endpoint, part, problem, version=version)
        else:
            self._troubles.over(self._endpoint, part, version=version)

    def _open_inbox(self) -> None:
        if self._inbox is None:
            try:
                self._inbox = self._opened.inbox(self._endpoint)
            except _DAMAGE as problem:
                self._troubles.met(self._endpoint, LABELS, problem)

    def _labelled(self, inbox: Inbox) -> set[int]:
        changed: set[int] = set()
        while page := inbox.read(after=self._read, limit=_PAGE):
            changed |= self._deliver(inbox, page)
            self._read = page[-1][0]
        return changed

    def _followed_rows(self, followed: Followed, now: datetime) -> Iterator[Logged]:
        """Rows as they are taken in."""
        performance = followed.performance
        for logged in followed.rows.new(performance):
            if not performance.has_answers(logged):
                performance.pass_over(logged)
                continue
            try:
                performance.take(logged, latest=now + _AHEAD)
            except (*NOT_KEPT, LedgerChanged):
                raise
            except SeatrialError as problem:
                self._troubles.met(self._endpoint, ROWS, problem, version=performance.version)
                performance.pass_over(logged)
                continue
            self._troubles.over(self._endpoint, ROWS, version=performance.version)
            self._awaited(performance, logged)
            yield logged

    def _awaited(self, performance: VersionPerformance, logged: Logged) -> None:
        """Labels that were there before their predictions."""
        inbox = self._inbox
        if inbox is None:  # they are found when it can be opened
            return
        ids = [key for key in logged.ids if key is not None]
        with self._apart(LABELS):
            found = inbox.find([*ids, *(f"{key}/0" for key in ids)])
            self._give(inbox, performance, found)

    def _deliver(self, inbox: Inbox, entries: list[tuple[int, Entry]]) -> set[int]:
        changed: set[int] = set()
        for version, performance in self.versions().items():
            taken: frozenset[int] = frozenset()
            with self._apart(PREDICTIONS, version):
                taken = self._give(inbox, performance, entries)
            if taken:
                changed.add(version)
                entries = [one for one in entries if one[0] not in taken]
        return changed

    def _give(
        self, inbox: Inbox, performance: VersionPerformance, entries: list[tuple[int, Entry]]
    ) -> frozenset[int]:
        """Let a version take in the entries about its predictions; their positions."""
        meant = performance.known([entry.id for _, entry in entries])
        mine = [(place, entry) for place, entry in entries if entry.id in meant]
        if not mine:
            return frozenset()
        # In order of arrival but for audits, which come first: a row that is chosen and labelled
        # in one page was chosen first.
        audited = [meant[e.id] for _, e in mine if e.purpose is Purpose.AUDIT]
        labels = [(meant[e.id], e.value) for _, e in mine if e.purpose is Purpose.LABEL]
        if audited:
            performance.audit(audited)
        if labels:
            ids, texts = zip(*labels, strict=True)
            performance.label(ids, texts)
        places = [place for place, _ in mine]
        inbox.drop(places)
        performance.tell(self._tell)
        return frozenset(places)

    def _followed(self, version: int) -> Followed | None:
        now_s = self._clock.monotonic()
        known = version in self._versions
        if not known or (version in self._again_s and now_s >= self._again_s[version]):
            self._again_s.pop(version, None)
            try:
                self._versions[version] = self._opened.version(self._endpoint, version)
            except (StoreUnavailable, StoreFull):
                raise
            except SeatrialError as problem:
                self._troubles.met(self._endpoint, REFERENCE, problem, version=version)
                self._versions[version] = None
                self._again_s[version] = now_s + _OPEN_AGAIN_S
            else:
                self._troubles.over(self._endpoint, REFERENCE, version=version)
        return self._versions[version]

"""The performance of one endpoint: its versions' logged predictions, and the labels for them.

Each version has a ledger of its own. Labels come for the endpoint and go to the version whose
prediction they are of; those of unknown predictions wait a while, for the log is written minutes
after the reply.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import StoreFull, StoreUnavailable
from seatrial.monitoring.performance.inbox import Entry, Inbox, Purpose
from seatrial.monitoring.performance.version import Logged, Told, VersionPerformance

TURN_S = 2.0
"""Reading on stops after so long, so that a backlog does not keep all else from being watched."""

_PAGE = 10_000

_log = logging.getLogger(__name__)


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
        turn_s: how long a turn reads on, > 0.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        opened: OpenPerformance,
        clock: Clock,
        wait_s: float,
        turn_s: float = TURN_S,
    ) -> None:
        self._endpoint = endpoint
        self._opened = opened
        self._clock = clock
        self._wait = timedelta(seconds=wait_s)
        self._turn_s = turn_s
        self._inbox = opened.inbox(endpoint)
        self._versions: dict[int, Followed | None] = {}
        self._read = 0
        self.n_unknown = 0

    def turn(self, served: Collection[int], now: datetime) -> dict[int, Told]:
        """Take in what came; what it tells, by version.

        Args: served: versions that may answer.
        Raises: StoreUnavailable, StoreFull: what was not taken in is read again after a restart.
        """
        told: dict[int, Told] = {}
        stop_s = self._clock.monotonic() + self._turn_s
        for version in sorted({*served, *self._opened.versions(self._endpoint)}):
            followed = self._followed(version)
            if followed is not None:
                for one in self._followed_rows(followed):
                    told[version] = told.get(version, Told()) + one
                    if self._clock.monotonic() >= stop_s:
                        break
        while page := self._inbox.read(after=self._read, limit=_PAGE):
            self._deliver(page, told)
            self._read = page[-1][0]
        oldest_us = round((now - self._wait).timestamp() * 1e6)
        self.n_unknown += self._inbox.drop_before(oldest_us)
        return told

    def versions(self) -> Mapping[int, VersionPerformance]:
        """Those that are watched, as of the last turn."""
        found = self._versions.items()
        return {number: one.performance for number, one in found if one is not None}

    def n_waiting(self) -> int:
        """Labels of predictions that nobody knows yet."""
        return self._inbox.n()

    def close(self) -> None:
        """Let go of what was opened."""
        self._opened.close(self._endpoint)

    def _followed_rows(self, followed: Followed) -> Iterator[Told]:
        performance = followed.performance
        for logged in followed.rows.new(performance):
            if not performance.has_answers(logged):
                performance.pass_over(logged)
                continue
            try:
                told = performance.take(logged)
            except (StoreUnavailable, StoreFull):
                raise
            except SeatrialError as problem:
                _log.warning(
                    "%s version %d: logged predictions cannot be judged: %s",
                    self._endpoint,
                    performance.version,
                    problem,
                )
                performance.pass_over(logged)
                continue
            yield told + self._awaited(performance, logged)

    def _awaited(self, performance: VersionPerformance, logged: Logged) -> Told:
        """Labels that were there before their predictions."""
        ids = [key for key in logged.ids if key is not None]
        waiting = self._inbox.find([*ids, *(f"{key}/0" for key in ids)])
        told: dict[int, Told] = {}
        self._give(performance, waiting, told)
        return told.get(performance.version, Told())

    def _deliver(self, entries: list[tuple[int, Entry]], told: dict[int, Told]) -> None:
        for performance in self.versions().values():
            taken = self._give(performance, entries, told)
            entries = [one for one in entries if one[0] not in taken]

    def _give(
        self,
        performance: VersionPerformance,
        entries: list[tuple[int, Entry]],
        told: dict[int, Told],
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
            found = performance.label(ids, texts)
            told[performance.version] = told.get(performance.version, Told()) + found
        places = [place for place, _ in mine]
        self._inbox.drop(places)
        return frozenset(places)

    def _followed(self, version: int) -> Followed | None:
        if version not in self._versions:
            try:
                self._versions[version] = self._opened.version(self._endpoint, version)
            except (StoreUnavailable, StoreFull):
                raise
            except SeatrialError as problem:
                _log.warning(
                    "the performance of %s version %d is not watched: %s",
                    self._endpoint,
                    version,
                    problem,
                )
                self._versions[version] = None
        return self._versions[version]

"""From findings to messages: the one thing a monitor calls after it has looked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress

from seatrial.kernel.clock import Clock
from seatrial.monitoring.alerts.book import AlertBook, gone
from seatrial.monitoring.alerts.courier import Couriers
from seatrial.monitoring.alerts.facts import UnknownFact
from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.alerts.routing import DuringRelease, mutes
from seatrial.monitoring.alerts.silence import Silence


class Alarms:
    """Lets alerts live through findings, and tells people.

    Call `tick` every few seconds, with or without new findings: waits, intervals, repeats and
    attempts that failed before depend on it. All it remembers can be lost.

    Args:
        book: alerts and silences.
        couriers: the sinks.
        clock: wall time.
        silences: those of the configuration, besides those of people.
        during_release: what a release under way mutes.
    """

    def __init__(
        self,
        book: AlertBook,
        couriers: Couriers,
        *,
        clock: Clock,
        silences: Sequence[Silence] = (),
        during_release: DuringRelease = DuringRelease.WARNINGS,
    ) -> None:
        self._book = book
        self._couriers = couriers
        self._clock = clock
        self._silences = tuple(silences)
        self._during_release = during_release

    def tick(
        self,
        findings: Iterable[Finding] = (),
        *,
        on_trial: Mapping[str, int] | None = None,
        served: Mapping[str, Collection[int]] | None = None,
    ) -> None:
        """Take new findings, mute what is to be muted, and queue and send what is due.

        Waits for no sink.

        Args:
            findings: of looks taken since the last call.
            on_trial: by endpoint, the version whose release is under way.
            served: by endpoint, the versions that may answer, of all endpoints there are; alerts
                about others end, and findings about them are left out. None ends nothing.
        Raises: StoreUnavailable: nothing was decided that was not kept; call again.
        """
        now = self._clock.now()
        with suppress(UnknownFact):  # said by `unreadable`; other endpoints have their alerts
            self._book.refresh()
        if served is not None:
            findings = [f for f in findings if _is_served(f, served)]
        self._book.observe(findings, now=now)
        if served is not None:
            self._book.retire(served, now=now)
        reasons = mutes(
            self._book.alerts(),
            silences=[*self._silences, *self._book.silences(now)],
            on_trial=on_trial or {},
            during_release=self._during_release,
            now=now,
        )
        self._book.mute(reasons, now=now)
        self._couriers.tick(self._book.alerts())

    def unreadable(self) -> Mapping[str, UnknownFact]:
        """See `AlertBook.unreadable`."""
        return self._book.unreadable()


def _is_served(finding: Finding, served: Mapping[str, Collection[int]]) -> bool:
    return gone(finding.labels, served.get(finding.labels.endpoint)) is None

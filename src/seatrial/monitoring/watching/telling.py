"""Telling: alerts live through what was found, people hear of it, and triggers are asked.

What is told twice changes nothing: an alert takes the same finding for the same trouble, a trigger
the same window for one. So whoever finds something tells it first and keeps that it is done
afterwards, and a kill in between loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.monitoring.alerts.alarms import Alarms
from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.alerts.troubles import NOT_KEPT, Troubles
from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.monitoring.triggers.rule import Rule, Window

ALERTS, TRIGGERS = "alerts", "triggers"
"""Parts of the watch that may be in trouble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is served while something is told.

    Args:
        on_trial: by endpoint, the version whose release is under way.
        served: by endpoint, the versions that may answer, of all endpoints; None where nobody
            knows.
    """

    on_trial: Mapping[str, int] | None = None
    served: Mapping[str, Collection[int]] | None = None


class Telling:
    """Tells what was found.

    Args:
        alarms: lets alerts live, and tells people.
        triggers: what was asked for.
        rules: those of an endpoint.
        clock: wall time.
        troubles: told of alerts and triggers that cannot be read.
    """

    def __init__(
        self,
        alarms: Alarms,
        triggers: TriggerBook,
        *,
        rules: Callable[[str], Sequence[Rule]],
        clock: Clock,
        troubles: Troubles,
    ) -> None:
        self._alarms = alarms
        self._triggers = triggers
        self._rules = rules
        self._clock = clock
        self._troubles = troubles
        self.situation = Situation()
        self._in_trouble: set[str] = set()

    def tell(
        self, endpoint: str, findings: Sequence[Finding] = (), windows: Sequence[Window] = ()
    ) -> None:
        """Tell of an endpoint: findings, and windows for its triggers.

        Raises: StoreUnavailable and its kin: tell it again. Facts that cannot be read are trouble
            of an endpoint's watch, and no reason to watch no more.
        """
        self.pass_on(findings)
        for window in windows:
            self.ask(endpoint, window)

    def pass_on(self, findings: Sequence[Finding] = ()) -> None:
        """Tell of any endpoints; without findings, what time alone brings.   Raises: as `tell`."""
        self._alarms.tick(findings, on_trial=self.situation.on_trial, served=self.situation.served)
        unreadable = self._alarms.unreadable()
        for endpoint, problem in unreadable.items():
            self._troubles.met(endpoint, ALERTS, problem)
        for endpoint in self._in_trouble - unreadable.keys():
            self._troubles.over(endpoint, ALERTS)
        self._in_trouble = set(unreadable)

    def ask(
        self, endpoint: str, window: Window | None = None, *, n_labelled: int | None = None
    ) -> None:
        """Ask the triggers of an endpoint.   Raises: as `tell`."""
        rules = self._rules(endpoint)
        if not rules:
            return
        served = self.situation.served
        try:
            self._triggers.look(
                endpoint,
                rules,
                now=self._clock.now(),
                window=window,
                n_labelled=n_labelled,
                served=None if served is None else served.get(endpoint, ()),
            )
        except NOT_KEPT:
            raise
        except SeatrialError as problem:
            self._troubles.met(endpoint, TRIGGERS, problem)
        else:
            self._troubles.over(endpoint, TRIGGERS)

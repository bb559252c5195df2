"""The performance of a log's model: predictions and labels in, alerts and triggers out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from seatrial.kernel.clock import Clock
from seatrial.monitoring.alerts.alarms import Alarms
from seatrial.monitoring.performance.monitor import PerformanceMonitor
from seatrial.monitoring.performance.version import Told
from seatrial.monitoring.performance.view import Record
from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.monitoring.triggers.rule import Rule, Window


class LateLabels(Protocol):
    """Labels that come later than their rows, on their way into the inbox of the endpoint."""

    def hand_in(self) -> None:
        """Hand in what is new.   Raises: what sources raise; InboxFull."""
        ...


class LogPerformance:
    """Watches how well the model behind a log does.

    Args:
        endpoint: what its findings are about, and ``version`` of it.
        monitor: follows predictions and labels.
        labels: that come later; None where none are named.
        alarms: lets alerts live, and tells people.
        triggers: keeps what was asked for.
        rules: that say when to retrain.
        clock: wall time.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        version: int,
        monitor: PerformanceMonitor,
        labels: LateLabels | None,
        alarms: Alarms,
        triggers: TriggerBook,
        rules: Sequence[Rule],
        clock: Clock,
    ) -> None:
        self._endpoint = endpoint
        self._version = version
        self._monitor = monitor
        self._labels = labels
        self._alarms = alarms
        self._triggers = triggers
        self._rules = rules
        self._clock = clock

    def tick(self) -> None:
        """Take in what is new, tell and ask.

        Raises: what the source of labels raises, after everything else was done; StoreUnavailable,
            StoreFull.
        """
        try:
            if self._labels is not None:
                self._labels.hand_in()
        finally:
            self._look()

    def record(self) -> Record | None:
        """What is known; None before the first look, and where nothing can be."""
        return self._monitor.records(self._endpoint).get(self._version)

    def close(self) -> None:
        """Let go of what was opened."""
        self._monitor.close()

    def _look(self) -> None:
        turned = self._monitor.turn({self._endpoint: (self._version,)})
        told = turned.get(self._endpoint, {}).get(self._version, Told())
        if told.findings:
            self._alarms.tick(told.findings)
        if self._rules and (told.windows or told.findings):
            n_labelled = self._monitor.n_labelled(self._endpoint)
            windows: Sequence[Window | None] = told.windows or (None,)
            for window in windows:
                self._triggers.look(
                    self._endpoint,
                    self._rules,
                    now=self._clock.now(),
                    window=window,
                    n_labelled=n_labelled,
                )

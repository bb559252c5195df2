"""The performance of a log's model: predictions and labels in, alerts and triggers out."""

from __future__ import annotations

from typing import Protocol

from seatrial.kernel.errors import SeatrialError
from seatrial.monitoring.alerts.troubles import NOT_KEPT, Troubles
from seatrial.monitoring.performance.inbox import InboxFull
from seatrial.monitoring.performance.monitor import PerformanceMonitor
from seatrial.monitoring.performance.untold import Told
from seatrial.monitoring.performance.view import Record
from seatrial.monitoring.watching.telling import Telling

LATE_LABELS = "labels that come later"
"""Part of the watch that may be in trouble."""


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
        telling: tells people and triggers what is found.
        troubles: of the watch itself.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        version: int,
        monitor: PerformanceMonitor,
        labels: LateLabels | None,
        telling: Telling,
        troubles: Troubles,
    ) -> None:
        self._endpoint = endpoint
        self._version = version
        self._monitor = monitor
        self._labels = labels
        self._telling = telling
        self._troubles = troubles

    def tick(self) -> None:
        """Take in what is new, tell and ask.

        Raises: what the source of labels raises, after everything else was done; StoreUnavailable
            and its kin. Labels that cannot be kept are handed in with the next call.
        """
        try:
            self._hand_in()
        finally:
            self._look()

    def record(self) -> Record | None:
        """What is known; None before the first look, and where nothing can be."""
        return self._monitor.records(self._endpoint).get(self._version)

    def close(self) -> None:
        """Let go of what was opened."""
        self._monitor.close()

    def _hand_in(self) -> None:
        if self._labels is None:
            return
        try:
            self._labels.hand_in()
        except (*NOT_KEPT, InboxFull) as problem:
            self._troubles.met(self._endpoint, LATE_LABELS, problem)
        except SeatrialError as problem:
            self._troubles.met(self._endpoint, LATE_LABELS, problem)
            raise
        else:
            self._troubles.over(self._endpoint, LATE_LABELS)

    def _look(self) -> None:
        self._monitor.turn({self._endpoint: (self._version,)}, self._tell)
        n_labelled = self._monitor.n_labelled(self._endpoint)
        self._telling.ask(self._endpoint, n_labelled=n_labelled)

    def _tell(self, endpoint: str, told: Told) -> None:
        self._telling.tell(endpoint, told.findings, told.windows)

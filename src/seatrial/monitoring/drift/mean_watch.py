"""The part of the drift alarm that classifiers of vectors have in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from seatrial.monitoring.drift.alarm_state import STIRRED, WatchedMean
from seatrial.monitoring.drift.decision import Movement
from seatrial.stats.mean_detector import MeanDetector
from seatrial.stats.mean_state import MeanState
from seatrial.stats.ranking import Ranked
from seatrial.stats.vector_counts import Moments

States = Mapping[str, MeanState]


class MeanWatch:
    """One detector for each column of vectors. Immutable; states are by name."""

    def __init__(self, means: Sequence[WatchedMean]) -> None:
        self.means = tuple(means)
        self._detectors = {mean.name: MeanDetector(mean.reference) for mean in means}

    def start(self) -> dict[str, MeanState]:
        """No window yet."""
        return {name: detector.start() for name, detector in self._detectors.items()}

    def step(
        self, states: States, window: Mapping[str, Moments], *, number: int, most: Sequence[float]
    ) -> dict[str, MeanState]:
        """What is known after a window, before it is taken for like the reference.

        Args: ``most``: where the evidence of each is cut, a logarithm.
        """
        found = {}
        for (name, detector), log_most in zip(self._detectors.items(), most, strict=True):
            before = self._state(states, name)
            rows = window.get(name)
            if rows is not None and rows.n.any():
                goes_on = detector.log_evidence(before) >= STIRRED
                after = detector.step(before, rows, number=number, log_most=log_most)
                before = replace(after, recent=before.recent + rows if goes_on else rows)
            found[name] = before
        return found

    def learning(self, states: States, window: Mapping[str, Moments]) -> dict[str, MeanState]:
        """What is known when the window is taken for like the reference."""
        return {
            name: self._detectors[name].learning(state, window[name]) if name in window else state
            for name, state in states.items()
        }

    def log_evidence(self, states: States) -> list[float]:
        """Natural log of the evidence of each."""
        return [d.log_evidence(self._state(states, name)) for name, d in self._detectors.items()]

    def beginnings(self, states: States) -> set[int]:
        """Numbers of the windows at which changes most likely began."""
        return {self._detectors[name].since(state) for name, state in states.items()}

    def movement(
        self, i: int, states: States, place: Ranked, moments: Mapping[int, datetime]
    ) -> Movement:
        """The evidence on the i-th."""
        name = self.means[i].name
        detector, state = self._detectors[name], self._state(states, name)
        apart = detector.separation(state)
        stirred = place.log_evidence >= STIRRED and apart is not None
        return Movement(
            column=name,
            log_evidence=place.log_evidence,
            found=place.found,
            moved=f"told apart by {apart[0]}" if stirred and apart is not None else None,
            since=moments.get(detector.since(state)),
            effect=None if apart is None else apart[1],
            n=int(state.recent.n.sum()),
        )

    def _state(self, states: States, name: str) -> MeanState:
        # A state of before there were classifiers has none of them.
        return states.get(name) or self._detectors[name].start()

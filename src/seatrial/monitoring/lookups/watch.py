"""Lookups under watch: counters of workers in, findings out."""

from __future__ import annotations

from collections.abc import Iterable

from seatrial.kernel.store import Beat
from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.lookups.config import LookupsConfig
from seatrial.monitoring.lookups.counted import Counted, Key
from seatrial.monitoring.lookups.findings import absence, freshness
from seatrial.stats.counts import Counts


class LookupWatch:
    """Judges each window of each feature once.

    What is usual is learned from the windows without trouble since the watch began; a monitor that
    starts anew learns it anew.

    Args: config: what is trouble.
    """

    def __init__(self, config: LookupsConfig) -> None:
        self._config = config
        self._counted = Counted(every_s=config.every, least=config.least_values)
        self._before: dict[Key, Counts] = {}

    def turn(self, beats: Iterable[Beat], *, now_s: float) -> list[Finding]:
        """What follows from the windows that are complete now.

        Args: now_s: seconds since 1970.
        """
        findings: list[Finding] = []
        for key, window in self._counted.add(beats, now_s=now_s).items():
            before = self._before.get(key, Counts(n=0, k=0))
            absent = absence(key, window, before, self._config)
            findings += (freshness(key, window, self._config, now_s=now_s), absent)
            if not absent.level.trouble:
                self._before[key] = before + window.absent
        return findings

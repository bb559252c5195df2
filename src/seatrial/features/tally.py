"""What lookups found, counted for /metrics: the state and the age of every value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from seatrial.features.online import Read, State
from seatrial.features.plan import Column
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.metric_text import Family, metric_text


class Tally:
    """Counts of one process, over all endpoints; changed on the event loop alone."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str, State], int] = {}
        self._ages_us: dict[tuple[str, str], int] = {}
        self._failures: dict[tuple[str, str], int] = {}

    def count(self, endpoint: str, column: Column, read: Read) -> None:
        """A value that was looked up."""
        feature = str(column.selected.reference)
        key = (endpoint, feature, read.state)
        self._values[key] = self._values.get(key, 0) + 1
        if read.age_us is not None:
            self._ages_us[endpoint, feature] = read.age_us

    def fail(self, endpoint: str, problem: SeatrialError) -> None:
        """A reading that failed."""
        key = (endpoint, problem.code)
        self._failures[key] = self._failures.get(key, 0) + 1

    def snapshot(self) -> dict[str, list[Any]]:
        """The counts so far, as plain JSON."""
        return {
            "values": [[*key, n] for key, n in list(self._values.items())],
            "ages_s": [[*key, us / 1e6] for key, us in list(self._ages_us.items())],
            "failures": [[*key, n] for key, n in list(self._failures.items())],
        }


def exposition(workers: Mapping[str, object]) -> str:
    """The snapshots of all workers, by name, in Prometheus' text format."""
    return metric_text(
        _FAMILIES,
        (
            (family, (*zip(labels, one[:-1], strict=True), ("worker", worker)), one[-1])
            for worker, snapshot in sorted(workers.items())
            if isinstance(snapshot, Mapping)
            for name, family, labels in _SERIES
            for one in snapshot.get(name, ())
        ),
    )


_SERIES: Final = (
    ("values", "seatrial_feature_values_total", ("model", "feature", "state")),
    ("ages_s", "seatrial_feature_age_seconds", ("model", "feature")),
    ("failures", "seatrial_feature_failures_total", ("model", "code")),
)

_FAMILIES: Final[Mapping[str, Family]] = {
    "seatrial_feature_values_total": ("counter", "Values looked up, by what was found."),
    "seatrial_feature_age_seconds": ("gauge", "Age of the value that was looked up last."),
    "seatrial_feature_failures_total": ("counter", "Readings of the online store that failed."),
}

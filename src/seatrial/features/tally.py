"""What lookups found, counted for /metrics and for the watch: states of values, and how new they
are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from seatrial.features.online import Read, State
from seatrial.features.plan import Column, Plan
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.metric_text import Family, metric_text


class Tally:
    """Counts of one process, over all endpoints; changed on the event loop alone."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str, State], int] = {}
        self._newest_us: dict[tuple[str, str], int] = {}
        self._limits_us: dict[tuple[str, str], int] = {}
        self._failures: dict[tuple[str, str], int] = {}
        self._ranges: dict[tuple[str, str], tuple[float, float]] = {}
        self._refused: dict[str, str] = {}

    def expect(self, endpoint: str, plan: Plan) -> None:
        """How old the values of an endpoint may be, by the plan that is served from now on."""
        self._refused.pop(endpoint, None)
        self._limits_us = {key: us for key, us in self._limits_us.items() if key[0] != endpoint}
        for column in plan.columns:
            limits = (column.selected.view.ttl_us, plan.max_age_us)
            if known := [limit for limit in limits if limit is not None]:
                self._limits_us[endpoint, str(column.selected.reference)] = min(known)

    def count(self, endpoint: str, column: Column, read: Read, now_us: int) -> None:
        """A value that was looked up at ``now_us``."""
        feature = str(column.selected.reference)
        key = (endpoint, feature, read.state)
        self._values[key] = self._values.get(key, 0) + 1
        if read.age_us is not None and read.age_us >= 0:
            event_us = now_us - read.age_us
            if event_us > self._newest_us.get((endpoint, feature), 0):
                self._newest_us[endpoint, feature] = event_us

        value = read.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            low, high = self._ranges.get((endpoint, feature), (value, value))
            if not low <= value <= high or (endpoint, feature) not in self._ranges:
                self._ranges[endpoint, feature] = (min(low, value), max(high, value))

    def refuse(self, endpoint: str, why: str) -> None:
        """An endpoint goes on by the plan it has, since a newer one cannot be served."""
        self._refused[endpoint] = why

    def fail(self, endpoint: str, problem: SeatrialError) -> None:
        """A reading that failed."""
        key = (endpoint, problem.code)
        self._failures[key] = self._failures.get(key, 0) + 1

    def snapshot(self) -> dict[str, list[Any]]:
        """The counts so far, as plain JSON."""
        return {
            "values": [[*key, n] for key, n in list(self._values.items())],
            "newest_s": [[*key, us / 1e6] for key, us in list(self._newest_us.items())],
            "limits_s": [[*key, us / 1e6] for key, us in list(self._limits_us.items())],
            "failures": [[*key, n] for key, n in list(self._failures.items())],
            "ranges": [[*key, *ends] for key, ends in list(self._ranges.items())],
            "refused": [[endpoint, why, 1] for endpoint, why in list(self._refused.items())],
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
    ("newest_s", "seatrial_feature_newest_timestamp_seconds", ("model", "feature")),
    ("limits_s", "seatrial_feature_limit_seconds", ("model", "feature")),
    ("failures", "seatrial_feature_failures_total", ("model", "code")),
    ("refused", "seatrial_feature_plan_refused", ("model", "reason")),
)

_FAMILIES: Final[Mapping[str, Family]] = {
    "seatrial_feature_values_total": ("counter", "Values looked up, by what was found."),
    "seatrial_feature_newest_timestamp_seconds": (
        "gauge",
        "When the newest value that was looked up became true, in seconds since 1970.",
    ),
    "seatrial_feature_limit_seconds": ("gauge", "Age at which a value counts no more."),
    "seatrial_feature_failures_total": ("counter", "Readings of the online store that failed."),
    "seatrial_feature_plan_refused": (
        "gauge",
        "1 where what was applied last is not served, since models would miss an input.",
    ),
}

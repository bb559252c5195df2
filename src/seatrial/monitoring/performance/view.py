"""The performance of a version as plain JSON, for pages, machines and gauges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from seatrial.kernel.store import Presence
from seatrial.monitoring.performance.progress import Point, Progress
from seatrial.monitoring.performance.segment_view import BySegment, segments_view
from seatrial.monitoring.performance.served_reference import ServedReference
from seatrial.monitoring.performance.state import PerformanceState
from seatrial.monitoring.performance.verdict import Estimated, Measured, Trust
from seatrial.monitoring.service.exposition import MetricGauges, Watched
from seatrial.stats.counts import Interval

SCHEMA = 1
BEATS = "performance/"
_KEPT_S = 86_400.0

Record = dict[str, Any]


class Judged(Protocol):
    """The performance of a version, or of some data of it."""

    @property
    def endpoint(self) -> str:
        """Its name."""

    @property
    def version(self) -> int:
        """Its number."""

    @property
    def served(self) -> ServedReference:
        """What it is held against."""

    @property
    def state(self) -> PerformanceState:
        """By window."""

    @property
    def progress(self) -> Progress:
        """How far it has come."""

    @property
    def segments(self) -> BySegment | None:
        """By segment; None where nothing is split."""

    def estimated(self) -> Estimated:
        """Of the newest window, or of all data."""

    def measured(self, window: int | None = None) -> Measured | None:
        """Of a window; None for the newest one that can be judged, or for all data."""


def performance_record(performance: Judged) -> Record:
    """All that is known of the performance of a version; numbers that are not known are null.

    ``estimates`` says whether anything can be known before labels come. ``series`` has a point for
    each window kept: what was estimated when it ended, and what labels say of it by now. Of labels,
    ``n_waiting`` and ``n_unknown`` are those without a prediction yet, and those that waited in
    vain; whoever takes labels in counts them.
    """
    served, progress, state = performance.served, performance.progress, performance.state
    main = served.reference.main
    estimate = performance.estimated()
    trusted = estimate.trust.trust is not Trust.CONTRADICTED
    return {
        "schema": SCHEMA,
        "endpoint": performance.endpoint,
        "version": performance.version,
        "metric": main.name,
        "reference": {
            "value": main.value,
            "standard_error": main.standard_error,
            "n": served.n,
            "origin": served.origin.value,
            "flatters": served.flatters,
        },
        "estimates": served.reference.estimates,
        "estimated": _estimated(estimate),
        "measured": _measured(performance.measured()),
        "window_rows": progress.window_rows,
        "n_seen": progress.n_seen,
        "n_labelled": progress.n_labelled,
        "n_corrected": progress.n_corrected,
        "n_unusable": state.n_unusable,
        "n_waiting": 0,
        "n_unknown": 0,
        "series": [_point(performance, point) for point in progress.points],
        "segments": segments_view(performance.segments, trusted=trusted),
    }


def watched_with(watched: Watched | None, record: Mapping[str, Any]) -> Watched:
    """The gauges of a version with those of its performance.

    Args: watched: what is known otherwise; None for nothing.
    """
    found = watched or Watched(endpoint=record["endpoint"], version=record["version"])
    said, real = record["estimated"], record["measured"]
    trusted = {"confirmed": True, "contradicted": False}.get(said["trust"]["trust"])
    main = real["metrics"][0] if real else None
    name, metrics = record["metric"], real["metrics"] if real else []
    others = said.get("others", ())
    known = {one["name"]: one["reference"] for one in (*others, *metrics)}
    found = replace(
        found,
        estimates={name: _gauges(said), **{one["name"]: _gauges(one) for one in others}},
        estimate_trusted=trusted,
        reals={one["name"]: _gauges(one) for one in metrics},
        references={
            key: value
            for key, value in {name: record["reference"]["value"], **known}.items()
            if value is not None
        },
    )
    if name != "accuracy":
        return found
    return replace(
        found,
        estimated=_gauges(said),
        real=MetricGauges() if main is None else _gauges(main),
        reference_accuracy=record["reference"]["value"],
    )


def performance_records(presence: Presence, endpoint: str) -> dict[str, Record]:
    """What the monitor said last of an endpoint's versions, by version, whether it runs now or not.

    Raises: StoreUnavailable.
    """
    beats = presence.present(f"{BEATS}{endpoint}/", within_s=_KEPT_S)
    mine: list[Record] = [dict(b.data) for b in beats if b.data.get("endpoint") == endpoint]
    return {str(one["version"]): one for one in sorted(mine, key=lambda one: one["version"])}


def _gauges(one: Mapping[str, Any]) -> MetricGauges:
    return MetricGauges(value=one["value"], lower=one["lower"], upper=one["upper"])


def _estimated(found: Estimated) -> Record:
    trust = found.trust
    return {
        "level": found.level.value,
        "reason": found.reason,
        "value": found.value,
        **_bounds(found.interval),
        "drop": found.drop,
        **_drop_bounds(found.drop_interval),
        "warning_chance": found.warning_chance,
        "critical_chance": found.critical_chance,
        "label_free": found.label_free,
        "n": found.n,
        "others": [
            {
                "name": other.name,
                "value": other.value,
                **_bounds(other.interval),
                "reference": other.reference,
                "drop": other.drop,
            }
            for other in found.others
        ],
        "trust": {
            "trust": trust.trust.value,
            "reason": trust.reason,
            "bias": trust.bias,
            "chance": trust.chance,
            "windows_ago": trust.windows_ago,
        },
    }


def _measured(found: Measured | None) -> Record | None:
    if found is None:
        return None
    return {
        "level": found.level.value,
        "reason": found.reason,
        "window": found.window,
        "n": found.n,
        "n_labelled": found.n_labelled,
        "unexplained": found.unexplained,
        "metrics": [
            {
                "name": metric.name,
                "value": metric.value,
                **_bounds(metric.interval),
                "reference": metric.reference,
                "drop": metric.drop,
                **_drop_bounds(metric.drop_interval),
            }
            for metric in found.metrics
        ],
    }


def _point(performance: Judged, point: Point) -> Record:
    real = performance.measured(point.window)
    main = real.metrics[0] if real is not None else None
    return {
        "window": point.window,
        "start": point.start_us / 1e6,
        "end": point.end_us / 1e6,
        "n": point.n,
        "estimated": point.value,
        "lower": point.lower,
        "upper": point.upper,
        "label_free": point.label_free,
        "level": point.level,
        "trust": point.trust,
        "real": main.value if main else None,
        "real_lower": main.interval.lower if main and main.interval else None,
        "real_upper": main.interval.upper if main and main.interval else None,
        "n_labelled": real.n_labelled if real else 0,
    }


def _drop_bounds(interval: Interval | None) -> dict[str, float | None]:
    return {f"drop_{name}": bound for name, bound in _bounds(interval).items()}


def _bounds(interval: Interval | None) -> dict[str, float | None]:
    return {
        "lower": None if interval is None else interval.lower,
        "upper": None if interval is None else interval.upper,
    }

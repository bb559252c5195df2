"""The performance of a version as plain JSON, for pages, machines and gauges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seatrial.kernel.store import Presence
from seatrial.monitoring.performance.progress import Point
from seatrial.monitoring.performance.served_reference import Origin
from seatrial.monitoring.performance.verdict import Estimated, Measured
from seatrial.monitoring.performance.version import VersionPerformance
from seatrial.monitoring.service.exposition import AccuracyGauges, Watched
from seatrial.stats.counts import Interval

SCHEMA = 1
BEATS = "performance/"
_KEPT_S = 86_400.0

Record = dict[str, Any]


def performance_record(performance: VersionPerformance) -> Record:
    """All that is known of the performance of a version; numbers that are not known are null.

    ``series`` has a point for each window kept: what was estimated when it ended, and what labels
    say of it by now.
    """
    served, progress, state = performance.served, performance.progress, performance.state
    main = served.reference.main
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
            "flatters": served.origin is Origin.SAMPLE,
        },
        "estimated": _estimated(performance.estimated()),
        "measured": _measured(performance.measured()),
        "window_rows": progress.window_rows,
        "n_seen": progress.n_seen,
        "n_labelled": progress.n_labelled,
        "n_corrected": progress.n_corrected,
        "n_unusable": state.n_unusable,
        "series": [_point(performance, point) for point in progress.points],
    }


def watched_with(watched: Watched | None, record: Mapping[str, Any]) -> Watched:
    """The gauges of a version with those of its performance.

    Args: watched: what is known otherwise; None for nothing.
    """
    found = watched or Watched(endpoint=record["endpoint"], version=record["version"])
    if record["metric"] != "accuracy":
        return found
    said, real = record["estimated"], record["measured"]
    trusted = {"confirmed": True, "contradicted": False}.get(said["trust"]["trust"])
    main = real["metrics"][0] if real else None
    return Watched(
        endpoint=found.endpoint,
        version=found.version,
        features=found.features,
        outputs=found.outputs,
        looked_at_s=found.looked_at_s,
        estimated=AccuracyGauges(value=said["value"], lower=said["lower"], upper=said["upper"]),
        estimate_trusted=trusted,
        real=AccuracyGauges(value=main["value"], lower=main["lower"], upper=main["upper"])
        if main
        else AccuracyGauges(),
        reference_accuracy=record["reference"]["value"],
    )


def performance_records(presence: Presence, endpoint: str) -> dict[str, Record]:
    """What the monitor said last of an endpoint's versions, by version, whether it runs now or not.

    Raises: StoreUnavailable.
    """
    beats = presence.present(f"{BEATS}{endpoint}/", within_s=_KEPT_S)
    mine: list[Record] = [dict(b.data) for b in beats if b.data.get("endpoint") == endpoint]
    return {str(one["version"]): one for one in sorted(mine, key=lambda one: one["version"])}


def _estimated(found: Estimated) -> Record:
    trust = found.trust
    return {
        "level": found.level.value,
        "reason": found.reason,
        "value": found.value,
        **_bounds(found.interval),
        "drop": found.drop,
        "warning_chance": found.warning_chance,
        "critical_chance": found.critical_chance,
        "label_free": found.label_free,
        "n": found.n,
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
            }
            for metric in found.metrics
        ],
    }


def _point(performance: VersionPerformance, point: Point) -> Record:
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


def _bounds(interval: Interval | None) -> dict[str, float | None]:
    return {
        "lower": None if interval is None else interval.lower,
        "upper": None if interval is None else interval.upper,
    }

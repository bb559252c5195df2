"""The newest report of a version, and the alerts of an endpoint, as gauges for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from seatrial.monitoring.alerts.alert import Alert, Phase
from seatrial.monitoring.drift.alarm_bins import PREDICTION
from seatrial.monitoring.service.exposition import DriftGauges, Watched


def whole_of(
    endpoint: str,
    alerts: Sequence[Alert],
    *,
    looked_at: datetime,
    left_out: Mapping[str, int] | None = None,
) -> Watched:
    """How an endpoint's alerts are.

    Args:
        alerts: of any endpoint.
        looked_at: when somebody looked, aware.
        left_out: rows of its log that are in no window, by the reason.
    """
    mine = [alert for alert in alerts if alert.labels.endpoint == endpoint]
    firing, pending = (
        {
            level: sum(1 for a in mine if a.phase is phase and a.severity == level)
            for level in ("warning", "critical")
        }
        for phase in (Phase.FIRING, Phase.PENDING)
    )
    return Watched(
        endpoint=endpoint,
        alerts_firing=firing,
        alerts_pending=pending,
        left_out=left_out or {},
        looked_at_s=looked_at.timestamp(),
    )


def watched_of(endpoint: str, version: int, record: Mapping[str, Any]) -> Watched:
    """What a report says of each column.

    Args: record: as `report_record.report_record` made it.
    """
    alarm = record["alarm"]
    moved = {m["column"] for m in alarm["movements"] if m["found"]} if alarm["alarm"] else set()
    return Watched(
        endpoint=endpoint,
        version=version,
        features={c["name"]: _gauges(c, moved, c["name"]) for c in record["features"]},
        outputs={
            c["name"]: _gauges(c, moved, PREDICTION + c["name"]) for c in record["predictions"]
        },
        looked_at_s=datetime.fromisoformat(record["end"]).timestamp(),
    )


def _gauges(column: Mapping[str, Any], moved: set[str], name: str) -> DriftGauges:
    distances = [part["ks"]["value"] for part in column["parts"] if part["ks"] is not None]
    return DriftGauges(
        psi=column["effect"],
        ks=max(distances, default=None),
        auc=column.get("auc"),  # reports kept by older versions have none
        alarm=any(one == name or one.startswith(f"{name}/") for one in moved),
        missing_share=column["missing_share"],
    )

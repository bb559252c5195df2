"""The log of predictions: a worker keeps a sample, and one of them turns it into tables."""

from __future__ import annotations

import sys
from pathlib import Path

from seatrial.kernel.clock import SystemClock
from seatrial.serving.sample import PredictionLog, SampleConfig
from seatrial.serving.shipping import Shipper
from seatrial.serving.spool import Spool
from seatrial.wiring.workspace import Workspace


def prediction_log(workspace: Workspace, name: str) -> PredictionLog | None:
    """Where a worker logs, by its name; None where nothing is to be logged."""
    config = workspace.settings.server
    if config.log_sample_rate == 0 or config.log_bytes == 0:
        return None
    clock = SystemClock()
    spool = Spool(
        workspace.spool,
        name=name.replace("/", "-"),
        clock=clock,
        max_total_bytes=config.log_bytes,
        max_segment_s=config.log_every,
    )
    return PredictionLog(spool, config=SampleConfig(rate=config.log_sample_rate), clock=clock)


def shipper_of(workspace: Workspace, name: str) -> Shipper | None:
    """One worker of a server converts the log of all."""
    config = workspace.settings.server
    if not name.endswith("/0") or config.log_sample_rate == 0:
        return None
    converter = _converter(workspace.spool, workspace.log)
    return Shipper(converter, clock=SystemClock(), every_s=config.log_every / 2)


def _converter(spool: Path, log: Path) -> list[str]:
    return [sys.executable, "-m", "seatrial.adapters.tables.parquet_log", str(spool), str(log)]

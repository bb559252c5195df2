"""The judge for rollouts that others steer, put together."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from seatrial.release.counted import Counters
from seatrial.release.desk import Desk
from seatrial.release.gate_desk import GateDesk
from seatrial.wiring.workspace import Workspace

TOKEN = "SEATRIAL_PROMETHEUS_TOKEN"  # noqa: S105 - the name of a variable


def judge_desk(
    workspace: Workspace, desk: Desk, environment: Mapping[str, str] = os.environ
) -> GateDesk:
    """Where verdicts are asked for, with the gates of the configuration."""
    settings = workspace.settings
    return GateDesk(
        desk,
        lambda name: settings.release_of(name).gates.gates(),
        _counters(workspace, environment),
    )


def _counters(workspace: Workspace, environment: Mapping[str, str]) -> Counters | None:
    config = workspace.settings.judge
    if config.prometheus is None:
        return None
    from seatrial.adapters.telemetry.counters_prometheus import PrometheusCounters

    return PrometheusCounters(config, now=time.time, token=environment.get(TOKEN) or None)

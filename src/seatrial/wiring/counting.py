"""The counting of rows that a worker answers, against the profiles of their versions."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.kernel.clock import SystemClock
from seatrial.monitoring.watching.config import WindowConfig
from seatrial.serving.counting import EVERY_S, Counting
from seatrial.wiring.workspace import Workspace

if TYPE_CHECKING:
    from seatrial.serving.live import LiveVersion
    from seatrial.wiring.watching.counting import ProfileCounter


def slice_s(windows: WindowConfig) -> float:
    """Seconds that a slice of counts spans: none longer than a window, or windows wait for it."""
    return min(EVERY_S, windows.every)


def counting_of(workspace: Workspace, name: str) -> Counting:
    """Counts the rows of a worker, by its name."""
    return Counting(
        worker=name,
        clock=SystemClock(),
        open_counter=partial(_counter, workspace.bundles),
        rows_per_s=workspace.settings.server.count_rows,
        every_s=slice_s(workspace.settings.monitoring.windows),
    )


def _counter(bundles: Path, live: LiveVersion) -> ProfileCounter | None:
    """See `serving.counting.OpenCounter`."""
    from seatrial.wiring.watching.counting import Counters

    return Counters(bundles)(live)

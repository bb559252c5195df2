"""How a worker counts the rows it answers."""

from __future__ import annotations

import pytest

from seatrial.monitoring.watching.config import WindowConfig
from seatrial.wiring.counting import slice_s


@pytest.mark.parametrize(("every", "spans"), [("10m", 60.0), ("60s", 60.0), ("5s", 5.0)])
def test_counts_are_handed_over_at_least_once_a_window(every: str, spans: float) -> None:
    assert slice_s(WindowConfig.model_validate({"every": every})) == spans

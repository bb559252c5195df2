"""What the suite of scorers asks of whoever runs it, over one bundle."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from seatrial.adapters.scoring.parse import Reading
from seatrial.serving.scoring import Scored
from seatrial.testing.scorer_suite import ScorerSuite
from tests.cli.scored_bundle import NAMES, log_of_sums


class OfSums(ScorerSuite):
    """The suite, with an order for the bundle of `log_of_sums`."""

    @pytest.fixture(autouse=True)
    def bundle(self, tmp_path: Path) -> None:
        made = log_of_sums(tmp_path)
        reading = Reading(form="csv", sources=NAMES, names=NAMES)
        self.order: dict[str, object] = {
            "bundle": str(made.path),
            "digest": made.digest,
            "reading": msgspec.to_builtins(reading),
        }

    def answers(self, scored: Scored) -> list[float]:
        with pa.ipc.open_stream(scored.table) as stream:
            found = stream.read_all().column("prediction").to_pylist()
        assert all(math.isfinite(one) for one in found)
        return found

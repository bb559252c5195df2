"""Scorers of files against the suite that defines one; Ray's is in `integration/ray_actors`."""

from __future__ import annotations

import os
import signal

from seatrial.adapters.scoring.processes import ProcessScorer, start_process
from seatrial.serving.spawn import ChildLimits
from tests.conformance.scored_sums import OfSums


class TestProcessScorer(OfSums):
    async def start(self, **changed: object) -> ProcessScorer:
        return await start_process(self.order | changed, ChildLimits())

    def end(self, scorer: ProcessScorer) -> None:
        os.kill(scorer._child.pid, signal.SIGKILL)

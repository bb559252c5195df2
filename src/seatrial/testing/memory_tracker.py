"""A tracker in this process's memory, which can be down."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from seatrial.training.runs.failures import TrackerUnavailable
from seatrial.training.runs.run import Point, Run
from seatrial.training.runs.tracker import Kept, tags_of


class MemoryTracker:
    """`training.runs.tracker.Tracker` that forgets all when it is gone.

    Args: down: whether it does not answer; may be changed.
    """

    def __init__(self, *, down: bool = False) -> None:
        self.down = down
        self.runs: dict[str, Run] = {}
        self._points: dict[tuple[str, int], dict[tuple[str, int | None, float], Point]] = {}
        self.n_calls = 0

    def keep(self, run: Run, points: Sequence[Point]) -> None:
        """See Tracker."""
        self._answer()
        self.n_calls += 1
        self.runs[run.id] = run
        known = self._points.setdefault((run.id, run.attempt), {})
        known.update({(p.metric, p.step, p.at_s): p for p in points})

    def find(self, run_id: str) -> Kept | None:
        """See Tracker."""
        self._answer()
        run = self.runs.get(run_id)
        if run is None:
            return None
        history: dict[str, list[tuple[int, float]]] = {}
        metrics: dict[str, float] = {}
        for point in self._points[run.id, run.attempt].values():
            metrics[point.metric] = point.value
            if point.step is not None:
                history.setdefault(point.metric, []).append((point.step, point.value))
        ending = run.ending
        files = [] if ending is None else [a.path for a in ending.artefacts]
        if ending is not None and (Path(run.folder) / "log.txt").is_file():
            files.append("seatrial/log.txt")
        return Kept(
            name=run.id,
            status=run.status,
            parameters={
                k: v if isinstance(v, str) else json.dumps(v) for k, v in run.parameters.items()
            },
            metrics=metrics if ending is None else {**metrics, **ending.metrics},
            history=history,
            tags=tags_of(run),
            artefacts=tuple(sorted(files)),
        )

    def close(self) -> None:
        """See Tracker."""

    def _answer(self) -> None:
        if self.down:
            raise TrackerUnavailable(
                "The tracker in memory is down.", remedy="Set its attribute down to False."
            )

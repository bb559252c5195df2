"""The port of trackers: where runs are shown to people, besides here.

The truth about a run is in the store. A tracker is told how a run stands, again and again, and sees
to it that it has no less: `keep` after a crash, twice, or late gives the same as once.
`seatrial.testing.tracker_suite` says what it means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from seatrial.training.runs.run import Point, Run, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a tracker has of a run.

    Args:
        name: of the run.
        status: as far as the tracker has a word for it.
        parameters: as text.
        metrics: last value of each.
        history: of each metric its values by step, those without a step left out.
        tags: what else is known of it, such as its id, its digests, and the run it belongs to.
        artefacts: paths of files, sorted.
    """

    name: str
    status: Status
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    history: Mapping[str, Sequence[tuple[int, float]]]
    tags: Mapping[str, str]
    artefacts: tuple[str, ...]


class Tracker(Protocol):
    """Keeps runs. All calls block; one thread at a time."""

    def keep(self, run: Run, points: Sequence[Point]) -> None:
        """See that all of this is kept; what is kept already stays as it is.

        Args: points: of a run that has ended all of them, the oldest first; of one that goes on
            those since the last call of this object.
        Raises: TrackerUnavailable: nothing is lost by trying again. TrackerRefuses.
        """
        ...

    def find(self, run_id: str) -> Kept | None:
        """What is kept of a run, or None.   Raises: TrackerUnavailable."""
        ...

    def close(self) -> None:
        """Give back what is held; nothing can be kept afterwards."""
        ...


def tags_of(run: Run) -> dict[str, str]:
    """What trackers show of a run besides parameters and metrics."""
    code, ending = run.code, run.ending
    said: dict[str, object] = {
        "seatrial.run": run.id,
        "seatrial.training": run.name,
        "seatrial.program": run.program,
        "seatrial.parent": run.parent,
        "seatrial.attempt": run.attempt,
        "seatrial.seed": run.seed,
        "seatrial.by": run.by,
        "seatrial.data_digest": run.data_digest,
        "seatrial.commit": code.commit,
        "seatrial.dirty": code.dirty,
        "seatrial.code": " ".join(f"{path}@{digest[:12]}" for path, digest in code.files.items()),
        "seatrial.python": run.environment.python,
        "seatrial.platform": run.environment.platform,
        "seatrial.host": run.environment.host,
    }
    if ending is not None:
        said |= {
            "seatrial.outcome": ending.outcome.value,
            "seatrial.bundle": ending.bundle,
            "seatrial.against_constant": ending.against.value,
            "seatrial.best": ending.best,
            "seatrial.problem": (ending.error or {}).get("problem"),
        }
    return {name: str(value) for name, value in said.items() if value not in (None, "")}

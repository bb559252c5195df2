"""What trackers must do: the suite for `training.runs.tracker.Tracker`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seatrial.training.runs.run import (
    Artefact,
    Code,
    DataFile,
    Ending,
    Environment,
    Outcome,
    Point,
    Run,
    Status,
)
from seatrial.training.runs.tracker import Tracker

BEGAN = datetime(2030, 1, 1, 12, tzinfo=UTC)
_DIGEST = "ab" * 32

OpenTracker = Callable[[], Tracker]


def a_run(folder: Path, *, id: str = "churn-1", parent: str | None = None) -> Run:  # noqa: A002
    """A run that goes on.   Args: folder: of all runs."""
    own = folder / id
    (own / "out" / "plots").mkdir(parents=True, exist_ok=True)
    (own / "out" / "model.pkl").write_bytes(b"a model")
    (own / "out" / "plots" / "roc.txt").write_text("a plot", encoding="utf-8")
    (own / "log.txt").write_text("it went well\n", encoding="utf-8")
    return Run(
        id=id,
        name="churn",
        program="train.py:train",
        folder=str(own),
        started_at=BEGAN,
        by="somebody",
        parameters={"lr": 0.1, "depth": 3, "kind": "gbdt", "deep": True, "none": None},
        seed=7,
        data=(DataFile(role="data", path="/rows.csv", sha256=_DIGEST, n_bytes=10),),
        data_digest=_DIGEST,
        code=Code(commit="c0ffee", dirty=True, files={"train.py": _DIGEST}),
        environment=Environment(python="3.11.7", platform="Linux", host="here"),
        parent=parent,
    )


def ended(run: Run, outcome: Outcome = Outcome.TRAINED, /, **metrics: float) -> Run:
    """The same run when it is over."""
    artefacts = (
        Artefact(path="model.pkl", n_bytes=7, sha256=_DIGEST),
        Artefact(path="plots/roc.txt", n_bytes=6, sha256=_DIGEST),
    )
    ending = Ending(
        outcome=outcome,
        at=BEGAN + timedelta(seconds=60),
        metrics=metrics,
        model="model.pkl",
        artefacts=artefacts,
        bundle=_DIGEST,
    )
    return replace(run, ending=ending, latest=metrics)


def losses(values: Sequence[float], *, first: int = 0) -> list[Point]:
    """A loss, step by step."""
    return [
        Point(metric="loss", value=value, at_s=float(step), step=step)
        for step, value in enumerate(values, start=first)
    ]


class TrackerSuite:
    """Subclass it as ``Test...`` with a fixture ``opened``, which opens the same one each time.

    Class attributes: ``live``: whether a run is there before it has ended.
    """

    live = True

    def test_what_was_never_kept_is_not_found(self, opened: OpenTracker) -> None:
        """None, and no error."""
        assert opened().find("never-1") is None

    def test_a_run_is_kept_with_all_that_is_known_of_it(
        self, opened: OpenTracker, tmp_path: Path
    ) -> None:
        """Parameters in their JSON form, metrics with steps, digests, files."""
        run = ended(a_run(tmp_path), Outcome.TRAINED, loss=0.25, **{"holdout.auc": 0.9})
        tracker = opened()
        tracker.keep(run, losses([1.0, 0.5, 0.25]))
        kept = tracker.find(run.id)
        assert kept is not None
        assert kept.status is Status.FINISHED
        assert kept.name == run.id
        expected = {"lr": "0.1", "depth": "3", "kind": "gbdt", "deep": "true", "none": "null"}
        assert dict(kept.parameters) == expected
        assert kept.metrics["loss"] == 0.25
        assert kept.metrics["holdout.auc"] == 0.9
        assert list(kept.history["loss"]) == [(0, 1.0), (1, 0.5), (2, 0.25)]
        assert kept.tags["seatrial.run"] == run.id
        assert kept.tags["seatrial.data_digest"] == _DIGEST
        assert kept.tags["seatrial.commit"] == "c0ffee"
        assert kept.tags["seatrial.dirty"] == "True"
        assert kept.tags["seatrial.bundle"] == _DIGEST
        assert {"model.pkl", "plots/roc.txt", "seatrial/log.txt"} <= set(kept.artefacts)

    def test_keeping_it_again_changes_nothing(self, opened: OpenTracker, tmp_path: Path) -> None:
        """Not in this process, and not in the next one."""
        run = ended(a_run(tmp_path), loss=0.25)
        points = losses([1.0, 0.5, 0.25])
        first = opened()
        first.keep(run, points)
        before = first.find(run.id)
        first.keep(run, points)
        first.close()
        again = opened()
        again.keep(run, points)
        assert again.find(run.id) == before

    def test_a_run_grows_while_it_goes_on(self, opened: OpenTracker, tmp_path: Path) -> None:
        """A tracker that shows only what is over shows it then, whole."""
        run = a_run(tmp_path)
        tracker = opened()
        tracker.keep(run, [])
        tracker.keep(run, losses([1.0]))
        if self.live:
            kept = tracker.find(run.id)
            assert kept is not None
            assert kept.status is Status.RUNNING
            assert list(kept.history["loss"]) == [(0, 1.0)]
        else:
            assert tracker.find(run.id) is None
        tracker.keep(ended(run, loss=0.5), losses([1.0, 0.5]))
        kept = tracker.find(run.id)
        assert kept is not None
        assert kept.status is Status.FINISHED
        assert list(kept.history["loss"]) == [(0, 1.0), (1, 0.5)]

    @pytest.mark.parametrize(
        ("outcome", "status"),
        [(Outcome.CRASHED, Status.FAILED), (Outcome.PRUNED, Status.PRUNED)],
    )
    def test_how_it_ended_is_kept(
        self, opened: OpenTracker, tmp_path: Path, outcome: Outcome, status: Status
    ) -> None:
        """In the word the tracker has for it, and in ours."""
        run = ended(a_run(tmp_path), outcome)
        tracker = opened()
        tracker.keep(run, [])
        kept = tracker.find(run.id)
        assert kept is not None
        assert kept.status is status
        assert kept.tags["seatrial.outcome"] == outcome.value

    def test_a_run_that_began_anew_is_shown_as_it_is_now(
        self, opened: OpenTracker, tmp_path: Path
    ) -> None:
        """What was reported before it was killed does not mix with what came after."""
        run = a_run(tmp_path)
        tracker = opened()
        tracker.keep(run, losses([9.0, 8.0]))
        anew = ended(replace(run, attempt=2), loss=0.5)
        later = [replace(p, at_s=p.at_s + 30) for p in losses([1.0, 0.5])]
        tracker.keep(anew, later)
        kept = tracker.find(run.id)
        assert kept is not None
        assert list(kept.history["loss"]) == [(0, 1.0), (1, 0.5)]
        assert kept.tags["seatrial.attempt"] == "2"

    def test_a_trial_names_its_search(self, opened: OpenTracker, tmp_path: Path) -> None:
        """And both are kept apart."""
        search = ended(a_run(tmp_path, id="churn-1"), loss=0.5)
        trial = ended(a_run(tmp_path, id="churn-1.0", parent="churn-1"), loss=0.7)
        tracker = opened()
        tracker.keep(search, [])
        tracker.keep(trial, losses([0.7]))
        kept, other = tracker.find("churn-1.0"), tracker.find("churn-1")
        assert kept is not None
        assert other is not None
        assert kept.tags["seatrial.parent"] == "churn-1"
        assert other.metrics["loss"] == 0.5

    def test_what_is_not_finite_is_kept_as_such(self, opened: OpenTracker, tmp_path: Path) -> None:
        """It is what such a run is looked at for."""
        run = ended(a_run(tmp_path), Outcome.NOT_FINITE)
        tracker = opened()
        tracker.keep(run, losses([1.0, math.nan]))
        kept = tracker.find(run.id)
        assert kept is not None
        values = [value for _, value in kept.history["loss"]]
        assert values[0] == 1.0
        assert math.isnan(values[1])

    def test_many_points_are_all_kept(self, opened: OpenTracker, tmp_path: Path) -> None:
        """More than one request of a tracker takes."""
        run = ended(a_run(tmp_path), loss=0.0)
        tracker = opened()
        tracker.keep(run, losses([float(i) for i in range(2_500)]))
        kept = tracker.find(run.id)
        assert kept is not None
        assert len(kept.history["loss"]) == 2_500

"""W&B offline against the suite; run by `test_trackers` where W&B is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.adapters.tracking.wandb import WandbTracker, id_of, open_tracker
from seatrial.testing.tracker_suite import OpenTracker, TrackerSuite, a_run, ended, losses
from seatrial.training.config import WandbConfig
from seatrial.training.runs.failures import TrackerUnavailable


class TestOffline(TrackerSuite):
    live = False

    @pytest.fixture
    def opened(self, tmp_path: Path) -> OpenTracker:
        return lambda: open_tracker(WandbConfig(), tmp_path)


def test_what_a_killed_process_left_half_written_is_written_anew(tmp_path: Path) -> None:
    tracker = open_tracker(WandbConfig(), tmp_path)
    run = ended(a_run(tmp_path), loss=0.5)
    tracker.keep(run, losses([1.0, 0.5]))
    (folder,) = tracker._folders(run.id)
    (file,) = folder.glob("*.wandb")
    file.write_bytes(file.read_bytes()[:-50])
    tracker._done(run).unlink()
    again = open_tracker(WandbConfig(), tmp_path)
    again.keep(run, losses([1.0, 0.5]))
    assert len(again._folders(run.id)) == 1
    kept = again.find(run.id)
    assert kept is not None
    assert list(kept.history["loss"]) == [(0, 1.0), (1, 0.5)]


def test_an_id_that_wandb_would_refuse_is_another_one() -> None:
    assert id_of("churn-1") == "churn-1"
    long = id_of("a" * 100)
    assert len(long) <= 64
    assert id_of("churn.1.0") != id_of("churn-1-0")


def test_online_without_a_key_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HOME", str(tmp_path))
    tracker = WandbTracker(tmp_path, mode="online", project="p")
    with pytest.raises(TrackerUnavailable, match="W&B"):
        tracker.keep(ended(a_run(tmp_path)), [])

"""Triggers become runs: once, together, again after a kill, and never against the limits."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from seatrial.kernel.events import Draft
from seatrial.monitoring.triggers.rule import DriftRule, LabelsRule, Quorum, Window
from seatrial.steps.workflow import Workflow
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore
from seatrial.wiring.retraining.book import RetrainingBook
from seatrial.wiring.retraining.steps import RetrainingFlow
from seatrial.wiring.settings import Settings
from seatrial.wiring.workspace import Workspace

RETRAINING: dict[str, Any] = {
    "training": "churn",
    "label": "y",
    "data": {"source": "table", "table": {"source": "rows.parquet"}},
}


class Bench:
    def __init__(self, folder: Path, **more: Any) -> None:
        settings = Settings.model_validate({"retraining": {"churn": RETRAINING | more}})
        self.workspace = Workspace(home=folder, settings=settings)
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock)
        self.flow: Workflow = RetrainingFlow(self.workspace, self.store).workflow()
        self.book = self.new_book()

    def new_book(self) -> RetrainingBook:
        return RetrainingBook(self.workspace, self.store, self.flow, clock=self.clock)

    def labels(self, n: int) -> None:
        from seatrial.monitoring.triggers.book import TriggerBook

        rule = LabelsRule(name="labels", n_rows=10)
        TriggerBook(self.store).look("churn", [rule], now=self.clock.now(), n_labelled=n)

    def drift(self) -> None:
        from seatrial.monitoring.triggers.book import TriggerBook

        rule = DriftRule(name="drift", quorum=Quorum(k=1, n=1))
        window = Window(version=1, end=self.clock.now(), psi={"age": 0.5})
        TriggerBook(self.store).look("churn", [rule], now=self.clock.now(), window=window)

    def runs(self) -> list[str]:
        return self.store.streams("run/")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_two_triggers_at_once_make_one_run_that_names_both(bench: Bench) -> None:
    bench.labels(0)
    bench.drift()
    bench.labels(10)
    bench.book.tick()
    bench.new_book().tick()
    assert bench.runs() == ["run/retraining/churn-1"]
    bench.book.runs.refresh()
    causes = bench.book.runs.get("retraining/churn-1").input["causes"]
    assert [(c["rule"], c["asks"]) for c in causes] == [("drift", True), ("labels", False)]


def test_a_run_that_was_decided_and_not_started_is_started_after_a_kill(bench: Bench) -> None:
    bench.drift()
    start, bench.book.runs.start = bench.book.runs.start, None  # type: ignore[method-assign]
    bench.book.tick()
    assert bench.book.agenda("churn").active is not None
    assert bench.runs() == []
    bench.book.runs.start = start  # type: ignore[method-assign]
    bench.new_book().tick()
    assert bench.runs() == ["run/retraining/churn-1"]


def test_the_end_of_a_run_is_noted_and_the_next_waits_for_the_cooldown(bench: Bench) -> None:
    bench.drift()
    bench.book.tick()
    bench.book.runs.refresh()
    bench.book.runs.cancel("retraining/churn-1", by="anna", reason="no")
    bench.book.tick()
    assert bench.book.agenda("churn").begun[0].outcome == "cancelled"
    bench.labels(0)
    bench.labels(10)
    bench.book.tick()
    assert bench.runs() == ["run/retraining/churn-1"]
    assert bench.book.agenda("churn").held["why"] == "cooling"
    bench.clock.advance(3600)
    bench.book.tick()
    assert len(bench.runs()) == 2


def test_a_request_of_long_ago_begins_nothing(bench: Bench) -> None:
    bench.drift()
    bench.clock.advance(timedelta(days=8).total_seconds())
    bench.book.tick()
    assert bench.runs() == []


def test_what_is_wrong_with_one_retraining_stops_no_other(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.store.append("retraining/churn", [Draft(kind="retraining.danced")], expected=0)
    bench.book.tick()
    bench.book.tick()
    assert caplog.text.count("retraining churn stands still") == 1


def test_what_prometheus_is_told(bench: Bench) -> None:
    bench.drift()
    bench.book.tick()
    (beat,) = bench.store.present("retraining")
    assert 'seatrial_retraining_under_way{retraining="churn"} 1' in str(beat.data["metrics"])


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"retraining": {"a": RETRAINING, "b": RETRAINING | {"endpoint": "a"}}}, "both train"),
        (
            {
                "monitoring": {"enabled": False},
                "retraining": {
                    "a": RETRAINING | {"triggers": [{"name": "x", "kind": "labels", "rows": 1}]}
                },
            },
            "nothing looks at them",
        ),
        (
            {
                "monitoring": {"triggers": [{"name": "x", "kind": "labels", "rows": 1}]},
                "retraining": {
                    "a": RETRAINING | {"triggers": [{"name": "x", "kind": "labels", "rows": 1}]}
                },
            },
            "is a trigger of monitoring too",
        ),
        ({"retraining": {"a": RETRAINING | {"data": {"source": "features"}}}}, "needs entities"),
        (
            {"retraining": {"a": RETRAINING | {"data": {"source": "log", "entities": "e.csv"}}}},
            "entities is for the source features",
        ),
    ],
)
def test_a_section_that_cannot_work_is_refused(sections: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Settings.model_validate(sections)

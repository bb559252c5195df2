"""What drift alone asks for is looked at with labels of what drifted, which come later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seatrial.kernel.events import Draft
from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.monitoring.triggers.rule import DriftRule, LabelsRule, Quorum, Window
from seatrial.release.projection import Endpoints
from seatrial.steps.worker import Worker
from seatrial.testing.clock import FakeClock
from seatrial.wiring.retraining.book import RetrainingBook
from seatrial.wiring.retraining.steps import RetrainingFlow
from seatrial.wiring.settings import Settings
from tests.wiring.watching.test_performance import World, classifier, drawn, saved

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC).replace(microsecond=0)


class Bench:
    """A model in production, its log with labels in a table, and a worker for its retraining."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        x, y = drawn(0, 1_000)
        held = saved(folder, "held.parquet", *drawn(1, 1_000))
        self.world.deploy(classifier(), "churn", y, x, holdout=held, target="production")
        self._promote()
        data = {"source": "log", "labels": {"source": str(folder / "labels.csv")}}
        section = {"training": "train.py:train", "label": "y", "data": data}
        settings = Settings.model_validate({"retraining": {"churn": section}})
        workspace = replace(self.world.workspace, settings=settings)
        flow = RetrainingFlow(workspace, self.world.store).workflow()
        self.book = RetrainingBook(workspace, self.world.store, flow)
        self.clock = FakeClock(NOW)
        self.worker = Worker(
            self.world.store,
            [flow],
            clock=self.clock,
            holder="here",
            spawn=lambda work, _: work(),
        )
        self.labels: dict[str, int] = {}

    def _promote(self) -> None:
        """What a server would do with the release that the deploy began."""
        endpoints = Endpoints(self.world.store)
        endpoints.refresh()
        rollout = endpoints.get("churn").rollout
        assert rollout is not None
        about = {"release": rollout.release, "version": 1, "reason": "fine"}
        passed = Draft(kind="staging.passed", data=about | {"report": {}}, by="test")
        endpoints.append("churn", [passed, Draft(kind="release.promoted", data=about, by="test")])

    def ask(self, seed: int, n: int, at: datetime) -> None:
        """Rows of that time, and what came true of them."""
        x, y = drawn(seed, n)
        ids = self.world.ask("churn", x, at_s=at.timestamp())
        self.labels |= dict(zip(ids, y.tolist(), strict=True))
        lines = [f"{key},{label}" for key, label in self.labels.items()]
        table = self.world.folder / "labels.csv"
        table.write_text("\n".join(["prediction_id,label", *lines]))

    def drift(self) -> None:
        rule = DriftRule(name="drift", quorum=Quorum(k=1, n=1))
        window = Window(version=1, end=NOW, psi={"age": 0.5})
        TriggerBook(self.world.store).look("churn", [rule], now=NOW, window=window)

    def step(self) -> Any:
        """Bring it forward; its run."""
        self.book.tick()
        for _ in range(6):
            self.clock.advance(3_600)
            self.worker.tick()
        self.book.runs.refresh()
        return self.book.runs.get("retraining/churn-1")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.worker.close()
    bench.world.store.close()


def test_drift_waits_for_labels_of_what_drifted_and_asks_those(bench: Bench) -> None:
    """Rows from before are as the model knows them: they say that nothing was lost."""
    bench.ask(2, 500, NOW - timedelta(hours=2))
    bench.drift()
    waiting = bench.step()
    assert (waiting.status, waiting.current.name) == ("waiting", "rows")
    assert "There are 0 labelled rows since the drift; 100 are needed." in waiting.current.reason
    bench.ask(3, 150, NOW - timedelta(minutes=1))
    ended = bench.step()
    assert ended.outcome == "not_needed"
    assert "over the newest 150 labelled rows" in ended.reason


def test_who_joins_a_question_makes_it_an_order(bench: Bench) -> None:
    bench.ask(2, 500, NOW - timedelta(hours=2))
    bench.drift()
    bench.step()
    more = TriggerBook(bench.world.store)
    for n in (0, 10):
        rule = LabelsRule(name="labels", n_rows=10)
        more.look("churn", [rule], now=NOW, n_labelled=n)
    run = bench.step()
    assert run.step("rows").output["n_train"] == 400
    assert run.step("look").output["asked"] is False

"""What events from outside do: labels, retraining, a look at the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seatrial.events.envelope import CloudEvent
from seatrial.events.requests import LabelsArrived, RegistryChanged, RetrainingDemanded
from seatrial.kernel.events import Draft
from seatrial.release.endpoint import start
from seatrial.release.projection import Endpoints, UnknownEndpoint
from seatrial.release.rollout import Plan, Step
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore
from seatrial.wiring.event_effects import DEMAND, NEW_DATA, EventEffects
from seatrial.wiring.retraining.book import RetrainingBook
from seatrial.wiring.retraining.configured import RetrainingUnknown
from seatrial.wiring.retraining.steps import RetrainingFlow
from seatrial.wiring.settings import Settings
from seatrial.wiring.watching.performance import LabelFiles
from seatrial.wiring.workspace import Workspace


class Bench:
    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock)
        retraining: dict[str, Any] = {
            "training": "t",
            "label": "y",
            "endpoint": "churn",
            "data": {"source": "table", "table": {"source": "rows.parquet"}},
        }
        settings = Settings.model_validate({"retraining": {"again": retraining}})
        self.workspace = Workspace(home=folder, settings=settings)
        self.effects = EventEffects(self.workspace, self.store, clock=self.clock)
        flow = RetrainingFlow(self.workspace, self.store).workflow()
        self.book = RetrainingBook(self.workspace, self.store, flow, clock=self.clock)

    def serve(self, endpoint: str) -> None:
        plan = Plan(steps=(Step(share=0.05, watch_s=60.0),))

        def begun(state: Any) -> list[Draft]:
            return start(
                state, version=1, digest="d" * 64, plan=plan, target="production", by="test"
            )

        Endpoints(self.store).change(endpoint, begun)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def event(key: str = "1") -> CloudEvent:
    return CloudEvent(id=key, source="/other", type="t", subject="", data={})


def demand(*, new_data: bool = False, name: str = "again") -> RetrainingDemanded:
    return RetrainingDemanded(retraining=name, new_data=new_data, reason="prices", n_rows=5)


def test_labels_go_where_others_go(bench: Bench) -> None:
    bench.serve("churn")
    asked = LabelsArrived(endpoint="churn", labels=(("a", "1"), ("b", "0")))
    bench.effects(asked, event())
    with LabelFiles(bench.workspace.labels).writing("churn") as inbox:
        assert [(one.id, one.value) for _, one in inbox.read()] == [("a", "1"), ("b", "0")]


def test_labels_of_nobody_are_refused(bench: Bench) -> None:
    with pytest.raises(UnknownEndpoint):
        bench.effects(LabelsArrived(endpoint="nobody", labels=(("a", "1"),)), event())


def test_a_demand_is_a_cause_once_however_often_it_comes(bench: Bench) -> None:
    for _ in range(3):
        bench.effects(demand(), event())
        bench.clock.advance(60)
    (cause,) = bench.book.causes("again")
    assert (cause.rule, cause.asks) == (DEMAND, False)
    assert cause.reason == "another system asks for it: prices"


def test_demands_and_new_data_are_two_triggers(bench: Bench) -> None:
    bench.effects(demand(), event("1"))
    bench.effects(demand(new_data=True), event("2"))
    assert [one.rule for one in bench.book.causes("again")] == [DEMAND, NEW_DATA]
    assert bench.book.causes("again")[1].reason == "new data of 5 rows arrived: prices"


def test_a_demand_begins_one_run(bench: Bench) -> None:
    bench.effects(demand(), event())
    bench.book.tick()
    bench.effects(demand(), event())
    bench.book.tick()
    assert bench.store.streams("run/retraining/") == ["run/retraining/again-1"]


def test_a_retraining_that_nobody_configured_is_refused(bench: Bench) -> None:
    with pytest.raises(RetrainingUnknown):
        bench.effects(demand(name="other"), event())


def test_a_registry_is_looked_at_more_often_than_before(bench: Bench) -> None:
    def counted() -> Any:
        (beat,) = bench.store.present("registry/nudge/")
        return beat.data["counts"]

    bench.effects(RegistryChanged(), event("1"))
    assert counted() == {"accepted": 1}
    restarted = EventEffects(bench.workspace, bench.store, clock=bench.clock)
    restarted(RegistryChanged(), event("2"))
    assert counted() == {"accepted": 2}

"""Performance within the monitor of a server: alerts, triggers, gauges, and one lease for all."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from served_models import WINDOW_ROWS, Opened, Rows, drawn

from seatrial.kernel.events import Draft
from seatrial.monitoring.alerts.alarms import Alarms
from seatrial.monitoring.alerts.alert import Phase
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.courier import Couriers
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.monitoring.performance.inbox import Entry
from seatrial.monitoring.performance.monitor import PerformanceMonitor
from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.monitoring.watching.config import MonitoringConfig
from seatrial.monitoring.watching.server_monitor import BEAT, ServerMonitor
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.release.endpoint import start
from seatrial.release.projection import Endpoints
from seatrial.release.rollout import Plan, Step
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore

CONFIG = MonitoringConfig.model_validate(
    {
        "triggers": [
            {
                "name": "bad",
                "kind": "performance",
                "metric": "accuracy",
                "under": 0.7,
                "quorum": {"k": 1, "n": 1},
            },
            {"name": "many", "kind": "labels", "rows": WINDOW_ROWS},
        ]
    }
)


class World:
    """A store with one endpoint in production, its log, and monitors over it."""

    def __init__(self) -> None:
        self.store, self.clock, self.opened = MemoryStore(), FakeClock(), Opened()
        plan = Plan(steps=(Step(share=0.05, watch_s=60.0),))
        endpoints = Endpoints(self.store)

        def begun(state: Any) -> list[Draft]:
            return start(
                state, version=1, digest="d" * 64, plan=plan, target="production", by="test"
            )

        state = endpoints.change("churn", begun)
        assert state.rollout is not None
        about = {"release": state.rollout.release, "version": 1, "reason": "fine"}
        passed = Draft(kind="staging.passed", data=about | {"report": {}}, by="test")
        promoted = Draft(kind="release.promoted", data=about, by="test")
        endpoints.append("churn", [passed, promoted])

    def monitor(self, holder: str = "one") -> ServerMonitor:
        book = AlertBook(self.store, timing=CONFIG.alerts.timing)
        troubles = Troubles(logging.getLogger("seatrial"), self.clock)
        return ServerMonitor(
            self.store,
            clock=self.clock,
            config=CONFIG,
            open_watch=lambda endpoint, version: None,
            alarms=Alarms(book, Couriers([]), clock=self.clock),
            book=book,
            holder=holder,
            troubles=troubles,
            performance=PerformanceMonitor(
                self.store,
                clock=self.clock,
                opened=self.opened,
                wait_s=1e9,
                troubles=troubles,
            ),
        )

    def tick(self, monitor: ServerMonitor) -> bool:
        self.clock.advance(2)
        return monitor.tick()

    def label(self, rows: Rows) -> None:
        pairs = zip(*rows.pairs(), strict=True)
        at_us = round(self.clock.now().timestamp() * 1e6)
        self.opened.box.put([Entry(id=a, value=b) for a, b in pairs], at_us=at_us)

    def firing(self) -> dict[str, str]:
        book = AlertBook(self.store)
        book.refresh()
        return {a.labels.kind: a.severity.value for a in book.alerts() if a.phase is Phase.FIRING}


@pytest.fixture
def world() -> World:
    return World()


def test_the_estimate_fires_before_labels_and_labels_fire_and_ask_the_triggers(
    world: World,
) -> None:
    monitor = world.monitor()
    good = drawn(1, WINDOW_ROWS)
    bad = drawn(2, WINDOW_ROWS, first=WINDOW_ROWS, spread=0.5)
    world.opened.log.append(good)
    world.tick(monitor)
    assert world.firing() == {}
    world.opened.log.append(bad)
    world.tick(monitor)
    assert world.firing() == {"estimated_performance": "critical"}
    assert TriggerBook(world.store).requests("churn") == []
    world.label(good)
    world.label(bad)
    world.tick(monitor)
    assert world.firing()["performance"] == "critical"
    rules = {request.rule: request for request in TriggerBook(world.store).requests("churn")}
    assert set(rules) == {"bad", "many"}
    assert rules["bad"].version == 1
    text = str(world.store.present(BEAT, within_s=1e9)[0].data["metrics"])
    assert 'seatrial_estimate_trusted{endpoint="churn",version="1"} 1' in text
    assert 'seatrial_real_accuracy{endpoint="churn",version="1"}' in text
    view = WatchDesk(world.store).view("churn")
    assert view["performance"]["1"]["n_labelled"] == 2 * WINDOW_ROWS
    assert [p["window"] for p in view["performance"]["1"]["series"]] == [0, 1]


def test_the_alert_of_the_estimate_resolves_when_labels_say_that_all_is_well(world: World) -> None:
    monitor = world.monitor()
    odd = drawn(2, 2 * WINDOW_ROWS, spread=0.5)
    world.opened.log.append(odd)
    world.tick(monitor)
    assert "estimated_performance" in world.firing()
    codes = odd.rows.columns["outputs.label"].codes  # type: ignore[union-attr]
    right = [("no", "yes")[code] for code in codes.tolist()]
    pairs = [Entry(id=key or "", value=text) for key, text in zip(odd.ids, right, strict=True)]
    world.opened.box.put(pairs, at_us=round(world.clock.now().timestamp() * 1e6))
    world.tick(monitor)
    world.clock.advance(1_000)
    world.opened.log.append(drawn(3, 120, first=2 * WINDOW_ROWS))
    world.tick(monitor)
    world.clock.advance(1_000)
    world.opened.log.append(drawn(4, 120, first=2 * WINDOW_ROWS + 120))
    world.tick(monitor)
    assert world.firing() == {}


def test_only_the_holder_of_the_lease_reads_the_log(world: World) -> None:
    one, other = world.monitor("one"), world.monitor("other")
    world.opened.log.append(drawn(1, 300))
    assert world.tick(one)
    world.opened.log.append(drawn(2, 300, first=300))
    assert not world.tick(other)
    assert world.opened.ledgers[1].note("place/2025-06-15") == "after 300"
    one.close()
    assert world.tick(other)
    assert WatchDesk(world.store).view("churn")["performance"]["1"]["n_seen"] == 600


def test_a_monitor_that_starts_anew_tells_nobody_twice(world: World) -> None:
    world.opened.log += [drawn(1, WINDOW_ROWS), drawn(2, WINDOW_ROWS, first=600, spread=0.5)]
    world.label(world.opened.log[0])
    world.label(world.opened.log[1])
    first = world.monitor("first")
    world.tick(first)
    world.tick(first)
    before = world.store.head()
    first.close()
    second = world.monitor("second")
    for _ in range(3):
        world.tick(second)
    kinds = [fact.kind for fact in world.store.read(after=before)]
    assert not [kind for kind in kinds if kind.startswith(("alert.", "retraining", "trigger."))]

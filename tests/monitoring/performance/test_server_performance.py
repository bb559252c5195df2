"""Performance within the monitor of a server: alerts, triggers, gauges, and one lease for all."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from faults import STORE, Fault, facts_of
from served_models import WINDOW_ROWS, Opened, Rows, drawn

from seatrial.kernel.events import Draft
from seatrial.monitoring.alerts.alarms import Alarms
from seatrial.monitoring.alerts.alert import Phase
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.courier import Couriers
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.monitoring.performance.inbox import Entry, Purpose
from seatrial.monitoring.performance.monitor import PerformanceMonitor
from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.monitoring.watching.config import MonitoringConfig
from seatrial.monitoring.watching.server_monitor import BEAT, ServerMonitor
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.release.endpoint import start
from seatrial.release.projection import Endpoints
from seatrial.release.rollout import Plan, Step
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_pending import MemoryPending
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


class FaultyFiles(Opened):
    """Ledgers and an inbox that may fail."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        fault.in_(self.box, "drop", "drop_before")
        self._fault = fault

    def version(self, endpoint: str, version: int):  # type: ignore[no-untyped-def]
        if version not in self.ledgers:
            self.ledgers[version] = self._fault.in_(MemoryPending(), "at_once")
        return super().version(endpoint, version)


class World:
    """A store with one endpoint in production, its log, and monitors over it."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.fault = fault or Fault()
        self.store = self.fault.in_(MemoryStore(), *STORE)
        self.clock, self.opened = FakeClock(), FaultyFiles(self.fault)
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


def ends_badly(world: World, *, fresh: bool) -> None:
    """A window that is well, then one that is not; then labels for both, of which some come first.

    Args: fresh: whether every tick is by a monitor of its own, as if each was killed.
    """
    good = drawn(1, WINDOW_ROWS)
    bad = drawn(2, WINDOW_ROWS, first=WINDOW_ROWS, spread=0.5)
    after = drawn(3, 2 * WINDOW_ROWS, first=2 * WINDOW_ROWS, spread=0.5)
    monitor = world.monitor()

    def ticks() -> None:
        nonlocal monitor
        world.clock.advance(10)
        for _ in range(3):  # the first may fail
            if fresh:
                monitor = world.monitor()
            with world.fault.arming():
                monitor.tick()
            world.clock.advance(2)

    world.opened.log.append(good)
    ticks()
    world.label(bad)  # they outran the log
    world.label(good)
    world.opened.log.append(bad)
    ticks()
    world.opened.log.append(after)
    world.label(after)
    ticks()


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("fresh", [False, True])
def test_a_write_that_fails_loses_nothing_and_tells_nothing_twice(fresh: bool, kept: bool) -> None:
    def told(world: World) -> tuple[object, ...]:
        """What came of it; when is not asked, for what failed is done two seconds later."""
        book = AlertBook(world.store)
        book.refresh()
        alerts = {a.labels.kind: (a.phase, a.severity, a.episode, a.finding) for a in book.alerts()}
        kinds = [kind for kind, _ in facts_of(world.store, "alerts/churn")]
        requests = [
            (r.rule, r.version, r.reason) for r in TriggerBook(world.store).requests("churn")
        ]
        view = WatchDesk(world.store).view("churn")["performance"]["1"]
        figures = {k: view[k] for k in ("n_seen", "n_labelled", "n_corrected", "estimated")}
        fired, resolved = kinds.count("alert.fired"), kinds.count("alert.resolved")
        return alerts, fired, resolved, requests, figures

    whole = World()
    ends_badly(whole, fresh=fresh)
    assert whole.firing() == {"estimated_performance": "critical", "performance": "critical"}
    assert {request[0] for request in told(whole)[3]} == {"bad", "many"}  # type: ignore[attr-defined]
    n = 0
    while True:
        n += 1
        world = World(Fault(at=n, kept=kept))
        ends_badly(world, fresh=fresh)
        if world.fault.n < n:
            break
        assert told(world) == told(whole), f"write {n}"
    assert n > 40


def test_an_estimate_that_few_labels_confirm_asks_for_retraining(world: World) -> None:
    monitor = world.monitor()
    bad = [drawn(i, WINDOW_ROWS, first=i * WINDOW_ROWS, spread=0.5) for i in range(2)]
    world.opened.log.append(bad[0])
    world.tick(monitor)
    assert TriggerBook(world.store).requests("churn") == []  # no label has checked it
    ids, texts = (some[:60] for some in bad[0].pairs())
    at_us = round(world.clock.now().timestamp() * 1e6)
    world.opened.box.put([Entry(id=i, purpose=Purpose.AUDIT) for i in ids], at_us=at_us)
    pairs = zip(ids, texts, strict=True)
    world.opened.box.put([Entry(id=a, value=b) for a, b in pairs], at_us=at_us)
    world.tick(monitor)
    world.opened.log.append(bad[1])
    world.tick(monitor)
    (request,) = TriggerBook(world.store).requests("churn")
    assert (request.rule, request.version) == ("bad", 1)
    newest = request.evidence["newest"]
    assert newest["evidence"] == "confirmed"  # type: ignore[index]
    assert newest["high"] < 0.7  # type: ignore[index]


def test_an_estimate_that_labels_contradict_asks_for_nothing(world: World) -> None:
    monitor = world.monitor()
    odd = [drawn(i, WINDOW_ROWS, first=i * WINDOW_ROWS, spread=0.5) for i in range(2)]
    world.opened.log.append(odd[0])
    world.tick(monitor)
    codes = odd[0].rows.columns["outputs.label"].codes  # type: ignore[union-attr]
    right = [("no", "yes")[code] for code in codes[:300].tolist()]
    ids, _ = odd[0].pairs(slice(0, 300))
    at_us = round(world.clock.now().timestamp() * 1e6)
    world.opened.box.put([Entry(id=i, purpose=Purpose.AUDIT) for i in ids], at_us=at_us)
    pairs = zip(ids, right, strict=True)
    world.opened.box.put([Entry(id=a, value=b) for a, b in pairs], at_us=at_us)
    world.tick(monitor)
    world.opened.log.append(odd[1])
    world.tick(monitor)
    record = WatchDesk(world.store).view("churn")["performance"]["1"]
    assert record["estimated"]["trust"]["trust"] == "contradicted"
    assert TriggerBook(world.store).requests("churn") == []

"""Every endpoint of a server under watch: from counts to alerts, triggers and gauges."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from faults import STORE, Fault, facts_of

from seatrial.kernel.errors import Invalid
from seatrial.kernel.events import Draft
from seatrial.kernel.store import ANSWERS, DATA, REPORT, Slice, StoreUnavailable
from seatrial.monitoring.alerts.alarms import Alarms
from seatrial.monitoring.alerts.alert import Phase
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.courier import Couriers
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.summary_record import encode
from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.monitoring.watching.config import MonitoringConfig
from seatrial.monitoring.watching.server_monitor import BEAT, ServerMonitor
from seatrial.monitoring.watching.watch import Watch
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.release.endpoint import start
from seatrial.release.measurement import Summary
from seatrial.release.projection import Endpoints
from seatrial.release.rollout import Plan, Step
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore

CONFIG = MonitoringConfig.model_validate(
    {
        "windows": {"every": "1m", "least_rows": 200},
        "triggers": [{"name": "psi", "kind": "drift", "psi": 0.2, "quorum": {"k": 1, "n": 1}}],
    }
)


def table(n: int, *, seed: int, shift: float) -> Table:
    values = np.random.default_rng(seed).normal(size=(n, 2))
    values[:, 0] += shift
    return Table(columns={"x0": values[:, 0], "x1": values[:, 1]}, n=n)


PROFILE = profile_of(table(20_000, seed=0, shift=0.0))
SUMMARISER = Summariser(PROFILE, repeats=False)


PLAN = Plan(steps=(Step(share=0.05, watch_s=60.0),))


class World:
    """A store with one endpoint, a clock, and monitors over it."""

    def __init__(
        self,
        fault: Fault | None = None,
        *,
        store: MemoryStore | None = None,
        clock: FakeClock | None = None,
    ) -> None:
        self.fault = fault or Fault()
        self.clock = clock or FakeClock()
        self.store: MemoryStore = self.fault.in_(store or MemoryStore(), *STORE)
        endpoints = Endpoints(self.store)
        state = endpoints.change("churn", lambda state: begun(state, PLAN))
        assert state.rollout is not None
        about = {"release": state.rollout.release, "version": 1, "reason": "fine"}
        passed = Draft(kind="staging.passed", data=about | {"report": {}}, by="test")
        promoted = Draft(kind="release.promoted", data=about, by="test")
        endpoints.append("churn", [passed, promoted])
        self.n = 0

    def monitor(self, holder: str = "one", config: MonitoringConfig = CONFIG) -> ServerMonitor:
        book = AlertBook(self.store, timing=config.alerts.timing)
        return ServerMonitor(
            self.store,
            clock=self.clock,
            config=config,
            open_watch=lambda *of: self.open_watch(*of),  # noqa: PLW0108 - tests replace it
            alarms=Alarms(book, Couriers([]), clock=self.clock),
            book=book,
            holder=holder,
            troubles=Troubles(logging.getLogger("seatrial"), self.clock),
        )

    def open_watch(self, endpoint: str, version: int) -> Watch | None:
        return Watch(PROFILE, CONFIG.rules())

    def canary(self) -> None:
        """Put version 2 on trial beside version 1."""
        endpoints = Endpoints(self.store)
        state = endpoints.change("churn", lambda state: begun(state, PLAN, version=2))
        assert state.rollout is not None
        about = {"release": state.rollout.release, "version": 2, "reason": "fine"}
        passed = Draft(kind="staging.passed", data=about | {"report": {}}, by="test")
        first = Draft(kind="step.entered", data=about | {"step": 0}, by="test")
        endpoints.append("churn", [passed, first])

    def minute(
        self,
        *,
        shift: float = 0.0,
        n: int = 300,
        latency_s: float = 0.01,
        version: int = 1,
        apart_s: float = 60,
    ) -> None:
        """A minute of traffic, as workers hand it in."""
        self.n += 1
        now = self.clock.now()
        rows = encode(SUMMARISER.summarise(table(n, seed=self.n, shift=shift)))
        answers = Summary.of([latency_s] * n).encode()
        self.store.add_slices(
            [
                Slice(
                    endpoint="churn",
                    version=version,
                    revision=1,
                    worker="worker/a/0",
                    start=now,
                    width_s=60.0,
                    summary=summary,
                    kind=kind,
                )
                for kind, summary in ((DATA, rows), (ANSWERS, answers))
            ]
        )
        self.clock.advance(apart_s)

    def firing(self) -> dict[str, str]:
        book = AlertBook(self.store)
        book.refresh()
        return {a.labels.kind: a.severity.value for a in book.alerts() if a.phase is Phase.FIRING}

    def beat(self) -> dict[str, Any]:
        (beat,) = self.store.present(BEAT, within_s=1e9)
        return dict(beat.data)


def begun(state: Any, plan: Plan, *, version: int = 1) -> list[Draft]:
    return start(
        state, version=version, digest=f"{version}" * 64, plan=plan, target="production", by="test"
    )


@pytest.fixture
def world() -> World:
    return World()


def test_drift_fires_an_alert_asks_a_trigger_and_shows_as_gauge(world: World) -> None:
    monitor = world.monitor()
    for _ in range(3):
        world.minute()
        assert monitor.tick()
    assert world.firing() == {}
    for _ in range(3):
        world.minute(shift=1.0)
        monitor.tick()
    assert world.firing() == {"input_drift": "critical"}
    (asked,) = TriggerBook(world.store).requests("churn")
    assert asked.rule == "psi"
    text = world.beat()["metrics"]
    assert 'seatrial_drift_alarm{endpoint="churn",version="1",feature="x0"} 1' in text
    assert 'seatrial_drift_alarm{endpoint="churn",version="1",feature="x1"} 0' in text
    assert 'seatrial_alerts_firing{endpoint="churn",severity="critical"} 1' in text


def test_a_slow_service_fires_and_its_end_resolves(world: World) -> None:
    monitor = world.monitor()
    for _ in range(6):
        world.minute(latency_s=0.5)
        monitor.tick()
    assert world.firing()["latency"] == "critical"
    assert any(one["signal"] == "p95" for one in world.beat()["service"]["churn"])
    for _ in range(40):
        world.minute()
        monitor.tick()
    assert "latency" not in world.firing()


def test_features_that_are_looked_up_stale_fire_an_alert(world: World) -> None:
    """Counted by workers in their beats; features of an endpoint nobody serves are left alone."""
    monitor = world.monitor()
    for i in range(3):
        values = [
            [endpoint, "user_stats:average", state, n * i]
            for endpoint in ("churn", "gone")
            for state, n in (("present", 300), ("stale", 300))
        ]
        told = {"values": values, "newest_s": [], "limits_s": []}
        world.store.beat("worker/a/0", {"beside": {"features": told, "other": None}})
        monitor.tick()
        world.clock.advance(600)
    assert world.firing() == {"feature_freshness": "critical"}


def test_versions_that_serve_together_are_told_side_by_side(world: World) -> None:
    monitor = world.monitor()
    world.minute()
    monitor.tick()
    assert world.beat()["variants"] == {"churn": None}
    world.canary()
    for _ in range(3):
        world.minute(version=1)
        world.minute(version=2, latency_s=0.05, apart_s=0)
    monitor.tick()
    side = world.beat()["variants"]["churn"]
    assert side["compared_with"] == 1
    assert [v["version"] for v in side["variants"]] == [1, 2]
    assert "p95_ms" in side["variants"][1]["differs"]


def test_only_the_holder_of_the_lease_watches(world: World) -> None:
    one, other = world.monitor("one"), world.monitor("other")
    assert one.tick()
    assert not other.tick()
    world.minute(shift=1.0)
    assert not other.tick()
    assert world.firing() == {}
    one.close()
    assert other.tick()
    assert world.firing() == {"input_drift": "critical"}


def test_a_monitor_that_starts_anew_tells_nobody_twice(world: World) -> None:
    first = world.monitor("first")
    for _ in range(4):
        world.minute(shift=1.0)
        first.tick()
    before = world.store.head()
    first.close()
    second = world.monitor("second")
    second.tick()
    second.tick()
    kinds = [fact.kind for fact in world.store.read(after=before)]
    assert not [kind for kind in kinds if kind.startswith(("alert.", "retraining", "evaluation"))]


def test_a_store_that_fails_for_a_while_loses_no_window(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = world.monitor()
    monitor.tick()
    world.minute()
    real: Callable[..., Any] = world.store.add_slices

    def broken(slices: object) -> None:
        raise StoreUnavailable("The store is locked.", remedy="Wait.")

    monkeypatch.setattr(world.store, "add_slices", broken)
    monitor.tick()
    monkeypatch.setattr(world.store, "add_slices", real)
    monitor.tick()
    kept = world.store.read_slices("churn", kind="report")
    assert len(kept) == 1


def test_counts_of_rows_are_dropped_when_they_are_judged_and_old(world: World) -> None:
    monitor = world.monitor()
    world.minute()
    monitor.tick()
    world.clock.advance(timedelta(days=2).total_seconds())
    monitor.tick()
    assert world.store.read_slices("churn", kind=DATA) == []
    assert world.store.read_slices("churn")
    assert len(world.store.read_slices("churn", kind="report")) == 1


def told(world: World) -> tuple[object, ...]:
    """All that a monitor has brought about: facts of alerts and triggers, and what it judged."""
    kept = world.store.read_slices("churn", kind=REPORT)
    reports = [(piece.start, piece.width_s, piece.summary) for _, piece in kept]
    return facts_of(world.store, "alerts/churn", "triggers/churn"), reports


def drifting(world: World, *, fresh: bool) -> None:
    """Three quiet windows; then three that drift and are slow, all judged by one tick.

    Args: fresh: whether a tick that fails is a monitor's last.
    """
    monitor = world.monitor()
    for shift in (0.0, 1.0):
        for _ in range(3):
            world.minute(shift=shift, latency_s=0.5 if shift else 0.01)
        for _ in range(3):  # the first may fail
            if fresh:
                monitor = world.monitor()
            with world.fault.arming():
                monitor.tick()


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("fresh", [False, True])
def test_a_write_that_fails_loses_nothing_and_tells_nothing_twice(fresh: bool, kept: bool) -> None:
    whole = World()
    drifting(whole, fresh=fresh)
    kinds = [kind for kind, _ in facts_of(whole.store, "alerts/churn", "triggers/churn")]
    assert kinds.count("alert.fired") == 2
    assert kinds.count("evaluation.requested") == 1
    n = 0
    while True:
        n += 1
        world = World(Fault(at=n, kept=kept))
        drifting(world, fresh=fresh)
        if world.fault.n < n:
            break
        assert told(world) == told(whole), f"write {n}"
    assert n > 20


def test_what_cannot_be_watched_is_an_alert_that_ends_when_it_can(world: World) -> None:
    gone = True

    def opened(endpoint: str, version: int) -> Watch | None:
        if gone:
            raise Invalid("There is no bundle.", remedy="Restore it.")
        return Watch(PROFILE, CONFIG.rules())

    world.open_watch = opened  # type: ignore[method-assign]
    monitor = world.monitor()
    world.minute()
    monitor.tick()
    (trouble,) = world.beat()["troubles"]["churn"]
    assert trouble == {
        "about": "version 1: reference profile",
        "problem": "There is no bundle. Restore it.",
    }
    assert world.firing() == {}  # it may be over in a moment
    world.minute()
    monitor.tick()
    assert world.firing() == {"watch": "warning"}
    gone = False
    for _ in range(20):
        world.minute()
        monitor.tick()
    assert world.firing() == {}
    assert world.beat()["troubles"]["churn"] == []


def test_alerts_that_cannot_be_read_stop_neither_reports_nor_triggers(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    unknown = Draft(kind="alert.invented", data={"key": "k"})
    world.store.append("alerts/churn", [unknown], expected=0)
    monitor = world.monitor()
    for _ in range(3):
        world.minute(shift=1.0)
        assert monitor.tick()
    assert len(world.store.read_slices("churn", kind=REPORT)) == 3
    assert len(TriggerBook(world.store).requests("churn")) == 1
    assert caplog.text.count("alert.invented") == 1
    assert world.beat()["troubles"]["churn"][0]["about"] == "alerts"


def test_triggers_that_cannot_be_read_stop_no_alert(world: World) -> None:
    unknown = Draft(kind="trigger.invented", data={"rule": "psi"})
    world.store.append("triggers/churn", [unknown], expected=0)
    monitor = world.monitor()
    for _ in range(3):
        world.minute(shift=1.0)
        monitor.tick()
    assert world.firing()["input_drift"] == "critical"
    assert world.beat()["troubles"]["churn"][0]["about"] == "triggers"


def test_measurements_that_cannot_be_read_stop_no_drift(world: World) -> None:
    monitor = world.monitor()
    world.store.add_slices(
        [
            Slice(
                endpoint="churn",
                version=1,
                revision=1,
                worker="w",
                start=world.clock.now(),
                width_s=1.0,
                summary=b"torn",
                kind=kind,
            )
            for kind in (ANSWERS, DATA, REPORT)
        ]
    )
    for _ in range(3):
        world.minute(shift=1.0)
        assert monitor.tick()
    assert world.firing()["input_drift"] == "critical"


def test_a_fault_of_ours_ends_no_watch(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monitor = world.monitor()
    with monkeypatch.context() as patched:
        patched.setattr(Endpoints, "refresh", lambda _: 1 // 0)
        for _ in range(5):
            assert monitor.tick()
    assert caplog.text.count("the store: nothing is watched: a fault") == 1
    world.minute(shift=1.0)
    monitor.tick()
    assert world.firing() == {"input_drift": "critical"}


def test_counts_of_a_window_that_is_not_complete_are_kept_however_old(world: World) -> None:
    """A window of few rows may last longer than counts are kept."""
    monitor = world.monitor()
    world.minute(n=10)
    monitor.tick()
    world.clock.advance(timedelta(days=1).total_seconds() - 60)
    monitor.tick()
    again = world.monitor()  # reads the counts, or has lost them
    world.minute(n=400)
    again.tick()
    assert WatchDesk(world.store).view("churn")["versions"]["1"]["report"]["n"] == 410


def test_a_monitor_that_slept_in_its_turn_leaves_it_to_the_one_that_watches_by_now() -> None:
    clock = FakeClock()
    world = World(store=MemoryStore(clock), clock=clock)
    one, other = world.monitor("one"), world.monitor("other")
    assert one.tick()
    for _ in range(3):
        world.minute(shift=1.0)
    slept = False

    def sleeps(endpoint: str, version: int) -> Watch | None:
        nonlocal slept
        if not slept:
            slept = True
            world.clock.advance(60)
            assert other.tick()
        return Watch(PROFILE, CONFIG.rules())

    world.open_watch = sleeps  # type: ignore[method-assign]
    assert not one.tick()
    assert len(world.store.read_slices("churn", kind=REPORT)) == 3
    kinds = [kind for kind, _ in facts_of(world.store, "alerts/churn", "triggers/churn")]
    assert kinds.count("alert.fired") == kinds.count("evaluation.requested") == 1
    assert not one.tick()
    assert other.tick()


def test_a_clock_set_back_by_a_year_stops_nothing(world: World) -> None:
    monitor = world.monitor()
    for _ in range(2):
        world.minute()
        monitor.tick()
    world.clock.set_wall(world.clock.now() - timedelta(days=365))
    for _ in range(3):
        world.minute(shift=1.0)
        monitor.tick()
    assert world.firing()["input_drift"] == "critical"
    assert len(TriggerBook(world.store).requests("churn")) == 1
    for _ in range(20):
        world.minute()
        monitor.tick()
    assert "input_drift" not in world.firing() or world.beat()["filling"]["churn"] == {}


def test_an_alert_whose_traffic_stopped_says_how_old_its_evidence_is(world: World) -> None:
    monitor = world.monitor()
    for _ in range(3):
        world.minute(shift=1.0)
        monitor.tick()
    for _ in range(5 * 60):
        world.clock.advance(60)
        monitor.tick()
    assert world.firing() == {"input_drift": "critical"}
    desk = WatchDesk(world.store, clock=world.clock)
    (alert,) = desk.alerts("churn", ended=False)
    assert alert["stale"]["en"].startswith("about 5 h old, of 2030-01-01 00:01 UTC: ")
    assert alert["stale"]["zh"].startswith("约 5 小时前")
    world.minute(shift=1.0)
    monitor.tick()
    (alert,) = desk.alerts("churn", ended=False)
    assert alert["stale"] is None


def test_a_schedule_asks_for_the_first_version_of_an_endpoint_too(world: World) -> None:
    """Found by a retraining that was to train the first model every night, and never began."""
    hourly = {"name": "hourly", "kind": "schedule", "cron": "0 * * * *"}
    triggers = [hourly | {"endpoints": ["new"]}, hourly | {"name": "others", "endpoints": ["ol?"]}]
    monitor = world.monitor(config=MonitoringConfig.model_validate({"triggers": triggers}))
    monitor.tick()
    world.clock.advance(3700)
    monitor.tick()
    asked = TriggerBook(world.store).requests("new")
    assert [(one.rule, one.version) for one in asked] == [("hourly", None)]
    assert TriggerBook(world.store).endpoints() == ["new"]

"""What the monitor asks of every endpoint, and what it says in its beats."""

from __future__ import annotations

import json
import logging

import pytest
from served_models import WINDOW_ROWS, Opened, drawn

from seatrial.kernel.plain import RecordTooLarge
from seatrial.kernel.store import StoreUnavailable
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.monitoring.performance.inbox import Entry
from seatrial.monitoring.performance.monitor import PerformanceMonitor
from seatrial.monitoring.performance.untold import Told
from seatrial.monitoring.performance.view import performance_records, watched_with
from seatrial.monitoring.service.exposition import Watched, exposition
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore


class World:
    def __init__(self) -> None:
        self.store, self.clock, self.opened = MemoryStore(), FakeClock(), Opened()
        self.told: list[Told] = []
        self.monitor = PerformanceMonitor(
            self.store,
            clock=self.clock,
            opened=self.opened,
            wait_s=3_600,
            troubles=Troubles(logging.getLogger("seatrial"), self.clock),
        )

    def turn(self) -> None:
        self.clock.advance(2)
        self.monitor.turn({"churn": [1]}, lambda _, told: self.told.append(told))

    def label(self, seed: int) -> None:
        ids, texts = drawn(seed, WINDOW_ROWS).pairs()
        at_us = round(self.clock.now().timestamp() * 1e6)
        pairs = zip(ids, texts, strict=True)
        self.opened.box.put([Entry(id=a, value=b) for a, b in pairs], at_us=at_us)


@pytest.fixture
def world() -> World:
    return World()


def test_what_is_known_can_be_read_by_other_processes(world: World) -> None:
    world.opened.log += [drawn(1, WINDOW_ROWS), drawn(2, 50, first=WINDOW_ROWS)]
    world.turn()
    record = performance_records(world.store, "churn")["1"]
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert (record["n_seen"], record["n_labelled"], record["measured"]) == (650, 0, None)
    assert [(p["window"], p["real"]) for p in record["series"]] == [(0, None), (1, None)]
    assert record["reference"]["origin"] == "holdout"
    world.label(1)
    world.turn()
    record = performance_records(world.store, "churn")["1"]
    first = record["series"][0]
    assert first["real_lower"] < first["real"] < first["real_upper"]
    assert record["estimated"]["trust"]["trust"] == "confirmed"


def test_the_estimate_of_a_past_window_stays_what_was_said(world: World) -> None:
    world.opened.log += [drawn(1, WINDOW_ROWS)]
    world.turn()
    before = performance_records(world.store, "churn")["1"]["series"][0]
    world.label(1)
    world.turn()
    after = performance_records(world.store, "churn")["1"]["series"][0]
    assert (after["estimated"], after["trust"]) == (before["estimated"], before["trust"])


def test_gauges_say_what_is_known_and_nothing_else(world: World) -> None:
    world.opened.log += [drawn(1, WINDOW_ROWS)]
    world.turn()
    (record,) = world.monitor.records("churn").values()
    text = exposition([watched_with(None, record)])
    assert 'seatrial_estimated_accuracy{endpoint="churn",version="1"}' in text
    assert 'seatrial_reference_accuracy{endpoint="churn",version="1"}' in text
    assert "seatrial_estimate_trusted{" not in text  # unverified is neither yes nor no
    assert "seatrial_real_accuracy{" not in text
    world.label(1)
    world.turn()
    (record,) = world.monitor.records("churn").values()
    known = Watched(endpoint="churn", version=1, looked_at_s=5.0)
    text = exposition([watched_with(known, record)])
    assert 'seatrial_estimate_trusted{endpoint="churn",version="1"} 1' in text
    assert 'seatrial_real_accuracy{endpoint="churn",version="1"}' in text
    for metric in ("accuracy", "precision", "recall", "f1", "auc"):
        one = f'{{endpoint="churn",version="1",metric="{metric}"}}'
        assert f"seatrial_estimated_performance{one}" in text
        assert f"seatrial_real_performance_upper{one}" in text
        assert f"seatrial_reference_performance{one}" in text
    assert "seatrial_watch_timestamp_seconds" in text


def test_a_mean_error_is_no_accuracy(world: World) -> None:
    world.opened.log += [drawn(1, WINDOW_ROWS)]
    world.turn()
    (record,) = world.monitor.records("churn").values()
    text = exposition([watched_with(None, record | {"metric": "mae"})])
    assert "accuracy{" not in text
    assert 'seatrial_estimated_performance{endpoint="churn",version="1",metric="mae"}' in text


def test_labels_are_counted_for_triggers(world: World) -> None:
    assert world.monitor.n_labelled("churn") is None
    world.opened.log += [drawn(1, WINDOW_ROWS)]
    world.label(1)
    world.turn()
    assert world.monitor.n_labelled("churn") == WINDOW_ROWS


@pytest.mark.parametrize(
    "problem",
    [
        StoreUnavailable("the drive is gone", remedy="put it back"),
        OSError("the drive is gone"),
    ],
)
def test_trouble_with_what_is_kept_is_tried_again(
    problem: Exception, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.opened.log += [drawn(1, WINDOW_ROWS)]
    versions = world.opened.versions

    def fail(endpoint: str) -> list[int]:
        raise problem

    world.opened.versions = fail  # type: ignore[method-assign]
    world.turn()
    assert "the drive is gone" in caplog.text
    world.opened.versions = versions  # type: ignore[method-assign]
    world.turn()
    assert world.monitor.records("churn")[1]["n_seen"] == WINDOW_ROWS


def test_another_process_goes_on_after_a_close(world: World) -> None:
    world.opened.log += [drawn(1, 400)]
    world.turn()
    world.monitor.close()
    assert world.monitor.records("churn") == {}
    world.opened.log += [drawn(2, 400, first=400)]
    world.turn()
    assert world.monitor.records("churn")[1]["n_seen"] == 800


def test_what_has_not_changed_is_said_again_before_it_is_forgotten(world: World) -> None:
    world.opened.log += [drawn(1, 400)]
    world.turn()
    world.store.forget("performance/churn/1")
    world.turn()
    assert performance_records(world.store, "churn") == {}
    world.clock.advance(700)
    world.turn()
    assert performance_records(world.store, "churn")["1"]["n_seen"] == 400


def test_a_record_that_cannot_be_said_is_trouble_of_its_version_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def large(*_: object) -> None:
        raise RecordTooLarge("It is too large.", remedy="Say less.")

    world.opened.log += [drawn(1, WINDOW_ROWS)]
    with monkeypatch.context() as patched:
        patched.setattr(world.store, "beat", large)
        for _ in range(3):
            world.turn()
    assert caplog.text.count("version 1: what is shown of its performance: It is too large") == 1
    assert len(world.told) > 0
    world.turn()
    assert performance_records(world.store, "churn")["1"]["n_seen"] == WINDOW_ROWS

"""What people and programs are shown of an endpoint."""

from __future__ import annotations

import json
from typing import Any

from seatrial.release.config import ReleaseConfig
from seatrial.release.desk import Desk
from seatrial.release.endpoint import EndpointState
from seatrial.release.view import view
from seatrial.testing import FakeClock, MemoryStore

PLAN = ReleaseConfig().plan()


def world() -> tuple[Desk, MemoryStore]:
    store = MemoryStore(clock=FakeClock())
    desk = Desk(store)
    desk.start("churn", version=1, digest="d", target="production", plan=PLAN, by="t", notes={})
    return desk, store


def work(store: MemoryStore, index: int, applied: int) -> None:
    store.beat(
        f"worker/s/{index}",
        {"address": "http://127.0.0.1:8080", "applied": {"churn": applied}, "loaded": {}},
    )


def test_an_endpoint_without_a_release_has_none() -> None:
    found = view(EndpointState(name="x"), MemoryStore(clock=FakeClock()))
    assert found["release"] is None
    assert found["stable"] is None
    assert (found["n_workers"], found["addresses"]) == (0, [])


def test_a_view_is_plain_json() -> None:
    desk, _ = world()
    assert json.loads(json.dumps(desk.view("churn")))["name"] == "churn"


def test_workers_that_lag_behind_are_counted() -> None:
    desk, store = world()
    target = desk.state("churn").target_revision
    work(store, 0, target)
    work(store, 1, target + 1)
    found = desk.view("churn")
    assert (found["n_workers"], found["n_workers_up_to_date"]) == (2, 1)
    assert found["addresses"] == ["http://127.0.0.1:8080"]


def test_what_is_waited_for_is_said() -> None:
    desk, store = world()
    store.beat("controller", {"judgements": {}})
    release: Any = desk.view("churn")["release"]
    assert release["waiting_for"] == "the staging tests"


def test_a_release_that_nobody_brings_forward_waits_for_a_server() -> None:
    desk, _ = world()
    release: Any = desk.view("churn")["release"]
    assert "none is running on this store" in release["waiting_for"]


def test_the_judgement_of_the_moment_is_shown_before_it_is_recorded() -> None:
    desk, store = world()
    judgement = {"outcome": "inconclusive", "verdicts": []}
    store.beat("controller", {"judgements": {"churn": {"judgement": judgement, "watched_s": 7.5}}})
    release: Any = desk.view("churn")["release"]
    assert release["evidence"] == judgement
    assert release["watched_s"] == 7.5


def test_a_damaged_beat_of_the_controller_is_not_shown() -> None:
    desk, store = world()
    store.beat("controller", {"judgements": "none"})
    release: Any = desk.view("churn")["release"]
    assert release["evidence"] is None


def test_the_way_of_a_release_says_what_was_skipped() -> None:
    desk, _ = world()
    release: Any = desk.view("churn")["release"]
    assert release["way"][0] == {"phase": "staging", "left": "now"}
    assert {"phase": "canary", "left": "ahead"} in release["way"]


def engines(store: MemoryStore, index: int, **said: str) -> None:
    record = {"2": {"since": "2026-01-01T00:00:00+00:00", **said}} if said else "?"
    failed = {"churn": {"3": f"as {index} says"}} if index == 1 else None
    store.beat(f"worker/s/{index}", {"engines": {"churn": record}, "failed": failed})


def test_an_engine_elsewhere_stands_as_the_worker_says_that_sees_the_worst() -> None:
    desk, store = world()
    assert desk.view("churn")["engines"] == {}
    engines(store, 0, says="ready")
    engines(store, 1, says="silent", since="2026-01-01T00:00:07+00:00")
    engines(store, 2, says="silent", since="2026-01-01T00:00:05+00:00")
    engines(store, 3, says="absent")
    engines(store, 4, says="of a later version")
    engines(store, 5)
    found = desk.view("churn")
    assert found["engines"] == {"2": {"says": "silent", "since": "2026-01-01T00:00:05+00:00"}}
    assert found["failed"] == {"3": "as 1 says"}

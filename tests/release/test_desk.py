"""Looking at endpoints and deciding, over one store."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from seatrial.kernel.events import Draft
from seatrial.kernel.store import Slice
from seatrial.release.config import ReleaseConfig
from seatrial.release.desk import Desk
from seatrial.release.endpoint import NothingToRollBack, RolloutConflict, UnknownFact
from seatrial.release.measurement import Summary
from seatrial.release.projection import UnknownEndpoint
from seatrial.testing import FakeClock, MemoryStore

PLAN = ReleaseConfig().plan()
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def desk_of(store: MemoryStore | None = None) -> tuple[Desk, MemoryStore]:
    store = store or MemoryStore(clock=FakeClock())
    return Desk(store), store


def start(desk: Desk, version: int = 1, name: str = "churn") -> None:
    desk.start(
        name,
        version=version,
        digest=f"d{version}",
        target="production",
        plan=PLAN,
        by="test",
        notes={},
    )


def slices(store: MemoryStore, version: int, at: datetime, n: int = 10) -> None:
    store.add_slices(
        [
            Slice(
                endpoint="churn",
                version=version,
                revision=1,
                worker="w",
                start=at,
                width_s=1,
                summary=Summary.of([0.01] * n, errors={"timeout": 1}).encode(),
            )
        ]
    )


def test_unknown_endpoints_are_refused_by_every_call() -> None:
    desk, store = desk_of()
    calls: list[Any] = [
        lambda: desk.state("no"),
        lambda: desk.view("no"),
        lambda: desk.history("no"),
        lambda: desk.latest("no"),
        lambda: desk.metrics("no", now=NOW),
        lambda: desk.promote("no", by="ann"),
        lambda: desk.abort("no", by="ann"),
        lambda: desk.roll_back("no", to=None, by="ann"),
    ]
    for call in calls:
        with pytest.raises(UnknownEndpoint, match="'no'"):
            call()
    assert store.head() == 0


def test_another_desk_sees_what_one_did() -> None:
    one, store = desk_of()
    other, _ = desk_of(store)
    assert other.names() == []
    start(one)
    assert other.names() == ["churn"]
    assert other.view("churn")["release"]["phase"] == "staging"  # type: ignore[index]
    assert [view["name"] for view in other.views()] == ["churn"]


def test_a_second_release_has_to_wait() -> None:
    desk, _ = desk_of()
    desk.check_free("churn")
    start(desk)
    with pytest.raises(RolloutConflict):
        desk.check_free("churn")
    with pytest.raises(RolloutConflict):
        start(desk, 2)
    assert len(desk.history("churn")) == 1


def test_a_decision_is_recorded_with_who_and_why() -> None:
    desk, _ = desk_of()
    start(desk)
    desk.abort("churn", by="ann", reason="cold feet")
    last = desk.history("churn")[-1]
    assert (last["kind"], last["by"]) == ("release.aborted", "ann")
    assert last["data"]["reason"] == "cold feet"  # type: ignore[index]


def test_nothing_to_go_back_to_changes_nothing() -> None:
    desk, store = desk_of()
    start(desk)
    desk.abort("churn", by="ann")
    before = store.head()
    with pytest.raises(NothingToRollBack):
        desk.roll_back("churn", to=None, by="ann")
    with pytest.raises(NothingToRollBack):
        desk.roll_back("churn", to=7, by="ann")
    assert store.head() == before


def test_history_can_be_read_on() -> None:
    desk, _ = desk_of()
    start(desk)
    desk.abort("churn", by="ann")
    first, second = desk.history("churn")
    assert desk.history("churn", after=first["seq"]) == [second]  # type: ignore[arg-type]


def test_the_latest_facts_grow_with_the_history_and_are_bounded() -> None:
    desk, _ = desk_of()
    start(desk)
    assert desk.latest("churn") == desk.history("churn")
    for _ in range(300):
        desk.abort("churn", by="ann")
        start(desk)
        desk.latest("churn")
    assert desk.latest("churn") == desk.history("churn")[-500:]


def test_one_of_many_abortions_at_once_is_recorded() -> None:
    _, store = desk_of()
    start(Desk(store))
    problems: list[Exception] = []

    def abort() -> None:
        try:
            Desk(store).abort("churn", by="ann")
        except RolloutConflict as conflict:
            problems.append(conflict)

    threads = [threading.Thread(target=abort) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(problems) == 7
    kinds = [fact["kind"] for fact in Desk(store).history("churn")]
    assert kinds.count("release.aborted") == 1


def test_metrics_are_by_version_and_leave_out_what_is_old_or_still_filling() -> None:
    desk, store = desk_of()
    start(desk)
    slices(store, 1, NOW - timedelta(minutes=20))
    slices(store, 1, NOW - timedelta(minutes=2))
    slices(store, 2, NOW - timedelta(seconds=30))
    slices(store, 2, NOW)
    found: Any = desk.metrics("churn", now=NOW)
    assert {v: t["n"] for v, t in found["totals"].items()} == {"1": 10, "2": 20}
    assert found["totals"]["1"]["n_errors"] == 1
    assert found["totals"]["1"]["error_rate"] == 0.1
    assert [len(found["series"][v]) for v in ("1", "2")] == [1, 1]
    assert found["series"]["2"][0]["requests_per_s"] == 2.0
    assert found["requests_per_s"] == pytest.approx(20 / 60)


def test_an_endpoint_with_a_fact_that_cannot_be_read_says_so_and_is_left_alone() -> None:
    desk, store = desk_of()
    start(desk)
    start(desk, name="sales")
    store.append("endpoint/churn", [Draft(kind="release.teleported")], expected=1)
    view: Any = desk.view("churn")
    assert view["blocked"]["lasts"]
    assert "'release.teleported'" in view["blocked"]["problem"]
    assert "Upgrade seatrial" in view["blocked"]["remedy"]
    assert view["release"]["waiting_for"] == ""
    for decide in (desk.promote, desk.abort):
        with pytest.raises(UnknownFact):
            decide("churn", by="ann")
    with pytest.raises(UnknownFact):
        desk.roll_back("churn", to=None, by="ann")
    with pytest.raises(UnknownFact):
        desk.check_free("churn")
    assert [record["readable"] for record in desk.history("churn")] == [True, False]
    assert desk.view("sales")["blocked"] is None
    assert desk.abort("sales", by="ann")["blocked"] is None


def test_the_newest_facts_say_which_of_them_could_be_read() -> None:
    desk, store = desk_of()
    start(desk)
    assert [fact["readable"] for fact in desk.latest("churn")] == [True]
    store.append("endpoint/churn", [Draft(kind="release.teleported")], expected=1)
    store.append("endpoint/churn", [Draft(kind="canary.warming")], expected=2)
    assert [fact["readable"] for fact in desk.latest("churn")] == [True, False, False]

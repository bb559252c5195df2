"""What a worker is told to serve."""

from __future__ import annotations

import pytest

from seatrial.kernel.events import Draft
from seatrial.release.config import ReleaseConfig
from seatrial.release.desk import Desk
from seatrial.release.projection import Endpoints
from seatrial.testing import FakeClock, MemoryStore
from seatrial.wiring.targets import TargetsOf


def in_production(store: MemoryStore, name: str) -> None:
    Desk(store).start(
        name,
        version=1,
        digest=f"{name}-1",
        target="production",
        plan=ReleaseConfig().plan(),
        by="test",
        notes={},
    )
    endpoints = Endpoints(store)
    endpoints.refresh()
    endpoints.append(
        name,
        [
            Draft(kind="staging.passed", data={"report": {}, "reason": "fine"}),
            Draft(kind="release.promoted", data={"version": 1, "reason": "the first"}),
        ],
    )


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore(clock=FakeClock())
    in_production(store, "churn")
    return store


def test_what_serves_nothing_is_no_target(store: MemoryStore) -> None:
    Desk(store).start(
        "new",
        version=1,
        digest="n",
        target="staging",
        plan=ReleaseConfig().plan(),
        by="test",
        notes={},
    )
    assert set(TargetsOf(store)()) == {"churn"}


@pytest.mark.parametrize("restarted", [False, True])
def test_an_endpoint_whose_facts_cannot_all_be_read_keeps_its_last_good_target(
    store: MemoryStore, caplog: pytest.LogCaptureFixture, restarted: bool
) -> None:
    targets = TargetsOf(store)
    before = targets()
    damaged = Draft(kind="endpoint.rolled_back", data={"version": "the one before"})
    store.append("endpoint/churn", [damaged], expected=3)
    in_production(store, "sales")
    if restarted:
        targets = TargetsOf(store)
    for _ in range(2):
        after = targets()
    assert after["churn"] == before["churn"]
    assert after["sales"].digests == {1: "sales-1"}
    told = [r.getMessage() for r in caplog.records]
    assert len(told) == 1
    assert told[0].startswith("churn goes on as it is: Revision 4")

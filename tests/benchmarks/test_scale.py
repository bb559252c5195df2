"""Many replicas, few of them here: late and repeated reports change neither verdict nor sums."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from benchmarks.scale import CANARY, CASES, STABLE, SUBJECT, Fleet, report, simulate, total
from benchmarks.serving.page import marks
from seatrial.release.verdict import Outcome
from seatrial.testing.memory_broker import MemoryBroker

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "scale.md"


@pytest.mark.parametrize(("errors", "outcome"), [(0.0, Outcome.PASS), (0.2, Outcome.FAIL)])
def test_late_and_repeated_reports_change_neither_the_verdict_nor_the_sums(
    errors: float, outcome: Outcome
) -> None:
    found = {
        what: simulate(Fleet(n=60, seconds=20, errors=errors, **how), MemoryBroker(), "scale")
        for what, how in CASES.items()
    }
    assert {one.outcome for one in found.values()} == {outcome}
    assert {one.n_answers for one in found.values()} == {60 * 20 * 20}
    on_time = found["on time"]
    assert all(one.sums == on_time.sums for one in found.values())
    assert on_time.n_repeated == 0
    assert found["a tenth twice"].n_repeated == found["a tenth twice"].n_messages // 11
    assert total(on_time, CANARY).n * 19 == total(on_time, STABLE).n


def test_what_is_late_delays_the_verdict_and_no_more() -> None:
    on_time, late = (
        simulate(Fleet(n=60, seconds=20, errors=0.0, late_s=late_s), MemoryBroker(), "scale")
        for late_s in (0, 5)
    )
    assert on_time.decided_s is not None
    assert late.decided_s is not None
    assert on_time.decided_s <= late.decided_s <= on_time.decided_s + 5


def test_the_page_has_a_place_for_the_report() -> None:
    text = PAGE.read_text("utf-8")
    begin, end = marks("report", SUBJECT)
    assert text.index(begin) < text.index(end)
    for line in report(MemoryBroker(), n=2, seconds=2).splitlines():
        if line.startswith(("| cost", "| version")):
            assert line in text


@pytest.mark.integration
def test_over_redis_it_is_the_same(redis_server) -> None:
    from seatrial.adapters.events.redis import RedisBroker

    fleet = Fleet(n=60, seconds=20, errors=0.0, late_s=5, twice=True)
    over_redis = simulate(fleet, RedisBroker(redis_server.url), f"scale-{uuid4().hex}")
    here = simulate(fleet, MemoryBroker(), "scale")
    assert over_redis.sums == here.sums
    assert (over_redis.outcome, over_redis.decided_s) == (here.outcome, here.decided_s)
    assert over_redis.n_repeated == here.n_repeated > 0

"""How features stand, out of beats and of what is registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from seatrial.features.config import LookupConfig
from seatrial.features.desk import FeatureDesk, level_of_age
from seatrial.features.failures import NotApplied
from seatrial.features.online import Read, State
from seatrial.features.plan import plan_of
from seatrial.features.tally import Tally
from seatrial.features.view import Origin, Repository
from seatrial.testing import MemoryStore

NOW_S = 1_700_000_000
HOUR_S = 3600
CONFIG = LookupConfig(service="activity", max_age="12h", defaults={"avg_order_value": 1.5})


def counted(repository: Repository, *reads: Read, refused: str | None = None) -> dict[str, Any]:
    """A beat of a worker that looked `avg_order_value` up so often."""
    tally, plan = Tally(), plan_of(CONFIG, repository)
    tally.expect("churn", plan)
    for read in reads:
        tally.count("churn", plan.columns[1], read, NOW_S * 10**6)
    if refused:
        tally.refuse("churn", refused)
    tally.fail("churn", NotApplied("No.", remedy="Apply."))
    return {"beside": {"features": tally.snapshot(), "other": None}}


def present(value: float, age_h: float = 1) -> Read:
    return Read(State.PRESENT, value, round(age_h * HOUR_S * 10**6))


def desk(
    repository: Repository | None, store: MemoryStore, skew: Mapping[str, Any] | None = None
) -> FeatureDesk:
    def registered() -> Repository:
        if repository is None:
            raise NotApplied("Nothing is known.", remedy="Apply.")
        return repository

    return FeatureDesk(
        registered,
        {"churn": CONFIG},
        store,
        compared=lambda endpoint: skew if endpoint == "churn" else None,
        now_s=lambda: NOW_S,
    )


def test_the_counts_of_all_workers_are_added_up(repository: Repository) -> None:
    store = MemoryStore()
    store.beat("worker/a/0", counted(repository, present(2.5), present(9.0, 7), Read(State.NULL)))
    store.beat("worker/a/1", counted(repository, present(-1.0, 8), Read(State.MISSING)))
    store.beat("worker/a/2", {"beside": {"features": {"values": "broken"}}})
    store.beat("worker/a/3", {"address": "nothing beside"})
    skew = {"at": "2026-01-01T00:00:00+00:00", "features": {}}
    (endpoint,) = desk(repository, store, skew).view()["endpoints"]
    assert endpoint["failures"] == {"features.not_applied": 2}
    assert endpoint["skew"] == skew
    assert endpoint["refused"] is None
    untouched, feature = endpoint["features"]
    assert (untouched["n"], untouched["age_s"], untouched["level"]) == (0, None, "unknown")
    assert feature == {
        "feature": "user_stats:avg_order_value",
        "input": "avg_order_value",
        "type": "double",
        "default": {"value": 1.5},
        "n": 5,
        "states": {"present": 3, "null": 1, "missing": 1},
        "newest_at": "2023-11-14T21:13:20+00:00",
        "age_s": HOUR_S,
        "limit_s": 12 * HOUR_S,
        "low": -1.0,
        "high": 9.0,
        "level": "clear",
    }


def test_views_tell_their_source_and_how_far_they_were_materialized(repository: Repository) -> None:
    origin = Origin(
        kind="FileSource", name="s", place="s.parquet", materialized_us=(NOW_S - 86_000) * 10**6
    )
    told = replace(repository, origins={"user_stats": origin})
    users, shops = desk(told, MemoryStore()).view()["views"]
    assert users["source"] == {"kind": "FileSource", "name": "s", "place": "s.parquet"}
    assert (users["materialized_age_s"], users["level"]) == (86_000, "warning")
    assert (shops["source"], shops["materialized_at"], shops["level"]) == (None, None, "unknown")


def test_what_is_not_served_is_told(repository: Repository) -> None:
    store = MemoryStore()
    store.beat("worker/a/0", counted(repository, refused="x would not be filled any more."))
    (endpoint,) = desk(repository, store).view()["endpoints"]
    assert endpoint["refused"] == "x would not be filled any more."
    (endpoint,) = desk(replace(repository, services=()), MemoryStore()).view()["endpoints"]
    assert "no feature service 'activity'" in endpoint["refused"]
    assert endpoint["features"] == []


def test_a_repository_that_cannot_be_read_is_told(repository: Repository) -> None:
    view = desk(None, MemoryStore()).view()
    assert view["problem"]["code"] == "features.not_applied"
    assert (view["views"], view["endpoints"][0]["features"]) == ([], [])


@pytest.mark.parametrize(
    ("age_s", "limit_s", "level"),
    [
        (None, 10, "unknown"),
        (5, 10, "clear"),
        (6, 10, "warning"),
        (11, 10, "critical"),
        (99, None, "clear"),
    ],
)
def test_an_age_is_bad_by_what_counts(
    age_s: float | None, limit_s: float | None, level: str
) -> None:
    assert level_of_age(age_s, limit_s) == level

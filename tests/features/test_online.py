from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.features.offline import EntityRow
from seatrial.features.online import State, Stored, judged
from seatrial.features.view import Field, Selected, ValueType, View
from seatrial.testing.memory_features import MemoryOfflineStore

TTL_US = 1000
VIEW = View(
    name="v",
    online_name="v",
    join_keys=(Field("id", ValueType.INT64),),
    features=(Field("f", ValueType.INT64),),
    ttl_us=TTL_US,
)


@pytest.mark.parametrize(
    ("age_us", "state"),
    [
        (0, State.PRESENT),
        (TTL_US, State.PRESENT),
        (TTL_US + 1, State.STALE),
        (-1, State.MISSING),
    ],
)
def test_a_value_counts_from_its_time_to_its_ttl_both_included(age_us: int, state: State) -> None:
    read = judged(Stored(5_000, {"f": 7}), VIEW, "f", now_us=5_000 + age_us)
    assert (read.state, read.age_us) == (state, age_us)
    assert read.value == (7 if state is State.PRESENT else None)


def test_a_view_without_ttl_counts_for_ever() -> None:
    ever = replace(VIEW, ttl_us=None)
    assert judged(Stored(0, {"f": 7}), ever, "f", now_us=10**15).state is State.PRESENT


def test_a_staleness_limit_is_kept_besides_the_ttl() -> None:
    stored = Stored(0, {"f": 7})
    assert judged(stored, VIEW, "f", now_us=11, max_age_us=10).state is State.STALE
    assert judged(stored, VIEW, "f", now_us=10, max_age_us=10).state is State.PRESENT
    assert judged(stored, VIEW, "f", now_us=1001, max_age_us=5000).state is State.STALE


def test_null_missing_and_stale_are_told_apart() -> None:
    assert judged(None, VIEW, "f", now_us=0).state is State.MISSING
    assert judged(Stored(0, {}), VIEW, "f", now_us=0).state is State.MISSING
    assert judged(Stored(0, {"f": None}), VIEW, "f", now_us=0).state is State.NULL
    assert judged(Stored(0, {"f": None}), VIEW, "f", now_us=1001).state is State.STALE


@given(
    events=st.lists(st.integers(0, 4_000), min_size=1, max_size=8, unique=True),
    now=st.integers(0, 6_000),
)
def test_the_newest_value_is_judged_as_the_join_would(events: list[int], now: int) -> None:
    """Whatever was materialized by ``now``: the same value, or none in both."""
    rows = [((1,), event, event, {"f": event}) for event in events]
    offline = MemoryOfflineStore({"v": rows})
    selected = Selected(VIEW, VIEW.features[0])
    ((joined,),) = offline.join([EntityRow(key={"id": 1}, time_us=now)], [selected])
    known = [event for event in events if event <= now]
    stored = Stored(max(known), {"f": max(known)}) if known else None
    assert judged(stored, VIEW, "f", now_us=now).value == joined

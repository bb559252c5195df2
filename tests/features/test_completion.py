from typing import Any

import pytest

from seatrial.features.completion import MAX_ENTITIES, complete, wanted
from seatrial.features.config import LookupConfig
from seatrial.features.failures import (
    EntityInvalid,
    EntityMissing,
    FeatureStale,
    OnlineStoreUnavailable,
)
from seatrial.features.online import Read, State, Stored
from seatrial.features.plan import Plan, plan_of
from seatrial.features.view import Repository

DAY_US = 86_400 * 10**6
FOUND = {"purchase_count_30d": 4, "avg_order_value": 2.5}


@pytest.fixture
def plan(repository: Repository) -> Plan:
    return plan_of(LookupConfig(service="activity"), repository)


def with_defaults(repository: Repository) -> Plan:
    defaults = {"purchase_count_30d": 0, "avg_order_value": 9.0}
    return plan_of(LookupConfig(service="activity", defaults=defaults), repository)


def completed(plan: Plan, rows: list[Any], stored: Stored | None, **options: Any) -> list[Any]:
    what = wanted(plan, rows)
    assert what is not None
    found = {view: dict.fromkeys(keys, stored) for view, keys in what.keys.items()}
    filled = complete(plan, rows, what, found, now_us=DAY_US, **options)
    filled.fit(rows, [*FOUND, "amount"])
    return rows


def test_features_take_the_place_of_the_entity(plan: Plan) -> None:
    rows = [{"amount": 3.0, "entity": {"user_id": 1}}, {"amount": 1.0, **FOUND}]
    assert completed(plan, rows, Stored(0, FOUND)) == [
        {"amount": 3.0, **FOUND},
        {"amount": 1.0, **FOUND},
    ]


def test_what_a_row_gives_itself_stays(plan: Plan) -> None:
    rows = [{"purchase_count_30d": 7, "entity": {"user_id": 1}}]
    assert completed(plan, rows, Stored(0, FOUND)) == [
        {"purchase_count_30d": 7, "avg_order_value": 2.5}
    ]


def test_rows_without_entities_need_nothing(plan: Plan) -> None:
    assert wanted(plan, [{"a": 1}, [1, 2], 3, None, {"entity": "a column of the model"}]) is None


def test_only_rows_with_entities_are_looked_up(plan: Plan) -> None:
    rows = [{"entity": {"user_id": 5}}, [1], {"entity": {"user_id": 6}}]
    what = wanted(plan, rows)
    assert what is not None
    assert what.rows == [0, 2]
    assert list(what.keys.values()) == [[(5,), (6,)]]


@pytest.mark.parametrize(
    ("entity", "why"),
    [
        ({}, "lacks the join key 'user_id'"),
        ({"user_id": 1, "shop": "eu"}, "unknown key 'shop'"),
        ({"user_id": "1"}, "not a whole number"),
        ({"user_id": True}, "not a whole number"),
        ({"user_id": 1.0}, "not a whole number"),
        ({"user_id": None}, "not a whole number"),
    ],
)
def test_an_entity_that_is_none_is_refused(plan: Plan, entity: dict[str, Any], why: str) -> None:
    with pytest.raises(EntityInvalid, match=why) as told:
        wanted(plan, [{"entity": {"user_id": 1}}, {"entity": entity}])
    assert told.value.facts["row"] == 1


def test_no_more_entities_than_others_can_wait_for(plan: Plan) -> None:
    rows = [{"entity": {"user_id": 1}}] * (MAX_ENTITIES + 1)
    assert wanted(plan, rows[1:]) is not None
    with pytest.raises(EntityInvalid, match="10001 rows name an entity"):
        wanted(plan, rows)


def test_a_missing_entity_is_told_by_row_and_feature(plan: Plan) -> None:
    with pytest.raises(
        EntityMissing, match="no user_stats:purchase_count_30d of user_id=1"
    ) as told:
        completed(plan, [{"entity": {"user_id": 1}}], None)
    assert told.value.facts == {"field": "purchase_count_30d", "row": 0}


def test_a_stale_value_is_told_with_its_age(plan: Plan) -> None:
    with pytest.raises(FeatureStale, match=r"is 86,401 s old"):
        completed(plan, [{"entity": {"user_id": 1}}], Stored(-(10**6), FOUND))


def test_a_null_is_given_to_the_model_as_missing(plan: Plan) -> None:
    stored = Stored(0, {**FOUND, "avg_order_value": None})
    assert completed(plan, [{"entity": {"user_id": 1}}], stored)[0]["avg_order_value"] is None


@pytest.mark.parametrize(
    "stored", [None, Stored(-1, FOUND), Stored(0, dict.fromkeys(FOUND)), Stored(DAY_US + 1, FOUND)]
)
def test_defaults_stand_in_for_all_that_does_not_count(
    repository: Repository, stored: Stored | None
) -> None:
    rows = completed(with_defaults(repository), [{"entity": {"user_id": 1}}], stored)
    assert rows == [{"purchase_count_30d": 0, "avg_order_value": 9.0}]


def test_without_an_answer_defaults_stand_in(repository: Repository) -> None:
    plan, rows = with_defaults(repository), [{"entity": {"user_id": 1}}]
    what = wanted(plan, rows)
    assert what is not None
    down = OnlineStoreUnavailable("It is down.", remedy="Wait.")
    complete(plan, rows, what, down, now_us=0).fit(rows, FOUND)
    assert rows == [{"purchase_count_30d": 0, "avg_order_value": 9.0}]


def test_without_an_answer_what_a_row_gives_itself_is_enough(plan: Plan) -> None:
    rows = [{"entity": {"user_id": 1}, **FOUND}, {"entity": {"user_id": 2}, "avg_order_value": 1.0}]
    what = wanted(plan, rows)
    assert what is not None
    filled = complete(plan, rows, what, OnlineStoreUnavailable("Down.", remedy="Wait."), now_us=0)
    filled.fit(rows, ["avg_order_value"])
    assert rows == [{"avg_order_value": 2.5}, {"avg_order_value": 1.0}]
    with pytest.raises(OnlineStoreUnavailable):
        filled.fit(rows, FOUND)


def test_a_version_gets_what_it_takes_and_misses_nothing_else(plan: Plan) -> None:
    """So a feature may be applied before it is materialized, and before a version takes it."""
    rows: list[Any] = [{"entity": {"user_id": 1}, "amount": 3.0}]
    what = wanted(plan, rows)
    assert what is not None
    stored = Stored(0, {"avg_order_value": 2.5})
    found = {view: dict.fromkeys(keys, stored) for view, keys in what.keys.items()}
    filled = complete(plan, rows, what, found, now_us=DAY_US)
    filled.fit(rows, ["amount"])
    assert rows == [{"amount": 3.0}]
    with pytest.raises(EntityMissing, match="purchase_count_30d"):
        filled.fit(rows, FOUND)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**400])
def test_a_key_that_no_store_can_hold_is_refused_before_it_is_read(plan: Plan, value: int) -> None:
    """Else it would fail the requests of others that are read together with it."""
    with pytest.raises(EntityInvalid, match="row 0 cannot be"):
        wanted(plan, [{"entity": {"user_id": value}}])


def test_a_text_that_is_none_is_refused(repository: Repository) -> None:
    plan = plan_of(LookupConfig(features=("shop_stats:visits",)), repository)
    assert wanted(plan, [{"entity": {"user_id": 1, "shop": "\u65e5"}}]) is not None
    with pytest.raises(EntityInvalid, match="'shop' of row 0 cannot be"):
        wanted(plan, [{"entity": {"user_id": 1, "shop": "\ud800"}}])


def test_each_value_is_told(repository: Repository) -> None:
    seen: list[tuple[str, Read]] = []
    completed(
        with_defaults(repository),
        [{"entity": {"user_id": 1}}],
        Stored(0, {"avg_order_value": 2.5}),
        observe=lambda column, read, now_us: seen.append((column.name, read)),
    )
    assert seen == [
        ("purchase_count_30d", Read(State.MISSING, None, DAY_US)),
        ("avg_order_value", Read(State.PRESENT, 2.5, DAY_US)),
    ]

from dataclasses import replace

import pytest

from seatrial.features.config import FeaturesConfig, LookupConfig
from seatrial.features.failures import RepositoryInvalid, Unregistered, Unsupported
from seatrial.features.plan import Default, plan_of, taken_away
from seatrial.features.view import Field, Repository, ValueType, View
from seatrial.kernel.config import ConfigInvalid, validated


def test_a_service_becomes_columns_with_defaults(repository: Repository) -> None:
    config = LookupConfig(
        service="activity",
        columns={"avg_order_value": "order_value"},
        defaults={"purchase_count_30d": 0, "avg_order_value": None},
        max_age="12h",
    )
    plan = plan_of(config, repository)
    assert [column.name for column in plan.columns] == ["purchase_count_30d", "order_value"]
    assert [column.default for column in plan.columns] == [Default(0), Default(None)]
    assert plan.max_age_us == 12 * 3600 * 10**6
    assert plan.deadline_s == 0.05


def test_features_of_one_name_are_told_apart_by_their_view(
    users: View, shops: View, repository: Repository
) -> None:
    both = replace(shops, features=users.features)
    features = [f"{view}:avg_order_value" for view in ("user_stats", "shop_stats")]
    config = LookupConfig(
        features=features,
        columns={"shop_stats:avg_order_value": "shop_value"},
        defaults={"avg_order_value": 1.0, "user_stats:avg_order_value": None},
    )
    plan = plan_of(config, replace(repository, views=(users, both)))
    assert [(column.name, column.default) for column in plan.columns] == [
        ("avg_order_value", Default(None)),
        ("shop_value", Default(1.0)),
    ]


def test_keys_of_several_views_come_together(repository: Repository) -> None:
    features = ["shop_stats:visits", "user_stats:avg_order_value"]
    plan = plan_of(LookupConfig(features=features), repository)
    assert list(plan.keys) == ["shop", "user_id"]


def test_names_that_are_no_features_are_told(repository: Repository) -> None:
    with pytest.raises(Unregistered, match="did you mean 'avg_order_value'"):
        plan_of(LookupConfig(service="activity", defaults={"avg_order": 1}), repository)
    with pytest.raises(Unregistered, match="columns names 'visits'"):
        plan_of(LookupConfig(service="activity", columns={"visits": "v"}), repository)


def test_two_features_cannot_fill_one_input(repository: Repository) -> None:
    config = LookupConfig(service="activity", columns={"avg_order_value": "purchase_count_30d"})
    with pytest.raises(RepositoryInvalid, match="Two features fill"):
        plan_of(config, repository)


@pytest.mark.parametrize(
    ("kind", "why"), [(ValueType.STRING, "in another"), (ValueType.BYTES, "JSON does not have")]
)
def test_keys_that_requests_cannot_hold_are_refused(
    repository: Repository, kind: ValueType, why: str
) -> None:
    users, shops = repository.views
    other = replace(users, join_keys=(Field("user_id", kind),))
    features = ["user_stats:avg_order_value"]
    if kind is ValueType.STRING:
        features.append("shop_stats:visits")
    with pytest.raises(Unsupported, match=why):
        plan_of(LookupConfig(features=features), replace(repository, views=(other, shops)))


@pytest.mark.parametrize("given", [{}, {"service": "a", "features": ["v:f"]}])
def test_an_endpoint_names_a_service_or_features(given: dict[str, object]) -> None:
    with pytest.raises(ConfigInvalid, match="either service or features"):
        validated(FeaturesConfig, {"endpoints": {"churn": given}}, "seatrial.yaml")


def test_unknown_keys_name_the_nearest() -> None:
    endpoint = {"service": "a", "dedline": "1s"}
    with pytest.raises(ConfigInvalid, match="did you mean 'deadline'"):
        validated(FeaturesConfig, {"endpoints": {"churn": endpoint}}, "seatrial.yaml")


def test_inputs_that_a_newer_plan_does_not_fill_are_named(repository: Repository) -> None:
    whole = plan_of(LookupConfig(service="activity"), repository)
    less = plan_of(LookupConfig(features=("user_stats:avg_order_value",)), repository)
    assert taken_away(whole, less) == ("purchase_count_30d",)
    assert taken_away(less, whole) == taken_away(whole, whole) == ()


@pytest.mark.parametrize("value", ["soon", "-1s", 0])
def test_a_wrong_duration_is_told_with_its_key(value: object) -> None:
    endpoint = {"service": "a", "deadline": value}
    with pytest.raises(ConfigInvalid, match=r"endpoints\.churn\.deadline"):
        validated(FeaturesConfig, {"endpoints": {"churn": endpoint}}, "seatrial.yaml")

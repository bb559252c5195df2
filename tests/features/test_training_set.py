import pytest

from seatrial.features.config import LookupConfig
from seatrial.features.failures import Unregistered
from seatrial.features.plan import plan_of
from seatrial.features.training_set import check_columns, training_plan
from seatrial.features.view import Field, Repository, ValueType, View
from seatrial.kernel.errors import Invalid


def test_columns_are_named_as_features_or_by_their_view_where_two_are_alike(
    repository: Repository,
) -> None:
    plan = training_plan(repository, service="activity", features=())
    assert [one.name for one in plan.columns] == ["purchase_count_30d", "avg_order_value"]
    key = Field("user_id", ValueType.INT64)
    views = [
        View(name=name, online_name=name, join_keys=(key,), features=(key,), ttl_us=None)
        for name in ("a", "b")
    ]
    two = Repository(project="p", views=tuple(views))
    plan = training_plan(two, service=None, features=("a:user_id", "b:user_id"))
    assert [one.name for one in plan.columns] == ["a__user_id", "b__user_id"]


def test_what_is_not_registered_is_told(repository: Repository) -> None:
    with pytest.raises(Unregistered, match="did you mean 'avg_order_value'"):
        training_plan(repository, service=None, features=("user_stats:avg_order_valu",))


def test_a_column_cannot_be_two_things(repository: Repository) -> None:
    plan = plan_of(LookupConfig(service="activity"), repository)
    check_columns(plan, ["user_id", "at", "label"], time_column="at")
    with pytest.raises(Invalid, match="'avg_order_value'"):
        check_columns(plan, ["user_id", "at", "avg_order_value"], time_column="at")
    with pytest.raises(Invalid, match="is a join key"):
        check_columns(plan, ["user_id"], time_column="user_id")

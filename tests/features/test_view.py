import pytest

from seatrial.features.failures import Unregistered, Unsupported
from seatrial.features.view import Repository, by_view


def test_features_are_found_by_reference_once_and_in_order(repository: Repository) -> None:
    asked = ["shop_stats:visits", "user_stats:avg_order_value", "shop_stats:visits"]
    found = repository.select(asked)
    assert [str(one.reference) for one in found] == asked[:2]
    assert list(by_view(found).values()) == [("visits",), ("avg_order_value",)]


def test_a_service_is_its_features(repository: Repository) -> None:
    found = repository.of_service("activity")
    assert [one.field.name for one in found] == ["purchase_count_30d", "avg_order_value"]


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("user_stat:avg_order_value", "did you mean 'user_stats'"),
        ("user_stats:avg_order", "did you mean 'avg_order_value'"),
        ("user_stats", "names no feature of a view.*such as user_stats:"),
        ("visits", "'visits' names no feature of a view.*such as shop_stats:visits[.]"),
        (":visits", "such as shop_stats:visits[.]"),
        (":x", "names no feature"),
    ],
)
def test_what_is_not_registered_is_told_with_the_nearest(
    repository: Repository, asked: str, hint: str
) -> None:
    with pytest.raises(Unregistered, match=hint):
        repository.select([asked])


def test_an_unknown_service_is_told(repository: Repository) -> None:
    with pytest.raises(Unregistered, match="did you mean 'activity'") as told:
        repository.of_service("activitys")
    assert told.value.facts["nearest"] == "activity"
    assert "seatrial features apply" in told.value.remedy


def test_what_serving_cannot_read_is_refused(repository: Repository) -> None:
    with pytest.raises(Unsupported, match="computed on demand"):
        repository.of_service("computed")
    with pytest.raises(Unsupported, match="no single number"):
        repository.select(["user_stats:interests"])

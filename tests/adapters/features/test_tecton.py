"""Tecton by its HTTP contract, against a double that holds it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from seatrial.adapters.features.tecton import TectonFeatures, TectonWorkspace
from seatrial.features.failures import (
    EntityInvalid,
    OnlineStoreUnavailable,
    RepositoryInvalid,
    Unregistered,
)
from seatrial.features.online import Stored
from seatrial.features.view import ValueType, View
from tests.adapters.tecton_double import KEY, Tecton, running

AT = "2026-03-10T12:00:00Z"
AT_US = 1_773_144_000_000_000


@pytest.fixture
def tecton() -> Iterator[Tecton]:
    with running(Tecton()) as tecton:
        tecton.put(
            2**60,
            "eu",
            AT,
            stats_count=str(2**55),
            stats_average=1.5,
            stats_city="Zürich",
            stats_active=True,
        )
        yield tecton


def workspace(tecton: Tecton, *, key: str = KEY, name: str = "prod") -> TectonWorkspace:
    return TectonWorkspace(tecton.url, workspace=name, key=key)


@pytest.fixture
def view(tecton: Tecton) -> View:
    return workspace(tecton).repository(["activity"]).view("activity")


@pytest.fixture
def store(tecton: Tecton) -> Iterator[TectonFeatures]:
    store = workspace(tecton).open_online(timeout_s=5.0)
    yield store
    store.close()


def test_a_feature_service_is_a_view_with_its_keys_and_types(tecton: Tecton) -> None:
    repository = workspace(tecton).repository(["activity", "activity"])
    (view,) = repository.views
    assert [(key.name, key.type) for key in view.join_keys] == [
        ("user_id", ValueType.INT64),
        ("shop", ValueType.STRING),
    ]
    assert view.feature("stats.count").type is ValueType.INT64
    assert view.feature("stats.recent").type is ValueType.OTHER
    assert len(repository.service("activity").features) == 6
    (selected,) = repository.select(["activity:stats.average"])
    assert selected.field.type is ValueType.DOUBLE


def test_values_have_the_types_of_the_service(store: TectonFeatures, view: View) -> None:
    names = ["stats.count", "stats.average", "stats.city", "stats.active"]
    found = store.read(view, names, [(2**60, "eu"), (1, "eu")])
    values = dict(zip(names, [2**55, 1.5, "Zürich", True], strict=True))
    assert found == [Stored(AT_US, values), None]
    assert store.read(view, names[:1], [(2**60, "eu")]) == [Stored(AT_US, {names[0]: 2**55})]


def test_nulls_and_what_has_no_time(tecton: Tecton, store: TectonFeatures, view: View) -> None:
    tecton.put(1, "eu", AT, stats_count=None, live_ratio=0.5)
    assert store.read(view, ["stats.count"], [(1, "eu")]) == [Stored(AT_US, {"stats.count": None})]
    before_us = time.time_ns() // 1000
    (live,) = store.read(view, ["live.ratio"], [(1, "eu")])
    assert live is not None
    assert live.values == {"live.ratio": 0.5}
    assert before_us <= live.event_us <= time.time_ns() // 1000


def test_one_connection_carries_all_requests(
    tecton: Tecton, store: TectonFeatures, view: View
) -> None:
    tecton.connections.clear()
    store.read(view, ["stats.count"], [(user, "eu") for user in range(5)])
    store.read(view, ["stats.count"], [(9, "eu")])
    assert len(tecton.connections) == 1
    assert tecton.paths.count("/api/v1/feature-service/get-features") == 6


def test_a_wrong_key_says_how_to_set_it(tecton: Tecton) -> None:
    with pytest.raises(OnlineStoreUnavailable, match="401 about 'activity'") as told:
        workspace(tecton, key="other").repository(["activity"])
    assert "TECTON_API_KEY" in told.value.remedy
    assert "other" not in str(told.value)


def test_an_unknown_service_or_workspace_is_told(tecton: Tecton) -> None:
    with pytest.raises(Unregistered, match="404 about 'activty'"):
        workspace(tecton).repository(["activty"])
    with pytest.raises(Unregistered, match="404"):
        workspace(tecton, name="dev").repository(["activity"])


def test_an_instance_that_is_overloaded_or_gone_is_told_and_asked_again(
    tecton: Tecton, store: TectonFeatures, view: View
) -> None:
    tecton.down = True
    with pytest.raises(OnlineStoreUnavailable, match="503 about 'activity': overloaded"):
        store.read(view, ["stats.count"], [(1, "eu")])
    tecton.down = False
    assert store.read(view, ["stats.count"], [(1, "eu")]) == [None]
    gone = TectonWorkspace("http://127.0.0.1:9", workspace="prod", key=KEY)
    with pytest.raises(OnlineStoreUnavailable, match="does not answer"):
        gone.open_online(timeout_s=1.0).read(view, ["stats.count"], [(1, "eu")])


def test_keys_the_service_does_not_take_are_told(store: TectonFeatures, view: View) -> None:
    other = View(
        name=view.name,
        online_name=view.name,
        join_keys=view.join_keys[:1],
        features=view.features,
        ttl_us=None,
    )
    with pytest.raises(EntityInvalid, match="Missing required join key"):
        store.read(other, ["stats.count"], [(1,)])


@pytest.mark.parametrize("url", ["acme.tecton.ai", "ftp://acme", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(RepositoryInvalid, match="no http or https address"):
        TectonWorkspace(url, workspace="prod", key=KEY)

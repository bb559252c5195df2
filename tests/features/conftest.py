"""A small repository that tests of features share."""

from __future__ import annotations

import pytest

from seatrial.features.view import Field, Reference, Repository, Service, ValueType, View

HOUR_US = 3600 * 10**6


@pytest.fixture
def users() -> View:
    return View(
        name="user_stats",
        online_name="user_stats",
        join_keys=(Field("user_id", ValueType.INT64),),
        features=(
            Field("purchase_count_30d", ValueType.INT64),
            Field("avg_order_value", ValueType.DOUBLE),
            Field("interests", ValueType.OTHER),
        ),
        ttl_us=24 * HOUR_US,
    )


@pytest.fixture
def shops() -> View:
    return View(
        name="shop_stats",
        online_name="shop_stats_v2",
        join_keys=(Field("shop", ValueType.STRING), Field("user_id", ValueType.INT64)),
        features=(Field("visits", ValueType.INT64),),
        ttl_us=None,
    )


@pytest.fixture
def repository(users: View, shops: View) -> Repository:
    return Repository(
        project="shop",
        views=(users, shops),
        services=(
            Service(
                name="activity",
                features=(
                    Reference("user_stats", "purchase_count_30d"),
                    Reference("user_stats", "avg_order_value"),
                ),
            ),
            Service(
                name="computed", features=(), unsupported="uses sums, which is computed on demand"
            ),
        ),
    )

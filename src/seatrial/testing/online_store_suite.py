"""What every online store must do; see `features.online.OnlineStore`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pytest

from seatrial.features.failures import EntityInvalid
from seatrial.features.online import EntityKey, OnlineStore, Stored, Value
from seatrial.features.view import Field, ValueType, View

VIEW = View(
    name="stats",
    online_name="stats",
    join_keys=(Field("user_id", ValueType.INT64), Field("shop", ValueType.STRING)),
    features=(
        Field("count", ValueType.INT64),
        Field("average", ValueType.DOUBLE),
        Field("city", ValueType.STRING),
    ),
    ttl_us=None,
)
EVENT_US = 1_773_144_000_000_000
"""In whole seconds, which is all that some stores keep."""

VALUES: Mapping[str, Value] = {"count": -3, "average": 0.1, "city": "Zürich"}


class Write(Protocol):
    """Puts a row of `VIEW` where the store reads it."""

    def __call__(self, key: EntityKey, event_us: int, values: Mapping[str, Value]) -> None:
        """Write it."""
        ...


class OnlineStoreSuite:
    """Subclass it as ``Test...`` with the fixtures ``store`` and ``write``, of an empty store."""

    def test_what_was_written_is_read(self, store: OnlineStore, write: Write) -> None:
        """With its time."""
        write((1, "eu"), EVENT_US, VALUES)
        assert store.read(VIEW, list(VALUES), [(1, "eu")]) == [Stored(EVENT_US, VALUES)]

    def test_answers_come_in_the_order_of_the_keys(self, store: OnlineStore, write: Write) -> None:
        """None where nothing is, and twice what is asked twice."""
        for user in range(3):
            write((user, "eu"), EVENT_US + user * 10**6, {**VALUES, "count": user})
        keys: list[EntityKey] = [(2, "eu"), (9, "eu"), (0, "eu"), (2, "eu"), (0, "us")]
        found = store.read(VIEW, ["count"], keys)
        assert found == [
            Stored(EVENT_US + 2 * 10**6, {"count": 2}),
            None,
            Stored(EVENT_US, {"count": 0}),
            Stored(EVENT_US + 2 * 10**6, {"count": 2}),
            None,
        ]

    def test_a_null_is_not_what_was_never_written(self, store: OnlineStore, write: Write) -> None:
        """The one is None, the other is not there."""
        write((1, ""), EVENT_US, {"count": None, "city": ""})
        assert store.read(VIEW, list(VALUES), [(1, "")]) == [
            Stored(EVENT_US, {"count": None, "city": ""})
        ]

    def test_the_last_row_counts(self, store: OnlineStore, write: Write) -> None:
        """Its values and its time."""
        write((1, "eu"), EVENT_US, VALUES)
        write((1, "eu"), EVENT_US + 10**6, {**VALUES, "count": 4})
        found = store.read(VIEW, ["count"], [(1, "eu")])
        assert found == [Stored(EVENT_US + 10**6, {"count": 4})]

    def test_many_keys_are_read_at_once(self, store: OnlineStore, write: Write) -> None:
        """More than a statement holds."""
        write((1_999, "eu"), EVENT_US, VALUES)
        found = store.read(VIEW, ["count"], [(user, "eu") for user in range(2_000)])
        assert found[:-1] == [None] * 1_999
        assert found[-1] == Stored(EVENT_US, {"count": -3})

    def test_nothing_is_read_of_no_keys(self, store: OnlineStore) -> None:
        """An empty list."""
        assert store.read(VIEW, ["count"], []) == []


class TypedKeysSuite(OnlineStoreSuite):
    """The same for stores whose keys have the types of their view."""

    def test_a_key_that_does_not_fit_its_type_is_refused(self, store: OnlineStore) -> None:
        """By the name of the key."""
        with pytest.raises(EntityInvalid, match="user_id"):
            store.read(VIEW, ["count"], [(2**63, "eu")])

"""Values of an online store, and whether they still count: by the rule of the offline join.

An online store keeps the newest value of each entity and hands it out whatever its age. The join
that makes training sets leaves values out that are older than the view's TTL. A model that is
trained on the one and served by the other sees values it never learned from; so what is read online
is judged here as the join would: a value counts at ``now`` if ``now - ttl <= event time <= now``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from seatrial.features.view import View

EntityKey: TypeAlias = tuple[int | str | bytes, ...]
"""The values of a view's join keys, in the view's order."""

Value: TypeAlias = "int | float | str | bytes | bool | None"
"""Of a feature; times are whole seconds since 1970, UTC."""


class State(StrEnum):
    """What is known of a feature of an entity at a time."""

    PRESENT = "present"
    NULL = "null"
    STALE = "stale"
    MISSING = "missing"
    UNREGISTERED = "unregistered"


@dataclass(frozen=True, slots=True)
class Stored:
    """What an online store holds of one entity in one view.

    Args:
        event_us: when it became true, in microseconds since 1970, UTC.
        values: by feature; a null is None, one that was never written is not there.
    """

    event_us: int
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Read:
    """One value as of a time.

    Args:
        value: None unless the state is PRESENT.
        age_us: microseconds since it became true, negative for the future; None where nothing is
            known.
    """

    state: State
    value: Value = None
    age_us: int | None = None


class OnlineStore(Protocol):
    """Reads what Feast wrote. It waits for the store: call it off the event loop."""

    def read(
        self, view: View, features: Sequence[str], keys: Sequence[EntityKey]
    ) -> list[Stored | None]:
        """What is there of each key, in order; None where nothing is.

        Raises: OnlineStoreUnavailable, EntityInvalid: a key that the view's types cannot hold.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


MISSING = Read(State.MISSING)


def judged(
    stored: Stored | None, view: View, feature: str, *, now_us: int, max_age_us: int | None = None
) -> Read:
    """One feature of an entity as of ``now_us``.

    Args:
        max_age_us: how old a value may be besides the view's TTL, > 0; None for any age.
    Returns: STALE for what the offline join at this time leaves out for its age; MISSING also for
        a value of the future, which that join does not see either.
    """
    if stored is None:
        return MISSING
    age_us = now_us - stored.event_us
    if age_us < 0 or feature not in stored.values:
        return Read(State.MISSING, None, age_us)
    if (view.ttl_us is not None and age_us > view.ttl_us) or (
        max_age_us is not None and age_us > max_age_us
    ):
        return Read(State.STALE, None, age_us)
    value = stored.values[feature]
    return Read(State.NULL if value is None else State.PRESENT, value, age_us)

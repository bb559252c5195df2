"""The offline store as a port: features of entities as they were at given times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from seatrial.features.online import EntityKey, Value
from seatrial.features.view import Selected


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRow:
    """An entity at a time.

    Args:
        key: value by join key, of all views that are asked.
        time_us: in microseconds since 1970, UTC.
    """

    key: Mapping[str, int | str | bytes]
    time_us: int


class OfflineStore(Protocol):
    """Joins features to entities as of a time; see `join` for what that means."""

    def join(
        self,
        rows: Sequence[EntityRow],
        selected: Sequence[Selected],
        *,
        max_age_us: int | None = None,
    ) -> list[tuple[Value, ...]]:
        """For each row the values of the features, in order; None for null and for none.

        Args: max_age_us: how old values may be besides the TTL of their view, > 0; None for any.
        Raises: FeastFailed, FeastMissing and what else keeps the store from answering.
        """
        ...


def key_of(selected: Selected, row: EntityRow) -> EntityKey:
    """The key of a row in the view of a feature."""
    return tuple(row.key[field.name] for field in selected.view.join_keys)

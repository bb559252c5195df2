"""A feature store in memory: online what was put, offline the point-in-time join itself."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from seatrial.features.failures import OnlineStoreUnavailable
from seatrial.features.offline import EntityRow, key_of
from seatrial.features.online import EntityKey, Stored, Value
from seatrial.features.view import Selected, View


class MemoryOnlineStore:
    """`features.online.OnlineStore` of what `put` was given; the last one counts.

    ``broken`` makes every reading fail; ``gate``, when not set, keeps it waiting.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[str, EntityKey], Stored] = {}
        self.broken = False
        self.closed = False
        self.gate = threading.Event()
        self.gate.set()
        self.reads: list[tuple[str, tuple[EntityKey, ...]]] = []

    def put(self, view: View, key: EntityKey, event_us: int, values: Mapping[str, Value]) -> None:
        """Write a row."""
        self._held[view.name, key] = Stored(event_us, dict(values))

    def read(
        self, view: View, features: Sequence[str], keys: Sequence[EntityKey]
    ) -> list[Stored | None]:
        """See OnlineStore."""
        self.reads.append((view.name, tuple(keys)))
        self.gate.wait()
        if self.broken:
            raise OnlineStoreUnavailable("The store is broken.", remedy="Mend it.")
        return [self._one(self._held.get((view.name, key)), features) for key in keys]

    def close(self) -> None:
        """See OnlineStore."""
        self.closed = True

    @staticmethod
    def _one(held: Stored | None, features: Sequence[str]) -> Stored | None:
        if held is None:
            return None
        return Stored(held.event_us, {k: v for k, v in held.values.items() if k in features})


class MemoryOfflineStore:
    """`features.offline.OfflineStore` of the rows it was given.

    Args: rows: by view: key, event time and created time in microseconds, and values.
    """

    def __init__(
        self, rows: Mapping[str, Sequence[tuple[EntityKey, int, int, Mapping[str, Value]]]]
    ) -> None:
        self._rows = rows

    def join(
        self,
        rows: Sequence[EntityRow],
        selected: Sequence[Selected],
        *,
        max_age_us: int | None = None,
    ) -> list[tuple[Value, ...]]:
        """See OfflineStore."""
        columns = [self._column(rows, one, max_age_us) for one in selected]
        return list(zip(*columns, strict=True))

    def _column(
        self, rows: Sequence[EntityRow], selected: Selected, max_age_us: int | None
    ) -> list[Value]:
        import numpy as np  # noqa: PLC0415 - only where it joins

        from seatrial.features.join import point_in_time  # noqa: PLC0415 - as above

        source = self._rows.get(selected.view.name, ())
        numbers: dict[EntityKey, int] = {}
        for key in [*(key for key, *_ in source), *(key_of(selected, row) for row in rows)]:
            numbers.setdefault(key, len(numbers))
        limits = [limit for limit in (selected.view.ttl_us, max_age_us) if limit is not None]
        found = point_in_time(
            key=np.array([numbers[key_of(selected, row)] for row in rows], np.int64),
            time_us=np.array([row.time_us for row in rows], np.int64),
            source_key=np.array([numbers[key] for key, *_ in source], np.int64),
            event_us=np.array([event for _, event, _, _ in source], np.int64),
            created_us=np.array([created for _, _, created, _ in source], np.int64),
            ttl_us=min(limits, default=None),
        )
        return [None if i < 0 else source[i][3].get(selected.field.name) for i in found.tolist()]

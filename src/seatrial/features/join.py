"""The point-in-time join: for each entity row, the features as they were known at its time.

Of the rows of a source with the same key, that with the latest event time not after the row's time
and not older than the TTL, both ends included. Of equal event times the latest created time wins,
and of equal ones the last row of the source.

Source: the point-in-time query of Feast's SQL offline stores, and `_filter_ttl` of its file store.
That one means to break ties the same way, but sorts twice with a sort that is not stable: of equal
event times any row may win there. What equal created times mean no store says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def point_in_time(
    *,
    key: NDArray[np.int64],
    time_us: NDArray[np.int64],
    source_key: NDArray[np.int64],
    event_us: NDArray[np.int64],
    created_us: NDArray[np.int64] | None = None,
    ttl_us: int | None = None,
) -> NDArray[np.intp]:
    """The row of the source that each entity row sees.

    Args:
        key: (n,) which entity; any numbering that the source shares.
        time_us: (n,) as of when, in microseconds.
        source_key: (m,) of the source's rows, in any order.
        event_us: (m,) when they became true.
        created_us: (m,) when they were written, or None where nobody knows.
        ttl_us: how old they may be, > 0; None for any age.
    Returns: (n,) indexes into the source, -1 where no row counts.
    """
    m = len(source_key)
    written = np.zeros(m, np.int64) if created_us is None else created_us
    order = np.lexsort((np.arange(m), written, event_us, source_key))
    keys, events = source_key[order], event_us[order]
    place = _last_not_after(keys, events, key, time_us)
    found = place >= 0
    at = np.maximum(place, 0)
    if m:
        found &= keys[at] == key
        if ttl_us is not None:
            found &= events[at] >= time_us - ttl_us
    result = np.full(len(key), -1, np.intp)
    result[found] = order[at[found]]
    return result


def _last_not_after(
    keys: NDArray[np.int64],
    events: NDArray[np.int64],
    key: NDArray[np.int64],
    time_us: NDArray[np.int64],
) -> NDArray[np.intp]:
    """In rows sorted by key and event, the last whose (key, event) <= (key, time); -1 for none.

    Both are sorted together, rows of the source first among equals, and the source's rows that
    come before each entity row are counted: no product of key and time that could overflow.
    """
    m, n = len(keys), len(key)
    from_entity = np.repeat(np.array([False, True]), (m, n))
    order = np.lexsort(
        (from_entity, np.concatenate((events, time_us)), np.concatenate((keys, key)))
    )
    n_before = np.cumsum(~from_entity[order])
    place = np.empty(m + n, np.intp)
    place[order] = n_before - 1
    return place[m:]

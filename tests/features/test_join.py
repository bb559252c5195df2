import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seatrial.features.join import point_in_time

SMALL = st.integers(0, 12)
EXTREME = st.sampled_from([-(2**62), -1, 0, 1, 2**62])


def naive(entity, source, ttl):
    """Row by row, as the definition reads."""
    found = []
    for key, time in entity:
        best = None
        for i, (other, event, created) in enumerate(source):
            if other != key or event > time or (ttl is not None and event < time - ttl):
                continue
            if best is None or (event, created, i) > best:
                best = (event, created, i)
        found.append(-1 if best is None else best[2])
    return found


def joined(entity, source, ttl, *, created=True):
    keys, times = np.array(entity, np.int64).reshape(-1, 2).T
    theirs, events, written = np.array(source, np.int64).reshape(-1, 3).T
    return point_in_time(
        key=keys,
        time_us=times,
        source_key=theirs,
        event_us=events,
        created_us=written if created else None,
        ttl_us=ttl,
    ).tolist()


@given(
    entity=st.lists(st.tuples(st.integers(0, 3), SMALL), max_size=12),
    source=st.lists(st.tuples(st.integers(0, 3), SMALL, st.integers(0, 2)), max_size=20),
    ttl=st.none() | st.integers(1, 6),
)
def test_it_is_what_a_loop_over_all_rows_finds(entity, source, ttl) -> None:
    assert joined(entity, source, ttl) == naive(entity, source, ttl)


@given(
    entity=st.lists(st.tuples(EXTREME, EXTREME), max_size=8),
    source=st.lists(st.tuples(EXTREME, EXTREME, EXTREME), max_size=8),
)
def test_no_key_and_no_time_is_too_large(entity, source) -> None:
    assert joined(entity, source, None) == naive(entity, source, None)


@given(source=st.lists(st.tuples(st.integers(0, 2), SMALL, st.integers(0, 2)), max_size=12))
def test_a_row_never_sees_its_future(source) -> None:
    entity = [(key, time) for key in range(3) for time in range(13)]
    for (_, time), row in zip(entity, joined(entity, source, None), strict=True):
        assert row < 0 or source[row][1] <= time


def test_both_ends_of_the_ttl_are_inside() -> None:
    assert joined([(1, 10)], [(1, 10, 0)], 5) == [0]
    assert joined([(1, 15)], [(1, 10, 0)], 5) == [0]
    assert joined([(1, 16)], [(1, 10, 0)], 5) == [-1]


def test_of_equal_times_the_last_written_wins_then_the_last_row() -> None:
    assert joined([(1, 10)], [(1, 10, 3), (1, 10, 2), (1, 10, 3)], None) == [2]
    assert joined([(1, 10)], [(1, 10, 3), (1, 10, 2)], None) == [0]
    assert joined([(1, 10)], [(1, 10, 3), (1, 10, 2)], None, created=False) == [1]

"""Segments stay few, and nothing is written anew for nothing."""

from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.index.compaction import PartSize, groups_to_rewrite

FULL = 10_000
_parts = st.lists(st.builds(PartSize, st.integers(0, FULL), st.floats(0, 1)), max_size=40)


@given(parts=_parts)
def test_groups_do_not_overlap_and_are_never_larger_than_full(parts: list[PartSize]) -> None:
    groups = groups_to_rewrite(parts, FULL)
    places = [place for group in groups for place in group]
    assert len(places) == len(set(places))
    for group in groups:
        assert len(group) > 1 or parts[group[0]].dead_share > 0.5
        assert len(group) == 1 or sum(parts[place].n_bytes for place in group) <= FULL


def test_many_small_ones_become_one() -> None:
    assert groups_to_rewrite([PartSize(100, 0.0)] * 7, FULL) == []
    assert groups_to_rewrite([PartSize(100, 0.0)] * 8, FULL) == [[0, 1, 2, 3, 4, 5, 6, 7]]
    assert groups_to_rewrite([PartSize(6000, 0.0)] * 20, FULL) == []
    assert groups_to_rewrite([PartSize(9000, 0.4), PartSize(9000, 0.6)], FULL) == [[1]]


def test_parts_stay_few_however_many_came() -> None:
    parts: list[PartSize] = []
    n_written = 0
    for _ in range(2000):
        parts.append(PartSize(100, 0.0))
        for group in groups_to_rewrite(parts, FULL):
            size = sum(parts[place].n_bytes for place in group)
            n_written += size
            parts = [one for place, one in enumerate(parts) if place not in group]
            parts.append(PartSize(size, 0.0))
    assert len(parts) < 50
    assert n_written / (2000 * 100) < 3

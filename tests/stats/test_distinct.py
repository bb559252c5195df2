from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.stats.distinct import KEPT, Repeats


@given(st.lists(st.lists(st.integers(0, 40), max_size=30), max_size=6), st.randoms())
def test_any_partition_gives_the_same(parts: list[list[int]], random: object) -> None:
    spread = (np.arange(41, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
    whole = spread[[value for part in parts for value in part]]
    found = Repeats()
    for part in parts:
        found = found + Repeats.of(spread[part])
    assert found == Repeats.of(whole)
    assert hash(found) == hash(Repeats.of(whole))
    assert found.share == pytest.approx(1 - len(np.unique(whole)) / len(whole) if len(whole) else 0)


def test_large_parts_in_any_order_give_the_same_and_a_close_share() -> None:
    rng = np.random.default_rng(0)
    distinct = rng.integers(0, 2**64, 60_000, dtype=np.uint64)
    rows = distinct[rng.integers(0, 60_000, 150_000)]
    whole = Repeats.of(rows)
    cut = Repeats.of(rows[100_000:]) + Repeats.of(rows[:20_000]) + Repeats.of(rows[20_000:100_000])
    assert cut == whole
    assert len(whole.hashes) == KEPT
    assert whole.share == pytest.approx(1 - len(np.unique(rows)) / 150_000, abs=0.03)


def test_many_rows_of_few_values_keep_them_all() -> None:
    rows = np.repeat(np.array([7, 2**63], np.uint64), 50_000)
    assert Repeats.of(rows).counts.tolist() == [50_000, 50_000]

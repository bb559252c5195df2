"""Batch after batch, the counts are those of one pass."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.stats.histogram import Edges, quantile_edges
from seatrial.stats.live_histogram import LiveHistograms
from tests.stats.laws import LAWS


@settings(max_examples=60)
@given(st.data(), st.integers(0, 2**32))
def test_batches_of_any_size_are_counted_live_as_at_once(data: st.DataObject, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = data.draw(st.lists(st.sampled_from(sorted(LAWS)), min_size=1, max_size=4))
    edges = [Edges(quantile_edges(np.sort(LAWS[name](rng, 3_000)))) for name in names]
    live = LiveHistograms(edges)
    batches = []
    sizes = st.one_of(st.integers(0, 700), st.sampled_from([7, 200, 256]))
    for n in data.draw(st.lists(sizes, max_size=6)):
        columns = [LAWS[name](rng, n) for name in names]
        for column in columns:
            kind = data.draw(st.sampled_from(["sound", "sound", "missing", "infinite"]))
            if kind != "sound" and n:
                column[rng.integers(0, n)] = np.nan if kind == "missing" else np.inf
        if data.draw(st.booleans()):
            columns = [column.astype(np.float32) for column in columns]
        batches.append(columns)
        live.add(columns)
    for j, edge in enumerate(edges):
        counted = live.counted(j)
        parts = [edge.count(columns[j]) for columns in batches]
        expected = sum((part.counts for part in parts), np.zeros(edge.n_bins, np.int64))
        np.testing.assert_array_equal(counted.counts, expected)
        assert counted.n_missing == sum(part.n_missing for part in parts)
        assert counted.n_infinite == sum(part.n_infinite for part in parts)
        lows = [part.lowest for part in parts if part.lowest is not None]
        assert counted.lowest == (min(lows) if lows else None)
    live.clear()
    assert live.counted(0).counts.sum() == 0


def test_the_counts_of_a_live_column_take_eight_kilobytes() -> None:
    edges = Edges(quantile_edges(np.sort(np.random.default_rng(0).normal(size=50_000))))
    live = LiveHistograms([edges])
    live.add([np.zeros(3)])
    assert live.counted(0).counts.nbytes <= 8_192

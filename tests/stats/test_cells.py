"""Edges at the ends of cells."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats.cells import cell_ends
from seatrial.stats.histogram import Edges, quantile_edges
from tests.stats.laws import LAWS


@pytest.mark.parametrize("law", ["normal", "lognormal", "heavy tails", "unix seconds"])
def test_edges_move_by_little_and_keep_their_bins_even(law: str) -> None:
    values = LAWS[law](np.random.default_rng(0), 50_000)
    edges = quantile_edges(np.sort(values))
    moved = cell_ends(edges)
    assert len(moved) >= len(edges) - 30
    middle = edges[len(edges) // 2]
    if len(moved) == len(edges):
        assert (np.abs(moved - edges) <= 2e-3 * np.abs(edges - middle) + 1e-30).all()
    assert Edges(moved).count(values).counts.max() <= 150

"""Edges at the ends of cells."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats.cells import cell_ends
from seatrial.stats.histogram import Edges, quantile_edges

LAWS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
    "over many magnitudes": lambda rng, n: rng.lognormal(0, 5, n),
    "heavy tails": lambda rng, n: rng.standard_cauchy(n),
    "unix seconds": lambda rng, n: 1.7e9 + rng.uniform(0, 86_400, n),
    "cents": lambda rng, n: np.round(rng.gamma(2, 50, n), 2),
    "counts": lambda rng, n: rng.poisson(3, n).astype(float),
    "mostly zero": lambda rng, n: rng.exponential(size=n) * (rng.random(n) < 0.05),
    "constant": lambda rng, n: np.full(n, 5.0),
    "two humps": lambda rng, n: rng.normal(size=n) + 1e4 * (rng.random(n) < 0.5),
}


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

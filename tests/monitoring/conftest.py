"""Tables as they come: of every kind of column, and of whatever else gets sent.

Also lets the tests of monitoring share `faults`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seatrial.monitoring.rows.table import Coded, Table

sys.path.append(str(Path(__file__).parent))


def _mixed(n: int, seed: int, *, shift: float = 0.0) -> Table:
    """Every kind of column; ``shift`` in standard deviations moves them all."""
    rng = np.random.default_rng(seed)
    texts = tuple(
        f"a letter about {'storms' if i % 3 else 'the harbour'} number {i}" for i in range(60)
    )
    numbers = rng.normal(shift, 1, n)
    numbers[rng.random(n) < 0.05] = np.nan
    towns = rng.integers(0, 10, n) % (10 if shift == 0 else 5)
    return Table(
        columns={
            "number": numbers,
            "count": rng.poisson(4 + 2 * shift, n),
            "town": Coded(towns.astype(np.int32) - 1, tuple("abcdefghi")),
            "flag": rng.random(n) < 0.3 + 0.2 * shift,
            "letter": Coded(
                (rng.integers(0, 60, n) // (1 if shift == 0 else 3)).astype(np.int32), texts
            ),
            "embedding": rng.normal(shift, 1, (n, 6)).astype(np.float32),
        },
        n=n,
        at=np.datetime64("2026-03-01", "us") + rng.permutation(n).astype("timedelta64[s]"),
    )


@pytest.fixture
def mixed() -> Callable[..., Table]:
    return _mixed

"""Models that are known through and through, and what they predict."""

from __future__ import annotations

import numpy as np

from seatrial.monitoring.performance.scored import Scored
from seatrial.monitoring.rows.scores import ScoreColumns
from seatrial.monitoring.rows.table import Table


def binary(
    seed: int, n: int, *, flipped_share: float = 0.0, a: float = 2.0
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the second class, and labels drawn by them, some of which are flipped."""
    rng = np.random.default_rng(seed)
    score = rng.beta(0.4, 0.4, n) if a == 2.0 else rng.beta(a, a, n)
    label = (rng.random(n) < score) ^ (rng.random(n) < flipped_share)
    return score, label.astype(np.float64)


def scored(
    score: np.ndarray, *, first: int = 0, step_rows: int = 100, audited: np.ndarray | None = None
) -> Scored:
    """Predictions of consecutive rows by the probability of the second class."""
    n = len(score)
    predicted = (score >= 0.5).astype(np.float64)
    row = np.arange(first, first + n)
    return Scored(
        ids=tuple(f"r{i}" for i in row),
        at_us=row.astype(np.int64),
        step=row // step_rows,
        predicted=predicted,
        score=np.where(predicted == 1, score, 1 - score),
        audited=np.zeros(n, np.bool_) if audited is None else audited,
        label=np.full(n, np.nan),
    )


def regression(seed: int, n: int, *, noise: float = 1.0) -> Table:
    """A column that says how large the errors are, predictions, labels."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 2, n)
    predicted = 3 * x
    label = predicted + rng.normal(0, noise * (0.5 + x))
    return Table(columns={"x": x, "said": predicted, "y": label}, n=n)


REGRESSION = ScoreColumns(prediction="said", label="y")

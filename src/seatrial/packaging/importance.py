"""How much each feature matters to the model: drift is ranked by it.

The model's own answers are the yardstick, so neither labels nor the training data are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import SeatrialError
from seatrial.packaging.measure import Run, answered
from seatrial.registry.signature import Batch, Prediction, Signature, n_rows, take

N_ROWS = 200
LEAST_ROWS = 10
PATIENCE_S = 5.0
"""How long the model is asked; of one that is slower the importances are not known."""

_DIGITS = 4


async def importance(
    run: Run,
    signature: Signature,
    rows: Batch,
    *,
    monotonic: Callable[[], float],
    seed: int = 0,
) -> Mapping[str, float]:
    """Permutation importance of each feature for the model's answers; 1 on average.

    A feature's values are shuffled over the rows, and how far the answers move is what it matters.

    Args:
        run: predicts a batch.
        rows: known to be answered.
        monotonic: seconds that never go back.
        seed: of the shuffling.
    Returns: by feature, >= 0, to four digits; empty when it is not known: too few rows, a model
        that is too slow or fails on shuffled rows, or one that no feature moves.
    Source: Breiman 2001, Machine Learning 45:5, with answers in place of losses.
    """
    n = min(n_rows(rows), N_ROWS)
    if n < LEAST_ROWS:
        return {}
    rng = np.random.default_rng(seed)
    some = take(rows, np.sort(rng.choice(n_rows(rows), size=n, replace=False)))
    until = monotonic() + PATIENCE_S
    moved: dict[str, float] = {}
    try:
        before = await answered(run, some)
        for place, feature in enumerate(signature.features):
            if monotonic() > until:
                return {}
            shuffled = _shuffled(some, feature.name, place, rng.permutation(n))
            moved[feature.name] = distance(before, await answered(run, shuffled))
    except SeatrialError:
        return {}
    mean = sum(moved.values()) / len(moved)
    if not np.isfinite(mean) or mean <= 0:
        return {}
    return {name: float(f"{value / mean:.{_DIGITS}g}") for name, value in moved.items()}


def distance(before: Prediction, after: Prediction) -> float:
    """How far answers moved: of probabilities the mean total variation, in [0, 1]; of numbers the
    mean change in standard deviations; of labels the share that changed.

    Args: answers to the same rows, the same outputs.
    """
    name = next((n for n in ("probabilities", "prediction") if n in before), next(iter(before)))
    a, b = before[name], after[name]
    if a.dtype.kind != "f":
        return float(np.mean(a != b))
    old, new = a.astype(np.float64), b.astype(np.float64)
    if name == "probabilities" and old.ndim == 2:
        return float(np.abs(old - new).sum(axis=1).mean() / 2)
    spread = float(old.std())
    return float(np.abs(old - new).mean()) / spread if spread > 0 else 0.0


def _shuffled(rows: Batch, name: str, place: int, order: NDArray[np.intp]) -> Batch:
    if isinstance(rows, dict):
        return {**rows, name: rows[name][order]}
    shuffled = rows.copy()
    shuffled[:, place] = rows[order, place]
    return shuffled

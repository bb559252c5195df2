"""Precision, recall, F1 and AUC that one expects of a classifier before labels are known.

From the same counts and the same calibrated chances as the accuracy (`calibration.py`): a row of a
predicted class and a level of confidence is right with that level's chance, so it adds this much to
the expected true positives and the rest to the expected false ones. The expected confusion matrix
gives the metrics of the second of two classes, the expected positives and negatives per level of
score the AUC (confidence-based performance estimation: Kivimaki et al. 2024, arXiv:2407.08649, and
its sums over thresholds for the AUC).

With more than two classes only the mean precision over the predicted classes is given: a confidence
says whether the predicted class is right, and not which other class a row is of instead, which
recall, F1 and AUC would need.

Counts of steps add up, and the metrics are functions of the sums. Their errors are by the delta
method over two independent sources: the sampling error of each pooled block of the calibration, and
how far the chances may have moved since, all of them alike, as `fusion.py` holds it. The scatter of
the labels around their expectation is not in them: they are intervals of what is expected.

Labels do not correct these metrics as they correct the accuracy. That a model is wrong more often
than it should be does not say in which direction: on real streams a shift of all chances by the
bias of the accuracy makes recall and AUC worse than they are without it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.calibration import N_LEVELS, Calibration, ConfidenceCounts

_LEAST_EXPECTED = 1.0
"""Expected rows of a class below which it has no recall and no AUC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedMetric:
    """A metric as one expects it.

    Args:
        name: as in `performance.Metric`: ``precision``, ``recall``, ``f1`` or ``auc``.
        value: in [0, 1].
        standard_error: of the expectation, >= 0.
        n: rows it speaks of, >= 1.
    """

    name: str
    value: float
    standard_error: float
    n: int


def expected_metrics(
    counts: ConfidenceCounts,
    calibration: Calibration,
    *,
    moved_variance: float = 0.0,
) -> tuple[ExpectedMetric, ...]:
    """The metrics to expect of counted rows; those that are not defined for them are left out.

    Args:
        counts: of predicted classes and confidences; the labels are not looked at.
        calibration: of the reference, for as many classes.
        moved_variance: of how far all chances may have moved since the reference, >= 0.
    """
    rows = counts.n.astype(np.float64)
    n = counts.n_rows
    if not n:
        return ()
    find = _of_two if len(rows) == 2 else _of_many
    n_blocks = len(calibration.block_variance)
    block = calibration.block.ravel()
    metrics = []
    for name, value, gradient in find(rows, calibration.chance):
        of_blocks = np.bincount(block, weights=gradient.ravel(), minlength=n_blocks)
        variance = float((of_blocks**2 * calibration.block_variance).sum())
        variance += float(gradient.sum()) ** 2 * moved_variance
        metrics.append(
            ExpectedMetric(name=name, value=value, standard_error=math.sqrt(variance), n=n)
        )
    return tuple(metrics)


_Found = tuple[str, float, NDArray[np.float64]]
"""Name, value, and its derivative by the chance of each predicted class and level."""


def _of_two(rows: NDArray[np.float64], chance: NDArray[np.float64]) -> Iterator[_Found]:
    right = rows * chance
    n_predicted, hits = float(rows[1].sum()), float(right[1].sum())
    n_true = hits + float(rows[0].sum() - right[0].sum())
    nothing = np.zeros_like(rows[0])
    of_hits = np.stack([nothing, rows[1]])
    of_true = np.stack([-rows[0], rows[1]])
    if n_predicted:
        yield "precision", hits / n_predicted, of_hits / n_predicted
    if n_true >= _LEAST_EXPECTED:
        recall = hits / n_true
        yield "recall", recall, (of_hits - recall * of_true) / n_true
    if n_predicted + n_true >= _LEAST_EXPECTED:
        f1 = 2 * hits / (n_predicted + n_true)
        yield "f1", f1, (2 * of_hits - f1 * of_true) / (n_predicted + n_true)
    yield from _auc(rows, chance)


def _auc(rows: NDArray[np.float64], chance: NDArray[np.float64]) -> Iterator[_Found]:
    # Rows of the first class by the score of the second: levels are symmetric around one half.
    by_score = np.stack([rows[0][::-1], rows[1]])
    second = np.stack([1 - chance[0][::-1], chance[1]])
    positive = (by_score * second).sum(axis=0)
    negative = (by_score * (1 - second)).sum(axis=0)
    n_positive, n_negative = float(positive.sum()), float(negative.sum())
    if min(n_positive, n_negative) < _LEAST_EXPECTED:
        return
    won = (np.cumsum(negative) - negative / 2) / n_negative
    lost = 1 - (np.cumsum(positive) - positive / 2) / n_positive
    value = float((positive * won).sum() / n_positive)
    by_second = by_score * ((won - value) / n_positive - (lost - value) / n_negative)
    yield "auc", value, np.stack([-by_second[0][::-1], by_second[1]])


def _of_many(rows: NDArray[np.float64], chance: NDArray[np.float64]) -> Iterator[_Found]:
    n_predicted = rows.sum(axis=1)
    seen = n_predicted > 0
    share = np.zeros((len(rows), N_LEVELS))
    share[seen] = rows[seen] / n_predicted[seen, None] / int(seen.sum())
    yield "precision", float((share * chance).sum()), share

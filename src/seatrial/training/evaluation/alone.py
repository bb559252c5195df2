"""One version by itself, beside a model that answers every row alike. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from seatrial.stats.resampling import resample
from seatrial.training.evaluation.answers import Answers, Holdout, compare_rows
from seatrial.training.evaluation.decision import MetricPair
from seatrial.training.evaluation.evaluation import BASELINE, NEW
from seatrial.training.evaluation.metrics import (
    GAMED,
    check_metric,
    constant_side,
    default_primary,
    less_is_better,
    measures_of,
    usual,
)
from seatrial.training.evaluation.rules import Rules
from seatrial.training.runs.run import Against

_CONSTANT = "constant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """How one version does.

    Args:
        against: beside a constant.
        reason: why, in a sentence.
        primary: the metric that decides.
        metrics: value of each that is defined, over the rows that were answered.
        n: rows.
        n_unanswered: labelled rows without an answer.
    """

    against: Against
    reason: str
    primary: str
    metrics: Mapping[str, float]
    n: int
    n_unanswered: int


def alone(holdout: Holdout, answers: Answers, rules: Rules) -> Alone:
    """Measure a version, and hold it against a constant.

    Args: rules: their primary, risk, resamples, seed and least rows.
    Raises: NotComparable, LabelMismatch, UnknownMetric.
    """
    compared = compare_rows(holdout, {NEW: answers, BASELINE: answers})
    primary = rules.primary or default_primary(compared)
    check_metric(primary, compared, ())
    names = tuple(dict.fromkeys((primary, *usual(compared))))
    found: dict[str, float] = {}
    against, reason = Against.CANNOT_TELL, ""
    if compared.n < max(2, rules.least_rows):
        reason = f"{compared.n} rows are too few: {rules.least_rows} are needed."
    elif compared.classes and len(np.unique(compared.true)) == 1:
        reason = "all labels are alike, so nothing can be told apart."
    elif primary in GAMED:
        reason = f"a constant can lead in {primary}, so it says nothing."
    if compared.n >= 2:
        models = {
            NEW: measures_of(compared, compared.sides[NEW], names),
            _CONSTANT: measures_of(compared, constant_side(compared, primary), [primary]),
        }
        resampled = resample(
            models,
            compared.n,
            n_resamples=rules.n_resamples,
            alpha=rules.alpha,
            seed=rules.seed,
        )
        values = {name: resampled.of(NEW, name).value for name in names}
        found = {name: value for name, value in values.items() if math.isfinite(value)}
        if not reason:
            pair = MetricPair(
                metric=primary,
                new=resampled.of(NEW, primary),
                baseline=resampled.of(_CONSTANT, primary),
                difference=resampled.difference(NEW, _CONSTANT, primary),
                less_is_better=less_is_better(primary, ()),
                n=resampled.n,
            )
            against, reason = _judged(pair)
    return Alone(
        against=against,
        reason=reason,
        primary=primary,
        metrics=found,
        n=compared.n,
        n_unanswered=compared.n_unanswered[NEW],
    )


def _judged(pair: MetricPair) -> tuple[Against, str]:
    low, high = pair.gain_ends
    said = (
        f"{pair.metric} is {pair.new.value:.4g}, that of a constant answer "
        f"{pair.baseline.value:.4g}, over {pair.n:,} rows"
    )
    if math.isnan(pair.gain) or math.isinf(low) or math.isinf(high):
        return Against.CANNOT_TELL, f"{said}: it is not defined."
    if high < 0:
        return Against.WORSE, f"{said}."
    if low > 0:
        return Against.BETTER, f"{said}."
    return Against.CANNOT_TELL, f"{said}: that may be chance."

"""The quantities versions are compared by: which there are, and which way is better. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.registry.signature import Task
from seatrial.stats.measures import (
    LABEL_QUANTITIES,
    NUMBER_QUANTITIES,
    PROBABILITY_QUANTITIES,
    SCORE_QUANTITIES,
    Labels,
    Numbers,
    OfRows,
    Scores,
    probability_means,
)
from seatrial.stats.resampling import Measure
from seatrial.training.evaluation.answers import Compared, Side
from seatrial.training.evaluation.rules import Margin

Function = Callable[[NDArray[np.generic], NDArray[np.generic]], float]
"""Of labels and predictions, each shape (n,), as the holdout and the version have them."""

LESS_IS_BETTER = frozenset({"log_loss", "brier", "mae", "rmse"})

RATES = frozenset({*LABEL_QUANTITIES, *SCORE_QUANTITIES, "r2"})
"""Quantities whose differences are meant as they stand; others are meant beside their size."""

GAMED = frozenset({"precision", "recall", "precision_macro", "recall_macro"})
"""Quantities that a constant answer can lead in, so that falling behind one says nothing."""


class UnknownMetric(Invalid):
    """A metric that nobody computes, or that these versions do not have."""

    code = "evaluation.unknown_metric"


class MetricFails(Invalid):
    """A function that was named as a metric raised, or gave no number."""

    code = "evaluation.metric_fails"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMetric:
    """A metric of the user's.

    Args:
        name: as it is shown.
        function: what computes it.
        less_is_better: whether a lower value is.
    """

    name: str
    function: Function
    less_is_better: bool = False


def known(compared: Compared) -> tuple[str, ...]:
    """The metrics that these versions have, in the order in which they are shown."""
    if compared.task is Task.REGRESSION:
        return NUMBER_QUANTITIES
    if not compared.has_probabilities:
        return LABEL_QUANTITIES
    return (*LABEL_QUANTITIES, *SCORE_QUANTITIES, *PROBABILITY_QUANTITIES)


def usual(compared: Compared) -> tuple[str, ...]:
    """The metrics shown where none are named: means over two classes say little that is new."""
    return tuple(n for n in known(compared) if not n.endswith("_macro") or n == "f1_macro")


def default_primary(compared: Compared) -> str:
    """The metric that decides where none is named.

    Of probabilities the Brier score: it is proper, so no version gains by overstating, and bounded,
    so no single row decides.
    """
    if compared.task is Task.REGRESSION:
        return "mae"
    return "brier" if compared.has_probabilities else "accuracy"


def usual_margin(metric: str) -> Margin:
    """One point of a rate; a twentieth of a loss, an error, or a metric of the user's."""
    return Margin(size=0.01) if metric in RATES else Margin(size=0.05, relative=True)


def check_metric(name: str, compared: Compared, own: Sequence[OwnMetric]) -> None:
    """Refuse what cannot be computed of these versions.   Raises: UnknownMetric."""
    names = (*known(compared), *(metric.name for metric in own))
    if name not in names:
        raise UnknownMetric(
            f"There is no metric {name!r} of these versions.",
            remedy=f"Use some of: {', '.join(names)}; or name a function as package.module:name.",
            metric=name,
        )


def check_names(names: Collection[str], own: Sequence[OwnMetric]) -> None:
    """Refuse what no versions have, before any is asked.   Raises: UnknownMetric."""
    of_all = (*LABEL_QUANTITIES, *SCORE_QUANTITIES, *PROBABILITY_QUANTITIES, *NUMBER_QUANTITIES)
    known_names = dict.fromkeys((*of_all, *(metric.name for metric in own)))
    for name in names:
        if name not in known_names:
            raise UnknownMetric(
                f"There is no metric {name!r}.",
                remedy=f"Use some of: {', '.join(known_names)}; or name a function as "
                "package.module:name.",
                metric=name,
            )


def measures_of(
    compared: Compared, side: Side, names: Collection[str], own: Sequence[OwnMetric] = ()
) -> list[Measure]:
    """What measures a version by the metrics that are named, and by those that come with them."""
    wanted = frozenset(names)
    found: list[Measure] = [
        OfRows(metric.name, _checked(metric, compared, side))
        for metric in own
        if metric.name in wanted
    ]
    if compared.task is Task.REGRESSION:
        if wanted & {*NUMBER_QUANTITIES}:
            true, predicted = compared.true.astype(np.float64), side.predicted.astype(np.float64)
            found.append(Numbers(true, predicted))
        return found
    places, answers = compared.true.astype(np.intp), side.predicted.astype(np.intp)
    if wanted & {*LABEL_QUANTITIES}:
        found.append(Labels(places, answers, n_classes=len(compared.classes)))
    if side.probabilities is not None:
        if wanted & {*SCORE_QUANTITIES}:
            found.append(Scores(places, side.probabilities))
        if wanted & {*PROBABILITY_QUANTITIES}:
            found.append(probability_means(places, side.probabilities))
    return found


def less_is_better(name: str, own: Sequence[OwnMetric]) -> bool:
    """Whether a lower value is better."""
    return name in LESS_IS_BETTER or any(m.name == name and m.less_is_better for m in own)


def constant_side(compared: Compared, metric: str) -> Side:
    """What answers every row alike, the best it can for these labels: the most frequent class, with
    the shares of all as probabilities; the mean, or for absolute errors the median.
    """
    n = compared.n
    if compared.task is Task.REGRESSION:
        middle = np.median(compared.true) if metric == "mae" else np.mean(compared.true)
        numbers = np.full(n, float(middle))
        return Side(predicted=numbers, probabilities=None, values=numbers)
    k = len(compared.classes)
    shares = np.bincount(compared.true.astype(np.intp), minlength=k + 1)[:k] / n
    most = int(shares.argmax())
    of_most = np.flatnonzero(compared.true == most)[:1].repeat(n)
    return Side(
        predicted=np.full(n, most, np.intp),
        probabilities=np.tile(shares, (n, 1)),
        values=compared.values[of_most],
    )


def _checked(
    metric: OwnMetric, compared: Compared, side: Side
) -> Callable[[NDArray[np.intp]], float]:
    def value(rows: NDArray[np.intp]) -> float:
        try:
            return float(metric.function(compared.values[rows], side.values[rows]))
        except Exception as problem:
            raise MetricFails(
                f"The metric {metric.name!r} failed: {type(problem).__name__}: "
                f"{str(problem)[:300]}",
                remedy="Let it take labels and predictions as arrays and return one number, NaN "
                "where it is not defined.",
                metric=metric.name,
            ) from problem

    return value

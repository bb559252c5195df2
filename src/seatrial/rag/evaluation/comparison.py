"""Which of two evaluations over the same questions is better, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from seatrial.rag.evaluation.evaluation import LESS_IS_BETTER, Evaluation, Metric
from seatrial.rag.evaluation.questions import QuestionsInvalid
from seatrial.stats.bootstrap import bootstrap_mean
from seatrial.stats.counts import Interval


class Outcome(StrEnum):
    """How the second compares with the first."""

    BETTER = "better"
    WORSE = "worse"
    ALIKE = "alike"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricComparison:
    """One metric over the questions that both have.

    Args:
        first: mean of the first.
        second: mean of the second.
        difference: of the means, second minus first, with its interval.
        interval: of the difference, at 1 - alpha, by resampling pairs.
    """

    metric: Metric
    n: int
    first: float
    second: float
    difference: float
    interval: Interval
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two evaluations beside each other.

    Args:
        metrics: all that both have, in the order of `Metric`.
        deciding: the one of them that decides: their intervals are not corrected for their number.
        alpha: risk of each interval.
        k: documents of a ranking that counted.
    """

    first: str
    second: str
    metrics: tuple[MetricComparison, ...]
    deciding: MetricComparison
    alpha: float
    k: int

    @property
    def outcome(self) -> Outcome:
        """Of the deciding metric."""
        return self.deciding.outcome


def compare(
    first: Evaluation,
    second: Evaluation,
    *,
    decided_by: Metric = Metric.NDCG,
    margin: float = 0.005,
    alpha: float = 0.05,
) -> Comparison:
    """Compare over the questions that both were asked.

    Better or worse is an interval that leaves out 0; alike, one within the margin; else more
    questions are needed.

    Args:
        margin: >= 0, a difference that does not matter, in units of the metric.
        alpha: in (0, 1), two-sided.
    Raises: QuestionsInvalid, where they share no question with the deciding metric.
    """
    metrics = tuple(
        found
        for metric in Metric
        if (found := _compared(first, second, metric, margin=margin, alpha=alpha)) is not None
    )
    deciding = [one for one in metrics if one.metric is decided_by]
    if not deciding:
        raise QuestionsInvalid(
            f"{first.name!r} and {second.name!r} share no question with {decided_by.value!r}.",
            remedy="Evaluate both with the same questions.",
        )
    return Comparison(
        first=first.name,
        second=second.name,
        metrics=metrics,
        deciding=deciding[0],
        alpha=alpha,
        k=first.k,
    )


def _compared(
    first: Evaluation, second: Evaluation, metric: Metric, *, margin: float, alpha: float
) -> MetricComparison | None:
    one, other = first.scores.get(metric, {}), second.scores.get(metric, {})
    shared = sorted(set(one) & set(other))
    if not shared:
        return None
    found = bootstrap_mean([other[name] - one[name] for name in shared], alpha=alpha)
    return MetricComparison(
        metric=metric,
        n=len(shared),
        first=sum(one[name] for name in shared) / len(shared),
        second=sum(other[name] for name in shared) / len(shared),
        difference=found.mean,
        interval=found.interval,
        outcome=_outcome(found.interval, margin, less_is_better=metric in LESS_IS_BETTER),
    )


def _outcome(interval: Interval, margin: float, *, less_is_better: bool) -> Outcome:
    lower, upper = interval.lower, interval.upper
    if less_is_better:
        lower, upper = -upper, -lower
    if lower > 0:
        return Outcome.BETTER
    if upper < 0:
        return Outcome.WORSE
    return Outcome.ALIKE if -margin <= lower and upper <= margin else Outcome.INCONCLUSIVE

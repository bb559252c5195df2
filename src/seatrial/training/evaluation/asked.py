"""Which metrics, margins and guardrails an evaluation goes by, of what the versions allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.stats.resampling import Measure, Resamples
from seatrial.training.evaluation.answers import Compared, Side
from seatrial.training.evaluation.decision import MetricPair
from seatrial.training.evaluation.metrics import (
    OwnMetric,
    check_metric,
    default_primary,
    less_is_better,
    measures_of,
    usual,
    usual_margin,
)
from seatrial.training.evaluation.rules import Guardrail, Margin, Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Names and rules, as far as the versions allow."""

    primary: str
    margin: Margin
    shown: tuple[str, ...]
    guardrails: tuple[Guardrail, ...]
    own: tuple[OwnMetric, ...]

    @classmethod
    def of(
        cls, compared: Compared, rules: Rules, metrics: Sequence[str], own: Sequence[OwnMetric]
    ) -> Asked:
        """Fill in what nobody asked for.   Raises: UnknownMetric."""
        primary = rules.primary or default_primary(compared)
        guards = rules.guardrails
        if guards is None:
            guards = (Guardrail(metric="accuracy"),) if compared.classes else ()
        guarded = [guard.metric for guard in guards]
        shown = dict.fromkeys(
            (primary, *(metrics or usual(compared)), *(m.name for m in own), *guarded)
        )
        for name in shown:
            check_metric(name, compared, own)
        return cls(
            primary=primary,
            margin=rules.margin or usual_margin(primary),
            shown=tuple(shown),
            guardrails=tuple(g for g in guards if g.metric != primary or g.column is not None),
            own=tuple(own),
        )

    @property
    def guarded_columns(self) -> tuple[str, ...]:
        """The columns in whose segments a metric is guarded."""
        return tuple(guard.column for guard in self.guardrails if guard.column is not None)

    def measures(self, compared: Compared, side: Side, names: Sequence[str]) -> list[Measure]:
        """The named metrics of one side, ready to be resampled."""
        return measures_of(compared, side, names, self.own)

    def pair(self, found: Resamples, metric: str, first: str, second: str) -> MetricPair:
        """One metric of two sides, and their difference."""
        return MetricPair(
            metric=metric,
            new=found.of(first, metric),
            baseline=found.of(second, metric),
            difference=found.difference(first, second, metric),
            less_is_better=less_is_better(metric, self.own),
            n=found.n,
        )

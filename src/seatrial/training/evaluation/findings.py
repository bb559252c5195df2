"""What the rows, the measures and the costs of two versions say, each for itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seatrial.training.evaluation.answers import Answers, Compared
from seatrial.training.evaluation.asked import Asked
from seatrial.training.evaluation.decision import (
    Finding,
    Guarded,
    Kind,
    MetricPair,
    Outcome,
    judge_constant,
    judge_guardrails,
    judge_latency,
    judge_primary,
    judge_size,
    judge_unanswered,
)
from seatrial.training.evaluation.evaluation import BASELINE, NEW, SegmentPair, VersionFacts
from seatrial.training.evaluation.measuring import one_class
from seatrial.training.evaluation.metrics import usual_margin
from seatrial.training.evaluation.rules import Rules


def findings_of_rows(
    compared: Compared, answers: Mapping[str, Answers], rules: Rules
) -> list[Finding]:
    """What the rows themselves say, before anything is measured."""
    n = compared.n + max(compared.n_unanswered.values())
    found = judge_unanswered(compared.n_unanswered, n, answers[NEW].why_not, rules)
    facts: dict[str, object] = {"n": compared.n}
    if compared.n < rules.least_rows:
        facts["least"] = rules.least_rows
        found.append(Finding(kind=Kind.TOO_FEW_ROWS, outcome=Outcome.CANNOT_TELL, facts=facts))
    elif one_class(compared):
        facts["value"] = (*compared.classes, "?")[int(compared.true[0])]
        found.append(Finding(kind=Kind.ONE_CLASS, outcome=Outcome.CANNOT_TELL, facts=facts))
    return found


def findings_of_metrics(
    pairs: Sequence[MetricPair],
    constant: MetricPair | None,
    segments: Sequence[SegmentPair],
    asked: Asked,
    rules: Rules,
) -> list[Finding]:
    """What the primary, a constant and the guardrails say, over all and by segment."""
    by_name = {pair.metric: pair for pair in pairs}
    guarded = [
        Guarded(pair=by_name[guard.metric], margin=guard.margin or usual_margin(guard.metric))
        for guard in asked.guardrails
        if guard.column is None
    ]
    for segment in segments:
        guarded += _guarded_in(segment, asked, rules)
    return [
        judge_primary(by_name[asked.primary], asked.margin),
        *([] if constant is None else judge_constant(constant)),
        *judge_guardrails(guarded, alpha=rules.alpha),
    ]


def _guarded_in(segment: SegmentPair, asked: Asked, rules: Rules) -> list[Guarded]:
    margins = {asked.primary: rules.segment_margin or asked.margin}
    for guard in asked.guardrails:
        if guard.column == segment.column:
            margins[guard.metric] = guard.margin or usual_margin(guard.metric)
    return [
        Guarded(
            pair=pair,
            margin=margins[pair.metric],
            segment=(segment.column, segment.value),
            judged=segment.judged,
        )
        for pair in segment.metrics
    ]


def findings_of_cost(versions: Mapping[str, VersionFacts], rules: Rules) -> list[Finding]:
    """What size and latency say."""
    new, baseline = versions[NEW], versions[BASELINE]
    found = judge_size(new.n_bytes, baseline.n_bytes, rules)
    if new.one is not None and baseline.one is not None:
        found += judge_latency(new.one, baseline.one, rules)
    return found

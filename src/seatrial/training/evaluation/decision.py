"""Better, not worse, worse, or nobody can tell: rules applied to what was measured. Pure.

Every rule gives a finding; the worst one decides. Nothing counts as harmless because it was not
measured: what the rules ask for and the rows cannot show is `CANNOT_TELL`. Only a segment of few
rows is left to be looked at by people.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from seatrial.stats.holm import holm
from seatrial.stats.resampling import Estimate
from seatrial.stats.roc import normal_tail
from seatrial.training.evaluation.latency import Times
from seatrial.training.evaluation.rules import Margin, Rules


class Outcome(StrEnum):
    """How the new version compares with the baseline, from good to bad."""

    BETTER = "better"
    NOT_WORSE = "not_worse"
    CANNOT_TELL = "cannot_tell"
    WORSE = "worse"


_SEVERITY = tuple(Outcome)


class Kind(StrEnum):
    """What a finding is about; each has its words in `card_words.py`."""

    PRIMARY_BETTER = "primary_better"
    PRIMARY_NOT_WORSE = "primary_not_worse"
    PRIMARY_WORSE = "primary_worse"
    PRIMARY_UNCERTAIN = "primary_uncertain"
    PRIMARY_UNDEFINED = "primary_undefined"
    TOO_FEW_ROWS = "too_few_rows"
    ONE_CLASS = "one_class"
    BELOW_CONSTANT = "below_constant"
    PERHAPS_BELOW_CONSTANT = "perhaps_below_constant"
    GUARDRAIL_WORSE = "guardrail_worse"
    GUARDRAIL_UNDEFINED = "guardrail_undefined"
    SEGMENT_WORSE = "segment_worse"
    UNANSWERED = "unanswered"
    LATENCY_LIMIT = "latency_limit"
    LATENCY_GROWTH = "latency_growth"
    SIZE_LIMIT = "size_limit"
    SIZE_GROWTH = "size_growth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one rule says.

    Args:
        kind: what it is about.
        outcome: the best that is left.
        facts: numbers and names for its words.
    """

    kind: Kind
    outcome: Outcome
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What came of it.

    Args:
        outcome: the worst of the findings.
        findings: the deciding ones first.
    """

    outcome: Outcome
    findings: tuple[Finding, ...]

    @property
    def reasons(self) -> tuple[Finding, ...]:
        """The findings that decided."""
        return tuple(one for one in self.findings if one.outcome is self.outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPair:
    """One metric of both versions over the same rows.

    Args:
        metric: its name.
        new: of the new version.
        baseline: of the version in production.
        difference: new less baseline.
        less_is_better: whether a lower value is.
        n: rows.
    """

    metric: str
    new: Estimate
    baseline: Estimate
    difference: Estimate
    less_is_better: bool
    n: int

    @property
    def gain(self) -> float:
        """How much better the new version is, in the metric's own unit."""
        return -self.difference.value if self.less_is_better else self.difference.value

    @property
    def gain_ends(self) -> tuple[float, float]:
        """The ends of the interval of the gain."""
        interval = self.difference.interval
        if self.less_is_better:
            return -interval.upper, -interval.lower
        return interval.lower, interval.upper


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A metric that must not be worse, over all rows or in a segment.

    Args:
        pair: as measured.
        margin: how much worse it may be.
        segment: column and value, or None for all rows.
        judged: whether there are rows enough.
    """

    pair: MetricPair
    margin: Margin
    segment: tuple[str, str] | None = None
    judged: bool = True


def decide(findings: Sequence[Finding]) -> Decision:
    """The worst finding decides; at least one is given."""
    ordered = sorted(findings, key=lambda one: _SEVERITY.index(one.outcome), reverse=True)
    return Decision(outcome=ordered[0].outcome, findings=tuple(ordered))


def judge_primary(pair: MetricPair, margin: Margin) -> Finding:
    """Better where the interval of the gain is above 0; not worse where it is above minus the
    margin; worse where it is below 0, and not within the margin; else more rows are needed.
    """
    allowed = margin.of(pair.baseline.value)
    low, high = pair.gain_ends
    facts: dict[str, object] = {
        "metric": pair.metric,
        "new": pair.new.value,
        "baseline": pair.baseline.value,
        "gain": pair.gain,
        "low": low,
        "high": high,
        "margin": allowed,
        "n": pair.n,
    }
    if math.isnan(pair.gain) or math.isinf(low):
        return _finding(Kind.PRIMARY_UNDEFINED, Outcome.CANNOT_TELL, metric=pair.metric, n=pair.n)
    if low > 0:
        return Finding(kind=Kind.PRIMARY_BETTER, outcome=Outcome.BETTER, facts=facts)
    if low >= -allowed:
        return Finding(kind=Kind.PRIMARY_NOT_WORSE, outcome=Outcome.NOT_WORSE, facts=facts)
    if high < 0:
        return Finding(kind=Kind.PRIMARY_WORSE, outcome=Outcome.WORSE, facts=facts)
    facts["n_needed"] = _rows_needed(pair, allowed)
    return Finding(kind=Kind.PRIMARY_UNCERTAIN, outcome=Outcome.CANNOT_TELL, facts=facts)


def judge_constant(constant: MetricPair) -> list[Finding]:
    """Whether the new version falls behind what answers every row alike.

    Args: constant: the pair whose baseline is the constant.
    """
    low, high = constant.gain_ends
    if constant.gain >= 0 or math.isnan(constant.gain) or math.isinf(low):
        return []
    facts = {
        "metric": constant.metric,
        "new": constant.new.value,
        "constant": constant.baseline.value,
    }
    if high < 0:
        return [Finding(kind=Kind.BELOW_CONSTANT, outcome=Outcome.WORSE, facts=facts)]
    return [Finding(kind=Kind.PERHAPS_BELOW_CONSTANT, outcome=Outcome.CANNOT_TELL, facts=facts)]


def judge_guardrails(guarded: Sequence[Guarded], *, alpha: float) -> list[Finding]:
    """The guardrails that are shown to be broken, all looked at together.

    Each is a test of "worse by no more than its margin", by the normal limit with the error that
    the bootstrap found. Holm's correction keeps the chance of even one false finding at most
    alpha / 2, however many segments there are.
    """
    found = [
        _finding(
            Kind.GUARDRAIL_UNDEFINED, Outcome.CANNOT_TELL, metric=one.pair.metric, n=one.pair.n
        )
        for one in guarded
        if one.segment is None and not _measured(one.pair)
    ]
    judged = [one for one in guarded if one.judged and _measured(one.pair)]
    p_values = holm([_p_within(one) for one in judged]).tolist()
    for one, p_value in zip(judged, p_values, strict=True):
        if p_value > alpha / 2:
            continue
        pair = one.pair
        facts: dict[str, object] = {
            "metric": pair.metric,
            "new": pair.new.value,
            "baseline": pair.baseline.value,
            "gain": pair.gain,
            "margin": one.margin.of(pair.baseline.value),
            "n": pair.n,
            "p_value": p_value,
        }
        if one.segment is None:
            found.append(Finding(kind=Kind.GUARDRAIL_WORSE, outcome=Outcome.WORSE, facts=facts))
            continue
        column, value = one.segment
        facts |= {"column": column, "value": value}
        found.append(Finding(kind=Kind.SEGMENT_WORSE, outcome=Outcome.WORSE, facts=facts))
    return found


def judge_unanswered(
    n_unanswered: Mapping[str, int], n: int, why_not: str | None, rules: Rules
) -> list[Finding]:
    """Whether the new version leaves rows without an answer that the baseline answers.

    Args:
        n_unanswered: by version.
        n: labelled rows in all.
    """
    more = n_unanswered["new"] - n_unanswered["baseline"]
    if more <= 0 or more <= rules.max_unanswered_share * n:
        return []
    return [
        _finding(
            Kind.UNANSWERED,
            Outcome.WORSE,
            n_new=n_unanswered["new"],
            n_baseline=n_unanswered["baseline"],
            n=n,
            why=why_not,
        )
    ]


def judge_latency(new: Times, baseline: Times, rules: Rules) -> list[Finding]:
    """Limits of the p95 of one row that are shown to be passed."""
    found = []
    limit = rules.max_latency_ms
    if limit is not None and 1e3 * new.p95_low_s > limit:
        found.append(
            _finding(Kind.LATENCY_LIMIT, Outcome.WORSE, new_ms=1e3 * new.p95_s, limit_ms=limit)
        )
    growth = rules.max_latency_growth
    if growth is not None:
        most = max(growth * baseline.p95_s, baseline.p95_s + rules.latency_slack_ms / 1e3)
        if new.p95_low_s > most:
            found.append(
                _finding(
                    Kind.LATENCY_GROWTH,
                    Outcome.WORSE,
                    new_ms=1e3 * new.p95_s,
                    baseline_ms=1e3 * baseline.p95_s,
                    growth=growth,
                )
            )
    return found


def judge_size(new: int, baseline: int, rules: Rules) -> list[Finding]:
    """Limits of the bundle's size, in bytes."""
    found = []
    if rules.max_bytes is not None and new > rules.max_bytes:
        found.append(_finding(Kind.SIZE_LIMIT, Outcome.WORSE, new=new, limit=rules.max_bytes))
    growth = rules.max_size_growth
    if growth is not None and new > max(growth * baseline, baseline + rules.size_slack_bytes):
        found.append(
            _finding(Kind.SIZE_GROWTH, Outcome.WORSE, new=new, baseline=baseline, growth=growth)
        )
    return found


def _finding(kind: Kind, outcome: Outcome, **facts: object) -> Finding:
    return Finding(kind=kind, outcome=outcome, facts=facts)


def _measured(pair: MetricPair) -> bool:
    return not math.isnan(pair.difference.standard_error)


def _p_within(one: Guarded) -> float:
    """That the new version is worse by no more than the margin."""
    over = -one.pair.gain - one.margin.of(one.pair.baseline.value)
    error = one.pair.difference.standard_error
    if error == 0:
        return 0.0 if over > 0 else 1.0
    return normal_tail(over / error)


def _rows_needed(pair: MetricPair, allowed: float) -> int | None:
    """Rows with which this gain would be not worse; None where no number of them would do."""
    low, _ = pair.gain_ends
    room = pair.gain + allowed
    if room <= 0:
        return None
    return int(pair.n * ((pair.gain - low) / room) ** 2) + 1

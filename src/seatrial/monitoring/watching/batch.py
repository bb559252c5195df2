"""Rows beside a reference, once: what rules of thumb say of them, and the verdict on it all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from seatrial.monitoring.drift.literal_rules import KsRule, PsiRule, ks_rule, psi_rule
from seatrial.monitoring.drift.severity import Severity, worst
from seatrial.monitoring.drift.verdict import ColumnDrift
from seatrial.monitoring.performance.verdict import Level
from seatrial.monitoring.summaries.profile import Categorical, Numeric, Profile
from seatrial.monitoring.summaries.summary import Names, Numbers, Summary
from seatrial.monitoring.watching.segment_findings import SegmentTrouble, troubles
from seatrial.monitoring.watching.watch import WindowReport

Record = dict[str, Any]

_NAMED = 2


class RuleName(StrEnum):
    """By what rows are judged."""

    DEFAULT = "default"
    PSI = "psi"
    KS = "ks"


class Outcome(StrEnum):
    """What is to be made of the rows."""

    CLEAR = "clear"
    WARNING = "warning"
    ALARM = "alarm"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumb:
    """What the rules of thumb say, by column; a rule that was not asked for says nothing."""

    psi: Mapping[str, PsiRule] = field(default_factory=dict)
    ks: Mapping[str, KsRule] = field(default_factory=dict)

    def as_dict(self) -> Record:
        """JSON-able."""
        return {
            "psi": {name: asdict(one) for name, one in self.psi.items()},
            "ks": {name: asdict(one) for name, one in self.ks.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchVerdict:
    """What is to be made of the rows, and why.

    Args:
        outcome: ALARM when a rule that was asked for sees something that matters; INCONCLUSIVE
            when there were too few rows to say anything of any column.
        reason: a sentence for a person.
        columns: that moved, the worst first.
    """

    outcome: Outcome
    reason: str
    columns: tuple[str, ...] = ()


def thumb(
    profile: Profile, window: Summary, report: WindowReport, rules: Collection[RuleName]
) -> Thumb:
    """What the rules of thumb say of features and answers."""
    known = {**profile.predictions, **profile.features}
    counted = {**window.predictions.known, **window.features.known}
    drift = {c.name: c for c in (*report.drift.predictions, *report.drift.features)}
    psi: dict[str, PsiRule] = {}
    ks: dict[str, KsRule] = {}
    for name, column in drift.items():
        there, here = known.get(name), counted.get(name)
        if (
            RuleName.PSI in rules
            and isinstance(there, Numeric | Categorical)
            and isinstance(here, Numbers | Names)
            and min(_n_counted(there), here.n_present) > 0
        ):
            psi[name] = psi_rule(there, here)
        if RuleName.KS in rules and column.ks is not None:
            ks[name] = ks_rule(column.ks)
    return Thumb(psi=psi, ks=ks)


def verdict(report: WindowReport, found: Thumb, rules: Collection[RuleName]) -> BatchVerdict:
    """The verdict of the rules that were asked for."""
    if report.n == 0:
        return BatchVerdict(outcome=Outcome.INCONCLUSIVE, reason="There are no rows to compare.")
    verdicts = [
        *([_default(report)] if RuleName.DEFAULT in rules else []),
        *([_psi(found)] if RuleName.PSI in rules else []),
        *([_ks(found)] if RuleName.KS in rules else []),
    ]
    order = (Outcome.ALARM, Outcome.WARNING, Outcome.INCONCLUSIVE, Outcome.CLEAR)
    return min(verdicts, key=lambda one: order.index(one.outcome))


def with_performance(
    found: BatchVerdict,
    levels: Collection[tuple[Level, str]],
    by_segment: Collection[tuple[Level, str]] = (),
) -> BatchVerdict:
    """The verdict with what performance means: a critical drop is an alarm.

    Args:
        levels: of the real and of the estimated performance, each with its reason.
        by_segment: the same of segments, whose reasons name the worst of them.
    """
    said = [one for one in (_worst_drop(levels), _worst_drop(by_segment)) if one is not None]
    if not said:
        return found
    order = (Outcome.ALARM, Outcome.WARNING)
    outcomes = [outcome for outcome, _ in said]
    reason = " ".join(_sentence(why) for _, why in said)
    if found.outcome in order:
        worse = min((found.outcome, *outcomes), key=order.index)
        return replace(found, outcome=worse, reason=f"{found.reason} {reason}")
    return replace(found, outcome=min(outcomes, key=order.index), reason=reason)


def _worst_drop(levels: Collection[tuple[Level, str]]) -> tuple[Outcome, str] | None:
    """The outcome of the worst level that is a drop, the first of its kind."""
    for level, outcome in ((Level.CRITICAL, Outcome.ALARM), (Level.WARNING, Outcome.WARNING)):
        for one, reason in levels:
            if one is level:
                return outcome, reason
    return None


def _n_counted(column: Numeric | Categorical) -> int:
    return sum(column.counts) if isinstance(column, Numeric) else column.n - column.n_missing


def _default(report: WindowReport) -> BatchVerdict:
    moved = report.drift.moved
    segments = troubles(report.segments, budget_windows=report.alarm.budget)
    quality = [one.severity for one in report.quality]
    severity = worst((report.drift.severity, *quality, *(one.severity for one in segments)))
    names = tuple(
        dict.fromkeys((*_names(moved, report), *(n for one in segments for n in one.features)))
    )
    if report.alarm.alarm or severity is Severity.CRITICAL:
        return BatchVerdict(outcome=Outcome.ALARM, reason=_why(report, segments), columns=names)
    if severity is Severity.WARNING:
        return BatchVerdict(outcome=Outcome.WARNING, reason=_why(report, segments), columns=names)
    columns = (*report.drift.features, *report.drift.predictions)
    if all(column.effect is None for column in columns):
        n = max((column.n for column in columns), default=0)
        return BatchVerdict(
            outcome=Outcome.INCONCLUSIVE,
            reason=f"Too few rows to say: {report.n:,}, beside {n:,} of the reference. PSI needs "
            "20 for each of its groups.",
        )
    return BatchVerdict(outcome=Outcome.CLEAR, reason=_sentence(report.alarm.reason))


def _why(report: WindowReport, segments: Sequence[SegmentTrouble]) -> str:
    """The worst that was found, in a sentence; the columns say the rest."""
    if report.alarm.alarm:
        return _sentence(report.alarm.reason)
    parts = [f"{c.name!r}: {c.reason.rstrip('.')}" for c in report.drift.moved[:_NAMED]]
    bad = [one for one in report.quality if one.severity is not Severity.NONE]
    parts += [f"{one.column!r}: {one.value}" if one.column else one.value for one in bad[:_NAMED]]
    # What the whole shows, a segment shows too: it is told of where it shows more.
    parts += [f"in {one.said('en')}" for one in segments[:_NAMED]] if not parts else []
    return f"{'; '.join(parts)}."


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _names(moved: tuple[ColumnDrift, ...], report: WindowReport) -> tuple[str, ...]:
    more = [m.column for m in report.alarm.moved if report.alarm.alarm]
    bad = [one.column for one in report.quality if one.column]
    return tuple(dict.fromkeys((*(column.name for column in moved), *more, *bad)))


def _psi(found: Thumb) -> BatchVerdict:
    if not found.psi:
        return BatchVerdict(
            outcome=Outcome.INCONCLUSIVE, reason="No column has rows to take a PSI of."
        )
    ordered = sorted(found.psi.items(), key=lambda item: -item[1].psi)
    over = [name for name, one in ordered if one.severity is not Severity.NONE]
    name, largest = ordered[0]
    said = (
        f"The largest PSI, nothing taken off for chance, is {largest.psi:.3f} in {largest.n_bins} "
        f"bins, of {name!r}."
    )
    severity = worst(one.severity for one in found.psi.values())
    outcome = {
        Severity.NONE: Outcome.CLEAR,
        Severity.WARNING: Outcome.WARNING,
        Severity.CRITICAL: Outcome.ALARM,
    }[severity]
    return BatchVerdict(outcome=outcome, reason=said, columns=tuple(over))


def _ks(found: Thumb) -> BatchVerdict:
    if not found.ks:
        return BatchVerdict(
            outcome=Outcome.INCONCLUSIVE, reason="No column of numbers has rows to compare."
        )
    ordered = sorted(found.ks.items(), key=lambda item: item[1].p_value)
    over = [name for name, one in ordered if one.drift_detected]
    said = f"{len(over)} of {len(ordered)} columns of numbers have a Kolmogorov-Smirnov p < 0.05."
    outcome = Outcome.ALARM if over else Outcome.CLEAR
    return BatchVerdict(outcome=outcome, reason=said, columns=tuple(over))

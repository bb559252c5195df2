"""What a rule says of what is known, with its reason and evidence.

What follows from a decision, and is remembered of it, is in `triggers/trigger.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import assert_never

from seatrial.monitoring.alerts.finding import MAX_NAMED
from seatrial.monitoring.triggers.cron import following, latest
from seatrial.monitoring.triggers.fold import RuleState
from seatrial.monitoring.triggers.rule import (
    DriftRule,
    Evidence,
    LabelsRule,
    PerformanceRule,
    Rule,
    ScheduleRule,
    Window,
)

CLOCK_SLACK_S = 60.0
"""By how much clocks of several processes may differ before one is said to have been set back."""


class Says(StrEnum):
    """What a rule says."""

    ASKS = "asks"
    WELL = "well"
    COOLING = "cooling"
    ASKED = "asked"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a rule says now, and why.

    Args:
        rule: its name.
        says: ASKS when a request follows; COOLING when it would but for the cooldown; ASKED when
            this cause was asked for already.
        reason: for a person.
        evidence: JSON-able figures.
        version: the one it is about; None for all.
    """

    rule: str
    says: Says
    reason: str
    evidence: Mapping[str, object] = field(default_factory=dict)
    version: int | None = None


def evidence_of(rule: PerformanceRule | DriftRule, window: Window) -> Evidence:
    """What the figure of a window rests on."""
    measured = window.performance.get(rule.metric) if isinstance(rule, PerformanceRule) else None
    return Evidence.LABELS if measured is None else measured.evidence


def beyond(
    rule: PerformanceRule | DriftRule, window: Window
) -> tuple[bool, dict[str, object]] | None:
    """Whether a window is beyond a rule's limit, with its figures; None without any.

    A metric with an interval is beyond the limit when the whole of the interval is.
    """
    if isinstance(rule, DriftRule):
        known = {
            name: psi
            for name, psi in window.psi.items()
            if psi is not None and any(fnmatchcase(name, pattern) for pattern in rule.features)
        }
        over = {name: psi for name, psi in known.items() if psi > rule.limit}
        worst = sorted(over.items(), key=lambda pair: -pair[1])[:MAX_NAMED]
        evidence = {"psi": dict(worst), "n_over": len(over), "n_features": len(known)}
        return (bool(over), evidence) if known else None
    measured = window.performance.get(rule.metric)
    if measured is None or not measured.evidence.is_at_least(rule.evidence):
        return None
    kindest = measured.high if rule.high_is_good else measured.low
    value = measured.value if kindest is None else kindest
    met = value < rule.limit if rule.high_is_good else value > rule.limit
    bounds = {"low": measured.low, "high": measured.high}
    return met, {"value": measured.value, **bounds, "evidence": measured.evidence.value}


def decide(
    rule: Rule,
    state: RuleState,
    *,
    n_labelled: int | None,
    now: datetime,
    served: Collection[int] | None = None,
) -> Decision:
    """What a rule says of what is known of it at ``now``; see `trigger.look`."""
    match rule:
        case ScheduleRule():
            cause = _by_schedule(rule, state, now)
        case LabelsRule():
            cause = _by_labels(rule, state, n_labelled)
        case PerformanceRule() | DriftRule():
            cause = _by_windows(rule, state, served)
        case _:
            assert_never(rule)
    if cause.says is not Says.ASKS or state.asked_at is None:
        return cause
    passed_s = (now - state.asked_at).total_seconds()
    left_s = rule.cooldown_s - passed_s
    if left_s <= 0 or passed_s < -CLOCK_SLACK_S:  # the clock was set back since: it is not waited
        return cause
    return replace(cause, says=Says.COOLING, evidence={**cause.evidence, "cooldown_s": left_s})


def _by_schedule(rule: ScheduleRule, state: RuleState, now: datetime) -> Decision:
    slot = latest(rule.cron, now, rule.zone)
    if slot is None or state.since is None or slot <= state.since:
        coming = following(rule.cron, now, rule.zone)
        return Decision(
            rule=rule.name,
            says=Says.WELL,
            reason=f"the schedule {rule.cron.text!r} has not come again",
            evidence={"next": coming.isoformat() if coming else None},
        )
    reason = f"the schedule {rule.cron.text!r} came at {slot:%Y-%m-%d %H:%M} UTC"
    evidence = {"slot": slot.isoformat()}
    return Decision(rule=rule.name, says=Says.ASKS, reason=reason, evidence=evidence)


def _by_labels(rule: LabelsRule, state: RuleState, n_labelled: int | None) -> Decision:
    if n_labelled is None or state.labelled is None:
        reason = "it is not known how many rows have labels"
        return Decision(rule=rule.name, says=Says.NO_DATA, reason=reason)
    n_new = n_labelled - state.labelled
    says = Says.ASKS if n_new >= rule.n_rows else Says.WELL
    return Decision(
        rule=rule.name,
        says=says,
        reason=f"{n_new} of {rule.n_rows} new labelled rows",
        evidence={"n_new": n_new, "n_labelled": n_labelled},
    )


def _by_windows(
    rule: PerformanceRule | DriftRule, state: RuleState, served: Collection[int] | None
) -> Decision:
    """The most pressing of what its versions say, and of equals the newest version's."""
    order = (Says.ASKS, Says.ASKED)
    versions = [v for v in state.windows if served is None or v in served]
    found = [_of_version(rule, state, v) for v in sorted(versions, reverse=True)]
    return min(
        found or [_of_version(rule, state, None)],
        key=lambda one: order.index(one.says) if one.says in order else len(order),
    )


def _of_version(
    rule: PerformanceRule | DriftRule, state: RuleState, version: int | None
) -> Decision:
    windows = () if version is None else state.windows[version]
    n_met = sum(one.met for one in windows[-rule.quorum.n :])
    what = (
        f"{rule.metric} was {'under' if rule.high_is_good else 'over'} {rule.limit:g}"
        if isinstance(rule, PerformanceRule)
        else f"the PSI was over {rule.limit:g}"
    )
    says = Says.WELL
    if n_met >= rule.quorum.k:
        says = Says.ASKED if version in state.asked else Says.ASKS
    evidence = {
        "n_met": n_met,
        "k": rule.quorum.k,
        "n": rule.quorum.n,
        "limit": rule.limit,
        "newest": dict(state.figures.get(version, {})) if version is not None else {},
    }
    return Decision(
        rule=rule.name,
        says=says,
        reason=f"{what} in {n_met} of the last {rule.quorum.n} windows",
        evidence=evidence,
        version=version,
    )

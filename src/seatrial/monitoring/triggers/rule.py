"""The rules that say when to retrain, and what one of them says of what is known.

A decision carries its reason and evidence. What is remembered between decisions, and what follows
from them, is in `triggers/trigger.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TypeAlias, assert_never

from seatrial.monitoring.alerts.finding import MAX_NAMED
from seatrial.monitoring.triggers.cron import Cron, following, latest

DAY_S = 86_400.0

CLOCK_SLACK_S = 60.0
"""By how much clocks of several processes may differ before one is said to have been set back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """How many of the latest windows must agree.

    Args:
        k: so many, in [1, n].
        n: of so many windows that had a figure.
    """

    k: int = 2
    n: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRule:
    """Retrain by the calendar.

    Args:
        name: of the rule, unique.
        cron: the schedule.
        zone: whose clocks it means.
        cooldown_s: the least time between two requests of the rule, in seconds.
    """

    name: str
    cron: Cron
    zone: tzinfo = UTC
    cooldown_s: float = 0.0


class Evidence(StrEnum):
    """What a figure of performance rests on, the strongest first."""

    LABELS = "labels"
    """Nearly all rows of the window have labels."""
    CONFIRMED = "confirmed"
    """An estimate that the newest labels agree with."""
    UNVERIFIED = "unverified"
    """An estimate that no label has checked, or none for long."""

    def is_at_least(self, other: Evidence) -> bool:
        """Whether it is as strong as another."""
        order = list(Evidence)
        return order.index(self) <= order.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceRule:
    """Retrain when a metric is beyond a limit.

    Args:
        metric: its name in `Window.performance`.
        limit: the worst value that is still well.
        high_is_good: whether larger is better, as accuracy is and a mean error is not.
        evidence: what a figure must rest on at least; weaker ones do not count.
    """

    name: str
    metric: str
    limit: float
    high_is_good: bool = True
    evidence: Evidence = Evidence.CONFIRMED
    quorum: Quorum = Quorum()
    cooldown_s: float = DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRule:
    """Evaluate when inputs drift, and retrain when the evaluation finds the model worse.

    Args:
        limit: of the PSI. 0.2 is the usual word for a shift that matters (Siddiqi 2006,
            "Credit Risk Scorecards", has 0.25, practice 0.2).
        features: patterns of the columns that count, with ``*`` and ``?``.
    """

    name: str
    limit: float = 0.2
    features: tuple[str, ...] = ("*",)
    quorum: Quorum = Quorum()
    cooldown_s: float = DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsRule:
    """Retrain on so many new labelled rows.

    Args:
        n_rows: >= 1, since the rule began or asked last.
    """

    name: str
    n_rows: int
    cooldown_s: float = 0.0


Rule: TypeAlias = ScheduleRule | PerformanceRule | DriftRule | LabelsRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A metric with its interval; the bounds are None when they are not known.

    Args: evidence: what it rests on.
    """

    value: float
    low: float | None = None
    high: float | None = None
    evidence: Evidence = Evidence.LABELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one window of one version showed.

    Args:
        version: that answered.
        end: of the window, aware UTC.
        index: grows from window to window of a version, whatever the clock does; None where nobody
            counts, and windows are in the order of their ends. One that was there already counts
            once, with the strongest evidence; one older than all that count is left out.
        performance: by metric; one that is missing is not known.
        psi: by feature, bias-corrected; None where it is not known.
    """

    version: int
    end: datetime
    index: int | None = None
    performance: Mapping[str, Measured] = field(default_factory=dict)
    psi: Mapping[str, float | None] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A window that counts for a rule; ``index`` and ``end`` as in `Window`.

    Args:
        met: whether it was beyond the limit.
        evidence: what its figure rests on.
    """

    end: datetime
    met: bool
    index: int | None = None
    evidence: Evidence = Evidence.LABELS

    def is_same(self, index: int | None, end: datetime) -> bool:
        """Whether it is the window of that index and end."""
        return self.end == end and self.index == index

    def is_after(self, index: int | None, end: datetime) -> bool:
        """Whether it is newer than the window of that index and end."""
        if self.index is None or index is None:
            return self.end > end
        return self.index > index


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """What is known of one rule.

    Args:
        began_at: when it was first looked at.
        since: when it began or asked, whichever came last.
        labelled: labelled rows when it began or asked last; None when not known.
        version: the one whose window counted last; None before the first.
        windows: the newest that count, by version, the oldest first.
        figures: of the newest window that was beyond the limit, by version.
        asked: versions whose cause was asked for and is not over.
        asked_at: when it asked last.
        n_asked: how often.
    """

    began_at: datetime | None = None
    since: datetime | None = None
    labelled: int | None = None
    version: int | None = None
    windows: Mapping[int, tuple[Seen, ...]] = field(default_factory=dict)
    figures: Mapping[int, Mapping[str, object]] = field(default_factory=dict)
    asked: frozenset[int] = frozenset()
    asked_at: datetime | None = None
    n_asked: int = 0


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

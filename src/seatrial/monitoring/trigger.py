"""When to retrain: rules over windows, labels and the calendar, as a state and its transitions.

`look` takes what is known of an endpoint and returns what each rule says, with reason and
evidence, and the facts that follow. Nothing is trained here: whoever trains reads
``retraining.requested`` and ``evaluation.requested`` from the stream ``triggers/<endpoint>``.

A cause asks once. A schedule asks once a slot; labels ask once for every N; drift and performance
ask once and again only when they were well in between, or another version answers. What was asked
is a fact, so no restart asks again. No data is no reason: a window without a figure counts neither
way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, TypeAlias, assert_never

from seatrial.kernel.errors import Conflict, NotFound
from seatrial.kernel.events import Draft, Fact
from seatrial.monitoring.cron import Cron, latest
from seatrial.monitoring.facts import at_of, unknown
from seatrial.monitoring.finding import MAX_NAMED

PREFIX = "triggers/"
SCHEMA = 1

RETRAINING = "retraining.requested"
EVALUATION = "evaluation.requested"

DAY_S = 86_400.0


class UnknownRequest(NotFound):
    """No evaluation of this id was asked for."""

    code = "monitoring.unknown_request"


class RequestConflict(Conflict):
    """The evaluation was completed already."""

    code = "monitoring.request_conflict"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceRule:
    """Retrain when a metric on labels is beyond a limit.

    Args:
        metric: its name in `Window.performance`.
        limit: the worst value that is still well.
        high_is_good: whether larger is better, as accuracy is and a mean error is not.
    """

    name: str
    metric: str
    limit: float
    high_is_good: bool = True
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
    """A metric with its interval; the bounds are None when they are not known."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one window of one version showed.

    Args:
        version: that answered.
        end: of the window, aware UTC; windows come in this order, a late one is left out.
        performance: on labels, by metric; one that is missing is not known.
        psi: by feature, bias-corrected; None where it is not known.
    """

    version: int
    end: datetime
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
    """

    rule: str
    says: Says
    reason: str
    evidence: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """What is known of one rule.

    Args:
        began_at: when it was first looked at.
        labelled: labelled rows when it began or asked last; None when not known.
        version: the one its windows are of; None before the first.
        window_end: end of the newest window that counted.
        met: whether each of the latest windows was beyond the limit, the oldest first.
        armed: whether a met quorum would be a new cause.
        asked_at: when it asked last.
        n_asked: how often.
    """

    began_at: datetime | None = None
    labelled: int | None = None
    version: int | None = None
    window_end: datetime | None = None
    met: tuple[bool, ...] = ()
    armed: bool = True
    asked_at: datetime | None = None
    n_asked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Something that was asked for.

    Args:
        id: unique in the endpoint.
        kind: `RETRAINING` or `EVALUATION`.
        rule: the rule that asked.
        version: the version that was in production, or None when not known.
        reason: for a person.
        evidence: JSON-able.
        at: when.
        evaluation: id of the evaluation a retraining follows from, or None.
        worse: what an evaluation found; None until it is completed.
    """

    id: str
    kind: str
    rule: str
    version: int | None
    reason: str
    evidence: Mapping[str, object]
    at: datetime
    evaluation: str | None = None
    worse: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggers:
    """Everything known of the triggers of an endpoint: a fold over its facts."""

    rules: Mapping[str, RuleState] = field(default_factory=dict)
    requests: Mapping[str, Request] = field(default_factory=dict)

    def of(self, rule: str) -> RuleState:
        """What is known of a rule."""
        return self.rules.get(rule, RuleState())


def look(
    triggers: Triggers,
    rules: Sequence[Rule],
    *,
    now: datetime,
    window: Window | None = None,
    n_labelled: int | None = None,
) -> tuple[list[Decision], list[Draft]]:
    """What the rules say, and the facts that follow.

    Args:
        triggers: as folded so far.
        rules: those of the endpoint, names unique.
        now: aware UTC.
        window: the newest one, if there is a new one.
        n_labelled: labelled rows there are by now, or None when not known.
    Returns: one decision per rule, and the drafts to append.
    """
    decisions: list[Decision] = []
    drafts: list[Draft] = []
    for rule in rules:
        news = _noted(triggers.of(rule.name), rule, window, n_labelled, now)
        state = triggers.of(rule.name)
        for draft in news:
            state = _RULE_CHANGES[draft.kind](state, draft.data)
        decision = _decide(rule, state, n_labelled, now)
        decisions.append(decision)
        drafts += news
        if decision.says is Says.ASKS:
            drafts.append(_asked(rule, state, decision, now))
    return decisions, drafts


def evaluated(
    triggers: Triggers,
    id: str,  # noqa: A002
    *,
    worse: bool,
    reason: str,
    evidence: Mapping[str, object],
    by: str,
    now: datetime,
) -> list[Draft]:
    """An evaluation that was asked for has ended; when it found the model worse, retraining is.

    Raises: UnknownRequest; RequestConflict: it was completed before.
    """
    request = triggers.requests.get(id)
    if request is None or request.kind != EVALUATION:
        raise UnknownRequest(
            f"No evaluation {id!r} was asked for.", remedy="Look at the list of requests.", id=id
        )
    if request.worse is not None:
        raise RequestConflict(
            f"The evaluation {id!r} was completed already.",
            remedy="Nothing needs to be done.",
            id=id,
        )
    said = {"id": id, "rule": request.rule, "at": now.isoformat(), "reason": reason}
    done = said | {"worse": worse, "evidence": dict(evidence)}
    drafts = [Draft(kind="evaluation.completed", data=done, schema=SCHEMA, by=by)]
    if worse:
        found = {**request.evidence, "evaluation": dict(evidence)}
        data = said | {
            "id": f"{id}-retraining",
            "version": request.version,
            "reason": f"{request.reason}; the evaluation found: {reason}",
            "evidence": found,
            "evaluation": id,
        }
        drafts.append(Draft(kind=RETRAINING, data=data, schema=SCHEMA, by="monitor"))
    return drafts


def fold(triggers: Triggers, facts: Sequence[Fact]) -> Triggers:
    """The triggers of an endpoint after more facts of its stream.   Raises: UnknownFact."""
    for fact in facts:
        if fact.schema != SCHEMA or fact.kind not in KINDS:
            raise unknown(fact.kind, fact.schema, why=f"is in the stream {fact.stream!r}")
        data: Mapping[str, Any] = fact.data
        if fact.kind in _RULE_CHANGES:
            name = data["rule"]
            state = _RULE_CHANGES[fact.kind](triggers.of(name), data)
            triggers = replace(triggers, rules={**triggers.rules, name: state})
        if fact.kind in (RETRAINING, EVALUATION):
            request = _request(fact.kind, data)
            triggers = replace(triggers, requests={**triggers.requests, request.id: request})
        if fact.kind == "evaluation.completed":
            done = replace(triggers.requests[data["id"]], worse=data["worse"])
            triggers = replace(triggers, requests={**triggers.requests, done.id: done})
    return triggers


def _noted(
    state: RuleState, rule: Rule, window: Window | None, n_labelled: int | None, now: datetime
) -> list[Draft]:
    """What is worth remembering before the rule decides."""
    match rule:
        case ScheduleRule():
            return [] if state.began_at else [_draft("trigger.began", rule, now, labelled=None)]
        case LabelsRule():
            known = state.labelled
            if n_labelled is None or (known is not None and known <= n_labelled):
                return []
            return [_draft("trigger.began", rule, now, labelled=n_labelled)]
        case PerformanceRule() | DriftRule():
            return _window_noted(state, rule, window, now)
        case _:
            assert_never(rule)


def _window_noted(
    state: RuleState, rule: PerformanceRule | DriftRule, window: Window | None, now: datetime
) -> list[Draft]:
    """A fact for a window that counts; windows that are all well leave no trace."""
    if window is None:
        return []
    figures = _beyond(rule, window)
    late = state.window_end is not None and window.end <= state.window_end
    if figures is None or late:
        return []
    met, evidence = figures
    if not met and not any(state.met):
        return []
    return [
        _draft(
            "trigger.window",
            rule,
            now,
            version=window.version,
            end=window.end.isoformat(),
            met=met,
            k=rule.quorum.k,
            n=rule.quorum.n,
            evidence=evidence,
        )
    ]


def _beyond(
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
    if measured is None:
        return None
    kindest = measured.high if rule.high_is_good else measured.low
    value = measured.value if kindest is None else kindest
    met = value < rule.limit if rule.high_is_good else value > rule.limit
    return met, {"value": measured.value, "low": measured.low, "high": measured.high}


def _decide(rule: Rule, state: RuleState, n_labelled: int | None, now: datetime) -> Decision:
    match rule:
        case ScheduleRule():
            cause = _by_schedule(rule, state, now)
        case LabelsRule():
            cause = _by_labels(rule, state, n_labelled)
        case PerformanceRule() | DriftRule():
            cause = _by_windows(rule, state)
        case _:
            assert_never(rule)
    if cause.says is not Says.ASKS or state.asked_at is None:
        return cause
    left_s = rule.cooldown_s - (now - state.asked_at).total_seconds()
    if left_s <= 0:
        return cause
    return replace(cause, says=Says.COOLING, evidence={**cause.evidence, "cooldown_s": left_s})


def _by_schedule(rule: ScheduleRule, state: RuleState, now: datetime) -> Decision:
    slot = latest(rule.cron, now, rule.zone)
    since = state.asked_at or state.began_at
    if slot is None or since is None or slot <= since:
        return Decision(rule=rule.name, says=Says.WELL, reason=f"next by {rule.cron.text!r}")
    reason = f"the schedule {rule.cron.text!r} came at {slot:%Y-%m-%d %H:%M} UTC"
    evidence = {"slot": slot.isoformat(), "cron": rule.cron.text}
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


def _by_windows(rule: PerformanceRule | DriftRule, state: RuleState) -> Decision:
    n_met = sum(state.met[-rule.quorum.n :])
    what = (
        f"{rule.metric} was {'under' if rule.high_is_good else 'over'} {rule.limit:g}"
        if isinstance(rule, PerformanceRule)
        else f"the PSI was over {rule.limit:g}"
    )
    reason = f"{what} in {n_met} of the last {rule.quorum.n} windows"
    says = Says.WELL
    if n_met >= rule.quorum.k:
        says = Says.ASKS if state.armed else Says.ASKED
    evidence = {"n_met": n_met, "k": rule.quorum.k, "n": rule.quorum.n, "limit": rule.limit}
    return Decision(rule=rule.name, says=says, reason=reason, evidence=evidence)


def _asked(rule: Rule, state: RuleState, decision: Decision, now: datetime) -> Draft:
    return _draft(
        EVALUATION if isinstance(rule, DriftRule) else RETRAINING,
        rule,
        now,
        id=f"{rule.name}-{state.n_asked + 1}",
        version=state.version,
        reason=decision.reason,
        evidence=dict(decision.evidence),
        evaluation=None,
    )


def _draft(kind: str, rule: Rule, now: datetime, **more: object) -> Draft:
    data = {"rule": rule.name, "at": now.isoformat(), **more}
    return Draft(kind=kind, data=data, schema=SCHEMA, by="monitor")


# The fold.


def _began(state: RuleState, data: Mapping[str, Any]) -> RuleState:
    return replace(state, began_at=at_of(data), labelled=data["labelled"])


def _window(state: RuleState, data: Mapping[str, Any]) -> RuleState:
    same = state.version == data["version"]
    met = ((*state.met, data["met"]) if same else (data["met"],))[-data["n"] :]
    return replace(
        state,
        version=data["version"],
        window_end=datetime.fromisoformat(data["end"]),
        met=met,
        armed=state.armed or not same or sum(met) < data["k"],
    )


def _was_asked(state: RuleState, data: Mapping[str, Any]) -> RuleState:
    """A retraining that follows from an evaluation is no new question of the rule."""
    if data["evaluation"] is not None:
        return state
    labelled = data["evidence"].get("n_labelled", state.labelled)
    return replace(
        state, armed=False, asked_at=at_of(data), n_asked=state.n_asked + 1, labelled=labelled
    )


def _request(kind: str, data: Mapping[str, Any]) -> Request:
    return Request(
        id=data["id"],
        kind=kind,
        rule=data["rule"],
        version=data["version"],
        reason=data["reason"],
        evidence=data["evidence"],
        at=at_of(data),
        evaluation=data["evaluation"],
    )


_RULE_CHANGES: Mapping[str, Callable[[RuleState, Mapping[str, Any]], RuleState]] = {
    "trigger.began": _began,
    "trigger.window": _window,
    EVALUATION: _was_asked,
    RETRAINING: _was_asked,
}

KINDS = (*_RULE_CHANGES, "evaluation.completed")

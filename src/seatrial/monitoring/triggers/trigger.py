"""When to retrain: rules over windows, labels and the calendar, as a state and its transitions.

`look` takes what is known of an endpoint and returns what each rule says, with reason and
evidence, and the facts that follow. Nothing is trained here: whoever trains reads
``retraining.requested`` and ``evaluation.requested`` from the stream ``triggers/<endpoint>``.

A cause asks once. A schedule asks once a slot; labels ask once for every N; drift and performance
ask once for each version and again only when it was well in between, so versions that answer side
by side do not hide each other. What was asked is a fact, so no restart asks again. No data is no
reason: a window without a figure counts neither way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, assert_never

from seatrial.kernel.errors import Conflict, NotFound
from seatrial.kernel.events import Draft, Fact
from seatrial.monitoring.alerts.facts import at_of, unknown
from seatrial.monitoring.triggers.rule import (
    DAY_S,
    Decision,
    DriftRule,
    Evidence,
    LabelsRule,
    PerformanceRule,
    Rule,
    RuleState,
    Says,
    ScheduleRule,
    Seen,
    Window,
    beyond,
    decide,
    evidence_of,
)

PREFIX = "triggers/"
SCHEMA = 1

RETRAINING = "retraining.requested"
EVALUATION = "evaluation.requested"


class UnknownRequest(NotFound):
    """No evaluation of this id was asked for."""

    code = "monitoring.unknown_request"


class RequestConflict(Conflict):
    """The evaluation was completed already."""

    code = "monitoring.request_conflict"


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
    served: Collection[int] | None = None,
) -> tuple[list[Decision], list[Draft]]:
    """What the rules say, and the facts that follow.

    Args:
        triggers: as folded so far.
        rules: those of the endpoint, names unique.
        now: aware UTC.
        window: the newest one, if there is a new one.
        n_labelled: labelled rows there are by now, or None when not known.
        served: versions that may answer, the only ones whose windows are a cause; None for all.
    Returns: one decision per rule, and the drafts to append.
    """
    decisions: list[Decision] = []
    drafts: list[Draft] = []
    for rule in rules:
        news = _noted(triggers.of(rule.name), rule, window, n_labelled, now)
        state = triggers.of(rule.name)
        for draft in news:
            state = _RULE_CHANGES[draft.kind](state, draft.data)
        decision = decide(rule, state, n_labelled=n_labelled, now=now, served=served)
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


def demanded(
    triggers: Triggers,
    id: str,  # noqa: A002
    *,
    rule: str,
    reason: str,
    evidence: Mapping[str, object],
    by: str,
    now: datetime,
) -> list[Draft]:
    """Something outside asks for retraining: a cause like those of the rules, once per ``id``.

    Args:
        id: the demand's own; whoever says it twice asks once.
        rule: what asks, for quorums; no rule of the configuration.
        evidence: JSON-able.
    """
    if id in triggers.requests:
        return []
    data = {
        "rule": rule,
        "at": now.isoformat(),
        "id": id,
        "version": None,
        "reason": reason,
        "evidence": dict(evidence),
        "evaluation": None,
    }
    return [Draft(kind=RETRAINING, data=data, schema=SCHEMA, by=by)]


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
            ahead_s = (state.since - now).total_seconds() if state.since else math.inf
            # Begun after a clock was set back by more than any slot is moved, or never.
            return [_draft("trigger.began", rule, now, labelled=None)] if ahead_s > DAY_S else []
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
    figures = None if window is None else beyond(rule, window)
    if window is None or figures is None:
        return []
    seen = state.windows.get(window.version, ())
    rests_on = evidence_of(rule, window)
    known = next((one for one in seen if one.is_same(window.index, window.end)), None)
    told = known is not None and known.evidence.is_at_least(rests_on)
    met, evidence = figures
    if told or (known is None and _is_late(seen, window)) or not (met or any(s.met for s in seen)):
        return []
    return [
        _draft(
            "trigger.window",
            rule,
            now,
            version=window.version,
            end=window.end.isoformat(),
            index=window.index,
            rests_on=rests_on.value,
            met=met,
            k=rule.quorum.k,
            n=rule.quorum.n,
            evidence=evidence,
        )
    ]


def _is_late(seen: Sequence[Seen], window: Window) -> bool:
    """Whether a window is older than all that count."""
    if not seen or _began_anew(seen, window.index, window.end):
        return False
    if window.index is None:
        return window.end <= seen[-1].end
    return seen[0].is_after(window.index, window.end)


def _began_anew(seen: Sequence[Seen], index: int | None, end: datetime) -> bool:
    """Whether the counting of windows began anew: a smaller number, and yet a later window."""
    return (
        index is not None
        and any(one.index is not None and one.index >= index for one in seen)
        and all(end > one.end for one in seen)
    )


def _asked(rule: Rule, state: RuleState, decision: Decision, now: datetime) -> Draft:
    return _draft(
        EVALUATION if isinstance(rule, DriftRule) else RETRAINING,
        rule,
        now,
        id=f"{rule.name}-{state.n_asked + 1}",
        version=state.version if decision.version is None else decision.version,
        reason=decision.reason,
        evidence=dict(decision.evidence),
        evaluation=None,
    )


def _draft(kind: str, rule: Rule, now: datetime, **more: object) -> Draft:
    data = {"rule": rule.name, "at": now.isoformat(), **more}
    return Draft(kind=kind, data=data, schema=SCHEMA, by="monitor")


# The fold.


def _began(state: RuleState, data: Mapping[str, Any]) -> RuleState:
    at = at_of(data)
    return replace(state, began_at=at, since=at, labelled=data["labelled"])


def _window(state: RuleState, data: Mapping[str, Any]) -> RuleState:
    version, end, index = data["version"], datetime.fromisoformat(data["end"]), data.get("index")
    new = Seen(
        end=end,
        met=data["met"],
        index=index,
        evidence=Evidence(data.get("rests_on", Evidence.LABELS)),
    )
    seen = state.windows.get(version, ())
    others = [one for one in seen if not one.is_same(index, end)]
    if _began_anew(seen, index, end):
        others = []
    place = sum(not one.is_after(index, end) for one in others)
    after = (*others[:place], new, *others[place:])[-data["n"] :]
    figures = {version: data["evidence"]} if data["met"] else {}
    over = sum(one.met for one in after) < data["k"]
    return replace(
        state,
        version=version,
        figures={**state.figures, **figures},
        windows={**state.windows, version: after},
        asked=state.asked - {version} if over else state.asked,
    )


def _was_asked(state: RuleState, data: Mapping[str, Any]) -> RuleState:
    """A retraining that follows from an evaluation is no new question of the rule."""
    if data["evaluation"] is not None:
        return state
    labelled = data["evidence"].get("n_labelled", state.labelled)
    version = data["version"]
    at = at_of(data)
    return replace(
        state,
        asked=state.asked if version is None else state.asked | {version},
        since=at,
        asked_at=at,
        n_asked=state.n_asked + 1,
        labelled=labelled,
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

"""When to retrain: rules over windows, labels and the calendar.

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
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import assert_never

from seatrial.kernel.errors import Conflict, NotFound
from seatrial.kernel.events import Draft
from seatrial.monitoring.triggers.decision import Decision, Says, beyond, decide, evidence_of
from seatrial.monitoring.triggers.fold import (
    EVALUATION,
    RETRAINING,
    RULE_CHANGES,
    SCHEMA,
    RuleState,
    Seen,
    Triggers,
    began_anew,
)
from seatrial.monitoring.triggers.rule import (
    DAY_S,
    DriftRule,
    LabelsRule,
    PerformanceRule,
    Rule,
    ScheduleRule,
    Window,
)


class UnknownRequest(NotFound):
    """No evaluation of this id was asked for."""

    code = "monitoring.unknown_request"


class RequestConflict(Conflict):
    """The evaluation was completed already."""

    code = "monitoring.request_conflict"


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
            state = RULE_CHANGES[draft.kind](state, draft.data)
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
    if not seen or began_anew(seen, window.index, window.end):
        return False
    if window.index is None:
        return window.end <= seen[-1].end
    return seen[0].is_after(window.index, window.end)


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

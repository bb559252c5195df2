"""What is known of the triggers of an endpoint, as a fold over its facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from seatrial.kernel.events import Fact
from seatrial.monitoring.alerts.facts import at_of, unknown
from seatrial.monitoring.triggers.rule import Evidence

PREFIX = "triggers/"
SCHEMA = 1

RETRAINING = "retraining.requested"
EVALUATION = "evaluation.requested"


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
        since: when it began or asked, whichever came last.
        labelled: labelled rows when it began or asked last; None when not known.
        version: the one whose window counted last; None before the first.
        windows: the newest that count, by version, the oldest first.
        figures: of the newest window that was beyond the limit, by version.
        asked: versions whose cause was asked for and is not over.
        asked_at: when it asked last.
        n_asked: how often.
    """

    since: datetime | None = None
    labelled: int | None = None
    version: int | None = None
    windows: Mapping[int, tuple[Seen, ...]] = field(default_factory=dict)
    figures: Mapping[int, Mapping[str, object]] = field(default_factory=dict)
    asked: frozenset[int] = frozenset()
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


def fold(triggers: Triggers, facts: Sequence[Fact]) -> Triggers:
    """The triggers of an endpoint after more facts of its stream.   Raises: UnknownFact."""
    for fact in facts:
        if fact.schema != SCHEMA or fact.kind not in KINDS:
            raise unknown(fact.kind, fact.schema, why=f"is in the stream {fact.stream!r}")
        data: Mapping[str, Any] = fact.data
        if fact.kind in RULE_CHANGES:
            name = data["rule"]
            state = RULE_CHANGES[fact.kind](triggers.of(name), data)
            triggers = replace(triggers, rules={**triggers.rules, name: state})
        if fact.kind in (RETRAINING, EVALUATION):
            request = _request(fact.kind, data)
            triggers = replace(triggers, requests={**triggers.requests, request.id: request})
        if fact.kind == "evaluation.completed":
            done = replace(triggers.requests[data["id"]], worse=data["worse"])
            triggers = replace(triggers, requests={**triggers.requests, done.id: done})
    return triggers


def began_anew(seen: Sequence[Seen], index: int | None, end: datetime) -> bool:
    """Whether the counting of windows began anew: a smaller number, and yet a later window."""
    return (
        index is not None
        and any(one.index is not None and one.index >= index for one in seen)
        and all(end > one.end for one in seen)
    )


# The fold.


def _began(state: RuleState, data: Mapping[str, Any]) -> RuleState:
    return replace(state, since=at_of(data), labelled=data["labelled"])


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
    if began_anew(seen, index, end):
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


RULE_CHANGES: Mapping[str, Callable[[RuleState, Mapping[str, Any]], RuleState]] = {
    "trigger.began": _began,
    "trigger.window": _window,
    EVALUATION: _was_asked,
    RETRAINING: _was_asked,
}

KINDS = (*RULE_CHANGES, "evaluation.completed")

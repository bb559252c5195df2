"""Whether a run of retraining begins: triggers, quorum, cooldown and budget. Pure.

The stream ``retraining/<name>`` holds what was decided. A request of a trigger belongs to one run:
to the one it began, or to the one that was under way when it came. So two at once are one run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from seatrial.kernel.errors import Conflict, Invalid
from seatrial.kernel.events import Draft, Fact

PREFIX = "retraining/"
SCHEMA = 1
DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
BY_HAND = "by hand"
KIND = "retraining"
"""Of the workflow, and so of its runs."""

_SLACK_S = 60.0
"""Times that lie further ahead were written before a clock was set back, and hold nothing up."""


class RetrainingUnderWay(Conflict):
    """A run of this retraining is under way."""

    code = "retraining.under_way"


class RetrainingUnreadable(Invalid):
    """The log holds a fact of a retraining that this version cannot read."""

    code = "retraining.unreadable"


class Says(StrEnum):
    """What is decided of a retraining."""

    NOTHING = "nothing"
    BEGINS = "begins"
    JOINS = "joins"
    QUORUM = "quorum"
    COOLING = "cooling"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why somebody wants a run.

    Args:
        id: of the request; unique.
        rule: the trigger, or `BY_HAND`.
        reason: for a person.
        at: when it asked, aware.
        asks: whether the model in production is to be looked at first, and trained anew only if it
            lost.
    """

    id: str
    rule: str
    reason: str
    at: datetime
    asks: bool = False

    def as_dict(self) -> dict[str, object]:
        """As a JSON-able record."""
        return {
            "id": self.id,
            "rule": self.rule,
            "reason": self.reason,
            "at": self.at.isoformat(),
            "asks": self.asks,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a run may begin.

    Args:
        k, span_s: so many different triggers within so many seconds.
        cooldown_s: least seconds between the begins of two runs.
        runs_per_day, runs_per_week: begun within.
        training_s: seconds of training within a week.
    """

    k: int = 1
    span_s: float = DAY_S
    cooldown_s: float = 3600.0
    runs_per_day: int = 4
    runs_per_week: int = 14
    training_s: float = WEEK_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A run.

    Args:
        key: of the run in the workflow.
        at: when it was decided.
        by: who did.
        causes: why.
        left_to: who performs its steps from outside; "" for the server.
        outcome: how it ended; "" while it has not.
        reason: why it ended.
        trained_s: seconds its training took.
    """

    key: str
    at: datetime
    by: str
    causes: tuple[Cause, ...]
    left_to: str = ""
    outcome: str = ""
    reason: str = ""
    trained_s: float = 0.0

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return f"{KIND}/{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """What was decided of one retraining: a fold over its facts.

    Args:
        begun: its runs, the oldest first.
        held: why nothing begins though something was asked for: what it says, and which causes.
    """

    begun: tuple[Begun, ...] = ()
    held: Mapping[str, Any] = field(default_factory=dict)

    @property
    def active(self) -> Begun | None:
        """The run that has not ended."""
        return self.begun[-1] if self.begun and not self.begun[-1].outcome else None

    @property
    def handled(self) -> frozenset[str]:
        """Ids of the causes that belong to a run."""
        return frozenset(cause.id for run in self.begun for cause in run.causes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is decided, why, and the facts that follow."""

    says: Says
    reason: str
    drafts: tuple[Draft, ...] = ()


def decide(
    name: str, agenda: Agenda, causes: Sequence[Cause], limits: Limits, *, now: datetime
) -> Decision:
    """What follows from what triggers asked for.

    Args:
        causes: all that were ever asked for; those that belong to a run are left out here.
        now: aware UTC.
    """
    handled = agenda.handled
    pending = [cause for cause in causes if cause.id not in handled]
    if not pending:
        return Decision(says=Says.NOTHING, reason="no trigger asks")
    active = agenda.active
    if active is not None:
        data = {"run": active.key, "causes": _records(pending)}
        reason = f"the run {active.key} is under way"
        return Decision(
            says=Says.JOINS, reason=reason, drafts=(_draft("retraining.joined", data, now),)
        )
    says, reason = _held(agenda, pending, limits, now)
    if says is Says.BEGINS:
        return Decision(says=says, reason=reason, drafts=(_begin(name, agenda, pending, now),))
    held = {"why": says.value, "causes": [cause.id for cause in pending]}
    known = {key: agenda.held.get(key) for key in held} == held
    drafts = () if known else (_draft("retraining.held", held | {"reason": reason}, now),)
    return Decision(says=says, reason=reason, drafts=drafts)


def by_hand(name: str, agenda: Agenda, cause: Cause, *, by: str) -> Draft:
    """A person wants a run now.   Raises: RetrainingUnderWay."""
    if agenda.active is not None:
        raise RetrainingUnderWay(
            f"The run {agenda.active.key} of {name} is under way.",
            remedy=f"Wait for it, or cancel it with: seatrial retrain cancel {name}",
            run=agenda.active.run_id,
        )
    return _begin(name, agenda, [cause], cause.at, by=by)


def from_outside(name: str, agenda: Agenda, cause: Cause, *, by: str) -> list[Draft]:
    """An orchestrator begins a run that is left to it, or joins the one that is under way.

    Nothing where the cause belongs to a run already: the same call again is the same run.
    """
    if cause.id in agenda.handled:
        return []
    if agenda.active is not None:
        data = {"run": agenda.active.key, "causes": _records([cause])}
        return [_draft("retraining.joined", data, cause.at, by=by)]
    return [_begin(name, agenda, [cause], cause.at, by=by, left_to=cause.rule)]


def ended(begun: Begun, *, outcome: str, reason: str, trained_s: float, now: datetime) -> Draft:
    """A run has come to its end, or rests as failed."""
    data = {"run": begun.key, "outcome": outcome, "reason": reason, "trained_s": trained_s}
    return _draft("retraining.ended", data, now)


def revived(begun: Begun, *, by: str, now: datetime) -> Draft:
    """A person lets the newest run, which failed, go on."""
    return _draft("retraining.revived", {"run": begun.key}, now, by=by)


def _held(
    agenda: Agenda, pending: Sequence[Cause], limits: Limits, now: datetime
) -> tuple[Says, str]:
    since = now - timedelta(seconds=limits.span_s)
    agree = {cause.rule for cause in pending if cause.at >= since or limits.k == 1}
    if len(agree) < limits.k:
        return Says.QUORUM, f"{len(agree)} of {limits.k} triggers asked within the span"
    ages = [(now - run.at).total_seconds() for run in agenda.begun]
    ages = [age for age in ages if age > -_SLACK_S]
    if ages and ages[-1] < limits.cooldown_s:
        return Says.COOLING, f"the last run began {ages[-1]:.0f} s ago, within the cooldown"
    for n, span_s, of in (
        (limits.runs_per_day, DAY_S, "day"),
        (limits.runs_per_week, WEEK_S, "week"),
    ):
        n_begun = sum(age < span_s for age in ages)
        if n_begun >= n:
            return Says.BUDGET, f"{n_begun} runs began within a {of}; the budget is {n}"
    week = now - timedelta(seconds=WEEK_S)
    trained_s = sum(run.trained_s for run in agenda.begun if run.at > week)
    if trained_s >= limits.training_s:
        return Says.BUDGET, f"{trained_s:.0f} s were trained within a week, all of the budget"
    return Says.BEGINS, "; ".join(f"{cause.rule}: {cause.reason}" for cause in pending)


def _begin(
    name: str,
    agenda: Agenda,
    causes: Sequence[Cause],
    now: datetime,
    *,
    by: str = KIND,
    left_to: str = "",
) -> Draft:
    data = {"run": f"{name}-{len(agenda.begun) + 1}", "causes": _records(causes)}
    return _draft("retraining.began", data | ({"left_to": left_to} if left_to else {}), now, by=by)


def fold(agenda: Agenda, facts: Sequence[Fact]) -> Agenda:
    """The agenda after more facts of its stream.   Raises: RetrainingUnreadable."""
    for fact in facts:
        try:
            agenda = _after(agenda, fact)
        except (KeyError, TypeError, ValueError) as missing:
            raise RetrainingUnreadable(
                f"The fact {fact.kind!r} of {fact.stream} cannot be read: {missing}.",
                remedy="Upgrade seatrial to the version that wrote it.",
                kind=fact.kind,
            ) from missing
    return agenda


def _after(agenda: Agenda, fact: Fact) -> Agenda:
    data: Mapping[str, Any] = fact.data
    if fact.schema != SCHEMA or fact.kind not in KINDS:
        raise ValueError(f"nobody knows schema {fact.schema} of it")
    if fact.kind == "retraining.held":
        return replace(agenda, held=data)
    at = datetime.fromisoformat(data["at"])
    if fact.kind == "retraining.began":
        begun = Begun(
            key=data["run"],
            at=at,
            by=fact.by,
            causes=_causes(data),
            left_to=data.get("left_to", ""),
        )
        return replace(agenda, begun=(*agenda.begun, begun), held={})
    runs = list(agenda.begun)
    place = [run.key for run in runs].index(data["run"])
    runs[place] = _changed(runs[place], fact.kind, data)
    return replace(agenda, begun=tuple(runs))


def _changed(run: Begun, kind: str, data: Mapping[str, Any]) -> Begun:
    if kind == "retraining.joined":
        return replace(run, causes=(*run.causes, *_causes(data)))
    if kind == "retraining.revived":
        return replace(run, outcome="", reason="")
    return replace(run, outcome=data["outcome"], reason=data["reason"], trained_s=data["trained_s"])


KINDS = (
    "retraining.began",
    "retraining.joined",
    "retraining.held",
    "retraining.ended",
    "retraining.revived",
)


def _causes(data: Mapping[str, Any]) -> tuple[Cause, ...]:
    return tuple(
        Cause(**{**one, "at": datetime.fromisoformat(one["at"])}) for one in data["causes"]
    )


def _records(causes: Sequence[Cause]) -> list[dict[str, object]]:
    return [cause.as_dict() for cause in causes]


def _draft(kind: str, data: Mapping[str, object], now: datetime, *, by: str = KIND) -> Draft:
    return Draft(kind=kind, data={"at": now.isoformat(), **data}, schema=SCHEMA, by=by)

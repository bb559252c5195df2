"""The life of an experiment, as a state and its transitions: drafted, started, ended.

All experiments are one stream of facts, appended by compare-and-swap, so that two of one exclusion
group can never be given the same users. The split itself is a fact of the endpoint's stream
(`release/trying.py`): *starting* is the time between the two, *running* is after both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from seatrial.kernel.errors import Conflict, Invalid
from seatrial.kernel.events import Draft, Fact

STREAM = "experiments"

DRAFTED = "experiment.drafted"
STARTED = "experiment.started"
BEGAN = "experiment.began"
WIDENED = "experiment.widened"
REFUSED = "experiment.refused"
STOPPED = "experiment.stopped"
DECIDED = "experiment.decided"


class ExperimentConflict(Conflict):
    """The experiment is not in a phase in which this can be asked for."""

    code = "experiment.conflict"


class NotWider(Invalid):
    """A running experiment can take more users, and none away."""

    code = "experiment.not_wider"


class ExperimentsUnreadable(Invalid):
    """A fact about experiments that this version of seatrial cannot read; none is decided on."""

    code = "experiment.unreadable"


class Phase(StrEnum):
    """Where an experiment stands."""

    DRAFT = "draft"
    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"
    DECIDED = "decided"

    @property
    def active(self) -> bool:
        """Whether it holds its place: users may be in it."""
        return self in (Phase.STARTING, Phase.RUNNING)

    @property
    def over(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self in (Phase.STOPPED, Phase.DECIDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything known of an experiment's life.

    Args:
        name: of the experiment.
        phase: where it stands.
        design: the file, as JSON.
        by: who wrote it.
        drafted_at, started_at, ended_at: when, or None.
        reason: why it ended, or why it could not start.
        outcome: of the judgement that decided it, or None.
        winner: the variant to ship, or None.
        report: the newest judgement when it ended, as `judging.Report` is kept; empty before.
    """

    name: str
    phase: Phase
    design: Mapping[str, object]
    by: str
    drafted_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str = ""
    outcome: str | None = None
    winner: str | None = None
    report: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Somebody wrote a design down, or wrote it anew."""

    name: str
    design: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Somebody asks that it start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """The endpoint splits its requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The endpoint cannot split its requests."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Widen:
    """Somebody asks that it take more of the users it could have.

    Args: traffic: their share from now on, in (0, 1].
    """

    traffic: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """It ends without a decision: somebody asks for it, a gate failed, the endpoint left it.

    Args: report: the newest, as it is kept.
    """

    reason: str
    report: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A judgement says that there is nothing to gain by going on.

    Args: outcome, winner, reason: of it; report: as it is kept.
    """

    outcome: str
    winner: str | None
    reason: str
    report: Mapping[str, object]


Event: TypeAlias = Written | Begin | Entered | Refused | Widen | Halt | Judged


TRANSITIONS: Mapping[type[Event], tuple[frozenset[Phase], str]] = {
    Begin: (frozenset({Phase.DRAFT}), STARTED),
    Entered: (frozenset({Phase.STARTING}), BEGAN),
    Refused: (frozenset({Phase.STARTING}), REFUSED),
    Widen: (frozenset({Phase.RUNNING}), WIDENED),
    Halt: (frozenset({Phase.STARTING, Phase.RUNNING}), STOPPED),
    Judged: (frozenset({Phase.RUNNING}), DECIDED),
}
"""In which phases an event makes something true, and what; a fact holds what its event does."""

_ASKED: Mapping[type[Event], tuple[str, str]] = {
    Begin: (
        "started",
        "Give a new one another name: users of the old one would meet the same variants again.",
    ),
    Widen: (
        "widened",
        "Only one that runs can be; a draft is written down again, with another traffic.",
    ),
    Halt: ("stopped", "Nothing needs to be done."),
}
"""What people ask for, which is refused and not passed over where it cannot be."""


def step(standing: Standing | None, event: Event, *, by: str) -> list[Draft]:
    """What becomes true when ``event`` meets an experiment; an empty list when nothing does.

    Args: standing: None where nobody has written it down yet.
    Raises: ExperimentConflict: somebody asks for what the phase does not allow; NotWider.
    """
    if isinstance(event, Written):
        return _written(standing, event, by)
    phases, kind = TRANSITIONS[type(event)]
    if standing is None:
        return []
    if standing.phase not in phases:
        if type(event) in _ASKED:
            raise _conflict(standing, *_ASKED[type(event)])
        return []
    if isinstance(event, Widen):
        _check_wider(standing, event.traffic)
    return [Draft(kind=kind, data={"experiment": standing.name, **asdict(event)}, by=by)]


def _written(standing: Standing | None, event: Written, by: str) -> list[Draft]:
    if standing is not None and standing.phase is not Phase.DRAFT:
        raise _conflict(standing, "written anew", _ASKED[Begin][1])
    if standing is not None and standing.design == event.design:
        return []
    data = {"experiment": event.name, "design": dict(event.design)}
    return [Draft(kind=DRAFTED, data=data, by=by)]


def _check_wider(standing: Standing, traffic: float) -> None:
    """Fewer users would leave some who met a variant without it, and them alone."""
    before = standing.design.get("traffic", 1.0)
    if not isinstance(before, int | float) or not before < traffic <= 1:
        raise NotWider(
            f"The experiment {standing.name!r} takes {before} of the users it could have; "
            f"{traffic:g} is not more.",
            remedy="Give more than that, up to 1; to take fewer, stop it and start another one.",
            traffic=before,
        )


def _conflict(standing: Standing, what: str, remedy: str) -> ExperimentConflict:
    return ExperimentConflict(
        f"The experiment {standing.name!r} is {standing.phase.value} and cannot be {what}.",
        remedy=remedy,
        phase=standing.phase.value,
    )


def fold(standings: Mapping[str, Standing], fact: Fact) -> dict[str, Standing]:
    """All experiments after one more fact.   Raises: ExperimentsUnreadable."""
    try:
        name = fact.data["experiment"]
        if fact.damage or fact.schema != 1 or not isinstance(name, str):
            raise ValueError(fact.damage or f"schema {fact.schema}, of the experiment {name!r:.60}")
        return {**standings, name: _after(standings.get(name), name, fact)}
    except (LookupError, ValueError, TypeError, AttributeError) as problem:
        raise ExperimentsUnreadable(
            f"Revision {fact.revision} of {fact.stream!r} is a fact {fact.kind!r} that cannot be "
            f"read ({problem}).",
            remedy="Upgrade seatrial if a later one wrote it, or restore the store from a backup; "
            "endpoints go on as they are meanwhile.",
            seq=fact.seq,
        ) from problem


def _after(standing: Standing | None, name: str, fact: Fact) -> Standing:
    data = fact.data
    if fact.kind == DRAFTED:
        design = data["design"]
        if not isinstance(design, Mapping):
            raise TypeError(f"its design is {design!r:.60}")
        return Standing(name=name, phase=Phase.DRAFT, design=design, by=fact.by, drafted_at=fact.at)
    if standing is None:
        raise LookupError("the experiment was never written down")
    match fact.kind:
        case "experiment.started":
            return replace(standing, phase=Phase.STARTING, reason="")
        case "experiment.began":
            return replace(standing, phase=Phase.RUNNING, started_at=fact.at)
        case "experiment.widened":
            return replace(standing, design={**standing.design, "traffic": data["traffic"]})
        case "experiment.refused":
            return replace(standing, phase=Phase.DRAFT, reason=str(data["reason"]))
        case "experiment.stopped" | "experiment.decided":
            return _ended(standing, fact)
        case _:
            raise ValueError("of a kind that is not known")


def _ended(standing: Standing, fact: Fact) -> Standing:
    report, winner = fact.data["report"], fact.data.get("winner")
    if not isinstance(report, Mapping):
        raise TypeError(f"its report is {report!r:.60}")
    outcome = fact.data.get("outcome")
    return replace(
        standing,
        phase=Phase.DECIDED if fact.kind == DECIDED else Phase.STOPPED,
        ended_at=fact.at,
        reason=str(fact.data["reason"]),
        outcome=None if outcome is None else str(outcome),
        winner=None if winner is None else str(winner),
        report=report,
    )

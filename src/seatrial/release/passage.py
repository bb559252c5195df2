"""Which phases a release went through, and how it left each: for whoever shows its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from seatrial.release.rollout import Phase, Rollout
from seatrial.release.verdict import Outcome


class Left(StrEnum):
    """How a release stands to one phase of its way."""

    PASSED = "passed"
    NOW = "now"
    AHEAD = "ahead"
    SKIPPED = "skipped"
    """Never entered: without a stable version there is nothing to compare with."""
    DECIDED = "decided"
    """Ended by a person before its verdict."""
    ENDED = "ended"
    """It was in this phase when it was stopped, or was held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One phase of a release's way."""

    phase: Phase
    left: Left


def way(rollout: Rollout) -> tuple[Passage, ...]:
    """The phases of a release in order: past, present, and ahead while it is not over."""
    planned = _planned(rollout)
    match rollout.phase:
        case Phase.REJECTED | Phase.ABORTED | Phase.HELD:
            return _stopped(rollout, planned[: planned.index(_stopped_in(rollout)) + 1])
        case Phase.PROMOTED | Phase.STAGED:
            past = planned[:-1]
        case _:
            past = planned[: planned.index(rollout.phase)]
    return (
        *(Passage(phase=phase, left=_left(rollout, phase)) for phase in past),
        Passage(phase=rollout.phase, left=Left.NOW),
        *(Passage(phase=phase, left=Left.AHEAD) for phase in planned[len(past) + 1 :]),
    )


def _planned(rollout: Rollout) -> list[Phase]:
    """Where the release goes when all goes well."""
    evaluated = rollout.plan.evaluated or bool(rollout.evaluation)
    begun = [Phase.STAGING, *([Phase.EVALUATING] if evaluated else [])]
    if rollout.target == "staging":
        return [*begun, Phase.STAGED]
    if _at_once(rollout):
        return [*begun, Phase.CANARY, Phase.PROMOTED]
    return [*begun, Phase.WARMING, Phase.CANARY, Phase.PROMOTED]


def _at_once(rollout: Rollout) -> bool:
    """Whether it got all traffic without a canary, as the first version of an endpoint does."""
    return rollout.phase is Phase.PROMOTED and rollout.step < 0


def _stopped(rollout: Rollout, reached: Sequence[Phase]) -> tuple[Passage, ...]:
    return (
        *(Passage(phase=phase, left=Left.PASSED) for phase in reached[:-1]),
        Passage(phase=reached[-1], left=Left.ENDED),
        Passage(phase=rollout.phase, left=Left.NOW),
    )


def _stopped_in(rollout: Rollout) -> Phase:
    """The phase that was not passed."""
    if rollout.step >= 0:
        return Phase.CANARY
    if rollout.evaluation:
        return Phase.EVALUATING if rollout.phase is Phase.REJECTED else Phase.WARMING
    if not rollout.staging or rollout.phase is Phase.REJECTED:
        return Phase.STAGING
    return Phase.EVALUATING if rollout.plan.evaluated else Phase.WARMING


def _left(rollout: Rollout, phase: Phase) -> Left:
    """How a release that went on left a phase."""
    if phase is Phase.EVALUATING and not rollout.evaluation:
        return Left.SKIPPED
    if rollout.phase is not Phase.PROMOTED or phase is Phase.STAGING:
        return Left.PASSED
    if phase is Phase.CANARY and _at_once(rollout):
        return Left.SKIPPED
    if phase is Phase.CANARY and not _promoted_by_verdict(rollout):
        return Left.DECIDED
    return Left.PASSED


def _promoted_by_verdict(rollout: Rollout) -> bool:
    """Whether the newest judgement is what promoted it: then it gave the reason."""
    said = rollout.evidence
    return said.get("outcome") == Outcome.PASS and said.get("reason") == rollout.reason

"""The way of a release, as it is shown: no phase is said to be passed that was not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from seatrial.release.passage import way
from seatrial.release.rollout import Phase, Plan, Rollout, Step

PASSED = {"passed": True}
JUDGED = {"outcome": "pass", "reason": "the gates say pass"}


def shown(
    phase: Phase,
    *,
    target: str = "production",
    evaluated: bool = False,
    step: int = -1,
    reason: str = "",
    evidence: dict[str, object] | None = None,
    staging: dict[str, object] | None = None,
    evaluation: dict[str, object] | None = None,
) -> Sequence[str]:
    rollout = Rollout(
        release="churn-1",
        version=1,
        digest="d",
        target=target,
        plan=Plan(steps=(Step(share=0.1, watch_s=60),), evaluated=evaluated),
        phase=phase,
        step=step,
        reason=reason,
        evidence=evidence or {},
        staging=PASSED if staging is None else staging,
        evaluation=evaluation or {},
    )
    return [f"{p.phase.value} {p.left.value}" for p in way(rollout)]


def test_a_first_version_had_no_canary() -> None:
    assert shown(Phase.PROMOTED, reason="first version of the endpoint") == [
        "staging passed",
        "canary skipped",
        "promoted now",
    ]


def test_a_first_version_was_not_evaluated_either() -> None:
    assert "evaluating skipped" in shown(Phase.PROMOTED, evaluated=True)
    staged = shown(Phase.STAGED, target="staging", evaluated=True)
    assert staged == ["staging passed", "evaluating skipped", "staged now"]


def test_a_canary_that_the_gates_passed_is_passed() -> None:
    way_of = shown(Phase.PROMOTED, step=0, reason=JUDGED["reason"], evidence=dict(JUDGED))
    assert way_of == ["staging passed", "warming passed", "canary passed", "promoted now"]


@pytest.mark.parametrize("outcome", ["pass", "inconclusive"])
def test_a_canary_that_a_person_ended_is_not_said_to_be_passed(outcome: str) -> None:
    evidence: dict[str, object] = {"outcome": outcome, "reason": "the gates say so"}
    way_of = shown(Phase.PROMOTED, step=0, reason="promoted by a person", evidence=evidence)
    assert "canary decided" in way_of


def test_what_is_ahead_is_not_passed() -> None:
    assert shown(Phase.WARMING, evaluated=True, evaluation=PASSED) == [
        "staging passed",
        "evaluating passed",
        "warming now",
        "canary ahead",
        "promoted ahead",
    ]
    assert shown(Phase.STAGING, target="staging", staging={}) == ["staging now", "staged ahead"]


@pytest.mark.parametrize(
    ("phase", "held", "last"),
    [
        (Phase.ABORTED, {"staging": {}}, "staging ended"),
        (Phase.ABORTED, {"evaluated": True}, "evaluating ended"),
        (Phase.ABORTED, {}, "warming ended"),
        (Phase.ABORTED, {"evaluated": True, "evaluation": PASSED}, "warming ended"),
        (Phase.ABORTED, {"step": 0}, "canary ended"),
        (Phase.HELD, {"step": 0}, "canary ended"),
        (Phase.REJECTED, {"staging": {"passed": False}}, "staging ended"),
        (Phase.REJECTED, {"evaluated": True, "evaluation": {"passed": False}}, "evaluating ended"),
    ],
    ids=str,
)
def test_a_release_that_stopped_goes_no_further_than_where_it_was(phase, held, last) -> None:
    *before, there, now = shown(phase, **held)
    assert there == last
    assert now == f"{phase.value} now"
    assert all(p.endswith(" passed") for p in before)

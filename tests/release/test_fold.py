"""Facts that cannot be read stop their endpoint where it was, and no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.events import Fact
from seatrial.release.config import ReleaseConfig
from seatrial.release.endpoint import EndpointState
from seatrial.release.fold import CHANGES, fold

PLAN = ReleaseConfig().plan().as_dict()
_REPORT = {"passed": True, "tests": [], "measured": {}}

STORY: list[tuple[str, dict[str, Any]]] = [
    (
        "release.started",
        {
            "release": "churn-1-1",
            "version": 1,
            "digest": "d1",
            "target": "production",
            "plan": PLAN,
            "notes": {},
        },
    ),
    ("staging.passed", {"report": _REPORT, "reason": "fine"}),
    ("release.promoted", {"version": 1, "reason": "the first"}),
    (
        "release.started",
        {
            "release": "churn-2-4",
            "version": 2,
            "digest": "d2",
            "target": "production",
            "plan": PLAN,
            "notes": {},
        },
    ),
    ("staging.passed", {"report": _REPORT, "reason": "fine"}),
    ("canary.warming", {}),
    ("step.entered", {"step": 0, "share": 0.05}),
    ("evidence.recorded", {"watched_s": 5.0, "judgement": {"outcome": "pass", "verdicts": []}}),
    ("step.extended", {"reason": "too few"}),
    ("release.promoted", {"version": 2, "reason": "every gate passed"}),
    ("endpoint.rolled_back", {"version": 1, "from": 2, "reason": "ann"}),
]


def facts(story: list[tuple[str, dict[str, Any]]] = STORY) -> list[Fact]:
    return [
        Fact(
            seq=10 + i,
            stream="endpoint/churn",
            revision=i,
            kind=kind,
            schema=1,
            data=data,
            at=datetime(2026, 1, 1, tzinfo=UTC),
            by="test",
        )
        for i, (kind, data) in enumerate(story, 1)
    ]


EMPTY = EndpointState(name="churn")
WHOLE = facts()


def test_the_story_of_these_tests_is_readable() -> None:
    state = fold(EMPTY, WHOLE)
    assert (state.unreadable, state.stable, state.former) == (None, 1, ())
    assert {kind for kind, _ in STORY} <= CHANGES.keys()


def spoiled(at: int, change: Callable[[Fact], Fact]) -> list[Fact]:
    return [change(fact) if fact.revision == at else fact for fact in WHOLE]


@pytest.mark.parametrize("at", range(1, len(STORY) + 1))
@pytest.mark.parametrize(
    ("change", "told", "remedy"),
    [
        (lambda f: replace(f, kind="release.teleported"), "'release.teleported'", "Upgrade"),
        (lambda f: replace(f, schema=2), "of schema 2", "Upgrade"),
        (lambda f: replace(f, data={}, damage="its data is damaged: x"), "damaged: x", "backup"),
    ],
    ids=["kind", "schema", "damage"],
)
def test_the_endpoint_stays_as_it_was_before_the_fact(
    at: int, change: Callable[[Fact], Fact], told: str, remedy: str
) -> None:
    state = fold(EMPTY, spoiled(at, change))
    assert replace(state, unreadable=None) == fold(EMPTY, WHOLE[: at - 1])
    assert state.unreadable is not None
    assert (state.unreadable.revision, state.unreadable.seq) == (at, at + 10)
    assert told in state.unreadable.problem
    assert remedy in state.unreadable.remedy
    assert fold(state, WHOLE) == state


@pytest.mark.parametrize(
    ("at", "data", "told"),
    [
        (1, {"version": 1}, "it lacks 'release'"),
        (1, {**STORY[0][1], "version": "one"}, "version is 'one'"),
        (1, {**STORY[0][1], "plan": {**PLAN, "steps": [{"share": "half", "watch_s": 1}]}}, "half"),
        (1, {**STORY[0][1], "plan": {**PLAN, "steps": [{"speed": 1}]}}, "speed"),
        (
            1,
            {**STORY[0][1], "plan": {**PLAN, "gates": {"alpha": 0.05, "gates": [{"kind": "x"}]}}},
            "gates of the release cannot be read",
        ),
        (2, {"report": [], "reason": "fine"}, "report is []"),
        (3, {"version": 9, "reason": "never released"}, "it lacks 9"),
        (7, {"step": 5, "share": 0.05}, "out of range"),
        (8, {"watched_s": 5.0, "judgement": "good"}, "judgement is 'good'"),
    ],
)
def test_a_known_fact_that_does_not_hold_what_it_must_is_not_believed(
    at: int, data: dict[str, Any], told: str
) -> None:
    state = fold(EMPTY, spoiled(at, lambda f: replace(f, data=data)))
    assert state.unreadable is not None
    assert (state.revision, state.unreadable.revision) == (at - 1, at)
    assert told in state.unreadable.problem


def test_a_fact_of_a_release_that_never_started_is_damage() -> None:
    state = fold(EMPTY, facts([("canary.warming", {})]))
    assert state.unreadable is not None
    assert "never started" in state.unreadable.problem


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(at=st.integers(1, len(STORY)), data=st.data())
def test_whatever_a_fact_holds_a_target_can_be_told(at: int, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from([*STORY[at - 1][1], "reason"]))
    value = data.draw(_JSON)
    state = fold(EMPTY, spoiled(at, lambda f: replace(f, data={**f.data, key: value})))
    assert set(state.target.digests) == set(state.split.versions)

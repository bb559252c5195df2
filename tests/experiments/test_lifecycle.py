"""The life of an experiment: which event is possible when, and what facts make of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from seatrial.experiments.lifecycle import (
    TRANSITIONS,
    Begin,
    Entered,
    Event,
    ExperimentConflict,
    ExperimentsUnreadable,
    Halt,
    Judged,
    NotWider,
    Phase,
    Refused,
    Standing,
    Widen,
    Written,
    fold,
    step,
)
from seatrial.kernel.events import Fact

AT = datetime(2026, 1, 1, tzinfo=UTC)
DRAFT = Standing(name="e", phase=Phase.DRAFT, design={"traffic": 0.1}, by="ann", drafted_at=AT)
EVENTS: list[Event] = [
    Begin(),
    Entered(),
    Refused(reason="busy"),
    Widen(traffic=0.5),
    Halt(reason="enough"),
    Judged(outcome="ship", winner="b", reason="better", report={"n": 1}),
]
AFTER = {
    Begin: Phase.STARTING,
    Entered: Phase.RUNNING,
    Refused: Phase.DRAFT,
    Widen: Phase.RUNNING,
    Halt: Phase.STOPPED,
    Judged: Phase.DECIDED,
}


def told(standings: dict[str, Standing], drafts: list[Any]) -> dict[str, Standing]:
    for draft in drafts:
        fact = Fact(
            seq=1,
            stream="experiments",
            revision=1,
            kind=draft.kind,
            schema=draft.schema,
            data=draft.data,
            at=AT,
            by=draft.by,
        )
        standings = fold(standings, fact)
    return standings


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("phase", Phase)
def test_an_event_leads_where_the_table_says_and_nowhere_else(phase: Phase, event: Event) -> None:
    now = replace(DRAFT, phase=phase)
    if phase in TRANSITIONS[type(event)][0]:
        after = told({"e": now}, step(now, event, by="judge"))["e"]
        assert after.phase is AFTER[type(event)]
    elif isinstance(event, Begin | Widen | Halt):
        with pytest.raises(ExperimentConflict, match=phase.value):
            step(now, event, by="ann")
    else:
        assert step(now, event, by="judge") == []


def test_a_decision_keeps_what_it_rests_on() -> None:
    running = replace(DRAFT, phase=Phase.RUNNING, started_at=AT)
    ended = told({"e": running}, step(running, EVENTS[-1], by="judge"))["e"]
    assert (ended.outcome, ended.winner, ended.reason) == ("ship", "b", "better")
    assert (ended.report, ended.ended_at) == ({"n": 1}, AT)


def test_one_that_runs_takes_more_users_and_never_fewer() -> None:
    running = replace(DRAFT, phase=Phase.RUNNING, started_at=AT)
    wider = told({"e": running}, step(running, Widen(traffic=0.5), by="ann"))["e"]
    assert wider == replace(running, design={"traffic": 0.5})
    for traffic in (0.5, 0.4, 0.0, -1.0, 1.1, float("nan")):
        with pytest.raises(NotWider, match=r"takes 0\.5"):
            step(wider, Widen(traffic=traffic), by="ann")
    of_all = replace(running, design={})
    with pytest.raises(NotWider, match=r"takes 1\.0"):
        step(of_all, Widen(traffic=1.0), by="ann")


def test_a_draft_may_be_written_anew_and_what_runs_may_not() -> None:
    first = Written(name="e", design=DRAFT.design)
    standings = told({}, step(None, first, by="ann"))
    assert standings["e"] == DRAFT
    assert step(DRAFT, first, by="ann") == []
    again = told(standings, step(DRAFT, Written(name="e", design={"a": 2}), by="bob"))
    assert again["e"].design == {"a": 2}
    with pytest.raises(ExperimentConflict):
        step(replace(DRAFT, phase=Phase.RUNNING), Written(name="e", design={}), by="ann")


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "experiment.paused"},
        {"schema": 2},
        {"damage": "it is cut"},
        {"data": {}},
        {"data": {"experiment": "other", "reason": "r"}},
        {"data": {"experiment": "e"}},
        {"data": {"experiment": "e", "reason": "r", "report": 7}},
    ],
)
def test_a_fact_that_cannot_be_read_is_not_guessed_at(change: dict[str, Any]) -> None:
    data = {"experiment": "e", "reason": "r", "report": {}}
    fact = Fact(
        seq=9,
        stream="experiments",
        revision=3,
        kind="experiment.stopped",
        schema=1,
        data=data,
        at=AT,
        by="x",
    )
    fold({"e": DRAFT}, fact)
    with pytest.raises(ExperimentsUnreadable, match="Revision 3"):
        fold({"e": DRAFT}, replace(fact, **change))

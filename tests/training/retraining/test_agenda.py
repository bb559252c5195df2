"""When a run begins: quorum, cooldown, budget, and two triggers at once."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.events import Fact
from seatrial.training.retraining.agenda import (
    Agenda,
    Cause,
    Limits,
    RetrainingUnderWay,
    RetrainingUnreadable,
    Says,
    by_hand,
    decide,
    ended,
    fold,
    from_outside,
    revived,
)

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def cause(key="1", rule="drift", *, at=NOW, asks=False):
    return Cause(id=key, rule=rule, reason="it moved", at=at, asks=asks)


def after(agenda, drafts):
    facts = [
        Fact(
            seq=i,
            stream="retraining/churn",
            revision=i,
            kind=draft.kind,
            schema=draft.schema,
            data=draft.data,
            at=NOW,
            by=draft.by,
        )
        for i, draft in enumerate(drafts, 1)
    ]
    return fold(agenda, facts)


def decided(agenda, causes, *, now=NOW, **limits):
    found = decide("churn", agenda, causes, Limits(**limits), now=now)
    return found, after(agenda, found.drafts)


def done(agenda, *, now=NOW, trained_s=0.0):
    draft = ended(agenda.active, outcome="promoted", reason="", trained_s=trained_s, now=now)
    return after(agenda, [draft])


def test_nothing_asked_is_nothing():
    found, agenda = decided(Agenda(), [])
    assert (found.says, agenda) == (Says.NOTHING, Agenda())


def test_two_triggers_at_once_are_one_run():
    causes = [cause("1", "drift", asks=True), cause("2", "accuracy")]
    found, agenda = decided(Agenda(), causes)
    assert found.says is Says.BEGINS
    assert [run.key for run in agenda.begun] == ["churn-1"]
    assert agenda.active.causes == tuple(causes)
    assert decided(agenda, causes)[0].says is Says.NOTHING


def test_a_trigger_while_a_run_is_under_way_joins_it():
    _, agenda = decided(Agenda(), [cause("1")])
    found, agenda = decided(agenda, [cause("1"), cause("2", "accuracy")])
    assert found.says is Says.JOINS
    assert [c.id for c in agenda.active.causes] == ["1", "2"]
    assert len(agenda.begun) == 1


def test_a_quorum_counts_different_triggers_within_the_span():
    old = cause("1", "drift", at=NOW - timedelta(hours=2))
    twice = [old, cause("2", "accuracy"), cause("3", "accuracy")]
    found, _ = decided(Agenda(), twice, k=2, span_s=3600.0)
    assert found.says is Says.QUORUM
    assert decided(Agenda(), twice, k=2, span_s=3 * 3600.0)[0].says is Says.BEGINS


def test_a_cooldown_is_waited_for_and_told_once():
    _, agenda = decided(Agenda(), [cause("1")])
    agenda = done(agenda)
    later = NOW + timedelta(minutes=10)
    found, agenda = decided(agenda, [cause("2", at=later)], now=later)
    assert (found.says, len(found.drafts)) == (Says.COOLING, 1)
    assert decided(agenda, [cause("2", at=later)], now=later)[0].drafts == ()
    free = NOW + timedelta(hours=1)
    assert decided(agenda, [cause("2", at=later)], now=free)[0].says is Says.BEGINS


def test_a_budget_of_runs_holds_until_the_day_is_over():
    agenda = Agenda()
    for i in range(2):
        _, agenda = decided(agenda, [cause(str(i))], cooldown_s=0.0, runs_per_day=2)
        agenda = done(agenda)
    found, _ = decided(agenda, [cause("9")], cooldown_s=0.0, runs_per_day=2)
    assert (found.says, found.reason) == (Says.BUDGET, "2 runs began within a day; the budget is 2")
    tomorrow = NOW + timedelta(days=1)
    found, _ = decided(agenda, [cause("9")], now=tomorrow, cooldown_s=0.0, runs_per_day=2)
    assert found.says is Says.BEGINS


def test_a_budget_of_training_time_holds():
    _, agenda = decided(Agenda(), [cause("1")])
    agenda = done(agenda, trained_s=3600.0)
    found, _ = decided(agenda, [cause("2")], cooldown_s=0.0, training_s=3600.0)
    assert found.says is Says.BUDGET
    assert "3600 s were trained" in found.reason


def test_a_person_is_not_held_back_but_by_a_run_under_way():
    _, agenda = decided(Agenda(), [cause("1")])
    with pytest.raises(RetrainingUnderWay, match="churn-1 of churn is under way") as refused:
        by_hand("churn", agenda, cause("h", "by hand"), by="anna")
    assert "seatrial retrain cancel churn" in refused.value.remedy
    agenda = done(agenda)
    agenda = after(agenda, [by_hand("churn", agenda, cause("h", "by hand"), by="anna")])
    assert (agenda.active.key, agenda.active.by) == ("churn-2", "anna")


def test_a_failed_run_goes_on_when_a_person_says_so():
    _, agenda = decided(Agenda(), [cause("1")])
    agenda = done(agenda)
    assert agenda.active is None
    agenda = after(agenda, [revived(agenda.begun[-1], by="anna", now=NOW)])
    assert agenda.active.key == "churn-1"


def test_a_clock_set_back_holds_nothing_up():
    _, agenda = decided(Agenda(), [cause("1")], now=NOW + timedelta(days=30))
    agenda = done(agenda)
    assert decided(agenda, [cause("2")])[0].says is Says.BEGINS


@pytest.mark.parametrize(
    ("kind", "schema", "data"),
    [
        ("retraining.danced", 1, {}),
        ("retraining.began", 2, {}),
        ("retraining.began", 1, {"at": "yesterday"}),
        ("retraining.ended", 1, {"at": NOW.isoformat()}),
    ],
)
def test_a_fact_that_cannot_be_read_is_refused(kind, schema, data):
    fact = Fact(
        seq=1,
        stream="retraining/churn",
        revision=1,
        kind=kind,
        schema=schema,
        data=data,
        at=NOW,
        by="x",
    )
    with pytest.raises(RetrainingUnreadable, match=kind):
        fold(Agenda(), [fact])


events = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from("abc")),
        st.tuples(st.just("end"), st.just("")),
        st.tuples(st.just("wait"), st.sampled_from(["60", "7200", "90000"])),
    ),
    max_size=40,
)


@given(events, st.integers(1, 3), st.integers(0, 3))
def test_whatever_happens_the_limits_hold(steps, k, per_day):
    limits = Limits(k=k, cooldown_s=3600.0, runs_per_day=per_day)
    agenda, now, causes = Agenda(), NOW, []
    for what, value in steps:
        if what == "ask":
            causes.append(cause(str(len(causes)), value, at=now))
        elif what == "wait":
            now += timedelta(seconds=int(value))
        elif agenda.active is not None:
            agenda = done(agenda, now=now)
        agenda = after(agenda, decide("churn", agenda, causes, limits, now=now).drafts)
    begins = [run.at for run in agenda.begun]
    for earlier, later in pairwise(begins):
        assert (later - earlier).total_seconds() >= 3600.0
    for begin in begins:
        within = [b for b in begins if 0 <= (begin - b).total_seconds() < 86_400]
        assert len(within) <= per_day
    ids = [c.id for run in agenda.begun for c in run.causes]
    assert len(ids) == len(set(ids))
    assert all(len({c.rule for c in run.causes}) >= k for run in agenda.begun)


def test_an_orchestrator_begins_a_run_joins_one_and_is_known_again():
    first, second = cause("a", "airflow"), cause("k", "kubeflow")
    agenda = after(Agenda(), from_outside("churn", Agenda(), first, by="anna"))
    assert (agenda.active.key, agenda.active.left_to) == ("churn-1", "airflow")
    assert from_outside("churn", agenda, first, by="anna") == []
    agenda = after(agenda, from_outside("churn", agenda, second, by="anna"))
    assert [one.rule for one in agenda.active.causes] == ["airflow", "kubeflow"]
    agenda = done(agenda)
    assert from_outside("churn", agenda, second, by="anna") == []
    agenda = after(agenda, from_outside("churn", agenda, cause("b", "airflow"), by="anna"))
    assert agenda.active.key == "churn-2"


def test_a_run_that_triggers_begin_is_left_to_nobody():
    _, agenda = decided(Agenda(), [cause()])
    assert agenda.active.left_to == ""

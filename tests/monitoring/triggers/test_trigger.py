"""When to retrain."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.plain import decode, encode
from seatrial.monitoring.alerts.facts import UnknownFact
from seatrial.monitoring.triggers.cron import parse_cron
from seatrial.monitoring.triggers.decision import Says
from seatrial.monitoring.triggers.fold import Triggers, fold
from seatrial.monitoring.triggers.rule import (
    DriftRule,
    Evidence,
    LabelsRule,
    Measured,
    PerformanceRule,
    Quorum,
    ScheduleRule,
    Window,
)
from seatrial.monitoring.triggers.trigger import RequestConflict, UnknownRequest, evaluated, look

START = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

NIGHTLY = ScheduleRule(name="nightly", cron=parse_cron("0 3 * * *"))
ACCURACY = PerformanceRule(
    name="accuracy", metric="accuracy", limit=0.9, quorum=Quorum(k=2, n=3), cooldown_s=3600
)
DRIFT = DriftRule(name="drift", quorum=Quorum(k=1, n=1), cooldown_s=0)
LABELS = LabelsRule(name="labels", n_rows=1000)


class Log:
    """One endpoint's triggers: what was looked at, and the facts that came of it."""

    def __init__(self, *rules) -> None:
        self.rules = rules
        self.facts: list[Fact] = []

    @property
    def state(self) -> Triggers:
        return fold(Triggers(), self.facts)

    def append(self, drafts: list[Draft]) -> list[str]:
        for draft in drafts:
            fact = Fact(
                seq=len(self.facts) + 1,
                stream="triggers/churn",
                revision=len(self.facts) + 1,
                kind=draft.kind,
                schema=draft.schema,
                data=decode(encode(draft.data, draft.kind)),
                at=START,
                by=draft.by,
            )
            self.facts.append(fact)
        return [draft.kind for draft in drafts if draft.kind.endswith("requested")]

    def look(self, hours: float, window: Window | None = None, n: int | None = None) -> list[str]:
        """What is asked for at a time; every look is that of a process just started."""
        _, drafts = look(
            self.state, self.rules, now=START + hours * HOUR, window=window, n_labelled=n
        )
        return self.append(drafts)

    def says(self, hours: float, n: int | None = None) -> list[Says]:
        decisions, _ = look(self.state, self.rules, now=START + hours * HOUR, n_labelled=n)
        return [decision.says for decision in decisions]


def window(hours: float, accuracy=None, *, version: int = 1, **more) -> Window:
    measured = None
    if accuracy is not None:
        low, high = more.pop("bounds", (None, None))
        measured = Measured(value=accuracy, low=low, high=high)
    return Window(
        version=version,
        end=START + hours * HOUR,
        performance={} if measured is None else {"accuracy": measured},
        **more,
    )


RETRAIN, EVALUATE = ["retraining.requested"], ["evaluation.requested"]


def test_a_schedule_asks_once_a_slot():
    log = Log(NIGHTLY)
    asked = [hour for hour in range(72) if log.look(hour)]
    assert asked == [3, 27, 51]
    request = next(iter(log.state.requests.values()))
    assert request.reason == "the schedule '0 3 * * *' came at 2030-01-01 03:00 UTC"


def test_a_schedule_says_when_it_comes_next():
    log = Log(NIGHTLY)
    log.look(0)
    (decision,), _ = look(log.state, log.rules, now=START + HOUR)
    assert decision.says is Says.WELL
    assert decision.evidence == {"next": "2030-01-01T03:00:00+00:00"}


def test_slots_missed_while_nothing_ran_are_made_up_for_once():
    log = Log(NIGHTLY)
    assert log.look(0) == []
    assert log.look(100) == RETRAIN
    assert log.look(101) == []


def test_a_slot_before_the_rule_began_is_nothing_to_make_up_for():
    assert Log(NIGHTLY).look(4) == []


def test_performance_asks_by_quorum_and_once():
    log = Log(ACCURACY)
    seen = [log.look(h, window(h, a)) for h, a in enumerate([0.95, 0.85, 0.95, 0.85, 0.85, 0.8])]
    assert seen == [[], [], [], RETRAIN, [], []]
    assert log.says(7) == [Says.ASKED]


def test_performance_asks_again_when_it_was_well_in_between():
    log = Log(ACCURACY)
    values = [0.8, 0.8, 0.95, 0.95, 0.95, 0.8, 0.8]
    assert [bool(log.look(h, window(h, a))) for h, a in enumerate(values)] == [
        False, True, False, False, False, False, True,
    ]  # fmt: skip


def test_another_version_is_another_cause():
    log = Log(ACCURACY)
    for h in range(4):
        log.look(h, window(h, 0.8))
    seen = [log.look(h, window(h, 0.8, version=2)) for h in range(4, 8)]
    assert seen == [[], RETRAIN, [], []]
    assert [r.version for r in log.state.requests.values()] == [1, 2]


def test_an_interval_that_reaches_the_limit_is_no_evidence():
    log = Log(ACCURACY)
    for h in range(5):
        assert log.look(h, window(h, 0.88, bounds=(0.84, 0.92))) == []
    assert log.look(6, window(6, 0.88, bounds=(0.87, 0.89))) == []
    assert log.look(7, window(7, 0.88, bounds=(0.87, 0.89))) == RETRAIN


def test_an_error_is_bad_when_it_is_high():
    rule = PerformanceRule(
        name="mae", metric="mae", limit=2.0, high_is_good=False, quorum=Quorum(k=1, n=1)
    )
    log = Log(rule)
    at = START + HOUR
    low = Window(version=1, end=at, performance={"mae": Measured(value=1.9)})
    high = Window(version=1, end=at + HOUR, performance={"mae": Measured(value=2.1)})
    assert log.look(1, low) == []
    assert log.look(2, high) == RETRAIN


def test_a_window_without_a_figure_counts_neither_way():
    log = Log(ACCURACY, DRIFT)
    log.look(0, window(0, 0.8))
    for h in range(1, 9):
        assert log.look(h, window(h, None, psi={"income": None})) == []
    assert log.look(9, window(9, 0.8)) == RETRAIN


def test_the_same_window_counts_once_and_a_late_one_not_at_all():
    log = Log(ACCURACY)
    for _ in range(5):
        assert log.look(5, window(5, 0.8)) == []
    assert log.look(6, window(4, 0.8)) == []
    assert log.look(7, window(7, 0.8)) == RETRAIN


def test_healthy_windows_leave_no_facts():
    log = Log(ACCURACY, DRIFT)
    for h in range(100):
        log.look(h, window(h, 0.95, psi={"income": 0.05}))
    assert log.facts == []


def test_within_the_cooldown_a_cause_waits_and_is_asked_for_after_it():
    rule = PerformanceRule(
        name="accuracy", metric="accuracy", limit=0.9, quorum=Quorum(k=1, n=1), cooldown_s=36_000
    )
    log = Log(rule)
    assert log.look(0, window(0, 0.8)) == RETRAIN
    log.look(1, window(1, 0.95))
    assert log.look(2, window(2, 0.8)) == []
    assert log.says(9.9) == [Says.COOLING]
    assert log.look(10) == RETRAIN
    assert log.look(30) == []


def test_drift_asks_for_an_evaluation_first():
    log = Log(DRIFT)
    assert log.look(0, window(0, psi={"income": 0.19, "age": 0.2})) == []
    assert log.look(1, window(1, psi={"income": 0.31, "age": 0.25, "city": 0.1})) == EVALUATE
    (request,) = log.state.requests.values()
    assert request.id == "drift-1"
    assert request.evidence["newest"] == {
        "psi": {"income": 0.31, "age": 0.25},
        "n_over": 2,
        "n_features": 3,
    }


def complete(log: Log, *, worse: bool) -> list[str]:
    drafts = evaluated(
        log.state,
        "drift-1",
        worse=worse,
        reason="accuracy fell from 0.93 to 0.88",
        evidence={"accuracy": 0.88},
        by="training",
        now=START + 5 * HOUR,
    )
    return log.append(drafts)


def test_an_evaluation_that_finds_the_model_worse_asks_for_retraining_once():
    log = Log(DRIFT)
    log.look(1, window(1, psi={"income": 0.31}))
    assert complete(log, worse=True) == RETRAIN
    request = log.state.requests["drift-1-retraining"]
    assert request.evaluation == "drift-1"
    assert "the evaluation found: accuracy fell" in request.reason
    with pytest.raises(RequestConflict, match="completed already"):
        complete(log, worse=True)
    assert log.look(9, window(9, psi={"income": 0.31})) == []


def test_an_evaluation_that_finds_the_model_well_asks_for_nothing():
    log = Log(DRIFT)
    log.look(1, window(1, psi={"income": 0.31}))
    assert complete(log, worse=False) == []
    assert log.state.requests["drift-1"].worse is False


def test_an_evaluation_nobody_asked_for_is_refused():
    with pytest.raises(UnknownRequest, match="'drift-1'"):
        complete(Log(DRIFT), worse=True)


def test_only_the_named_columns_count():
    log = Log(DriftRule(name="drift", features=("inc*",), quorum=Quorum(k=1, n=1)))
    assert log.look(1, window(1, psi={"age": 9.0})) == []
    assert log.look(2, window(2, psi={"age": 9.0, "income": 0.3})) == EVALUATE


def test_labels_ask_for_every_so_many_new_rows():
    log = Log(LABELS)
    counts = [5000, 5999, 6000, 6001, 6999, 7500, 8499, 8500]
    assert [bool(log.look(h, n=n)) for h, n in enumerate(counts)] == [
        False, False, True, False, False, True, False, True,
    ]  # fmt: skip


def test_labels_that_were_taken_back_do_not_count_twice():
    log = Log(LABELS)
    log.look(0, n=5000)
    log.look(1, n=100)
    assert log.look(2, n=1099) == []
    assert log.look(3, n=1100) == RETRAIN


def test_without_a_count_of_labels_nothing_is_said():
    log = Log(LABELS)
    assert log.look(0) == []
    assert log.says(1) == [Says.NO_DATA]


def test_a_fact_nobody_knows_is_refused():
    log = Log()
    log.append([Draft(kind="trigger.invented", data={"rule": "a"})])
    with pytest.raises(UnknownFact, match="invented"):
        _ = log.state


looks = st.lists(
    st.tuples(
        st.floats(0.1, 30),
        st.sampled_from([None, 0.8, 0.95]),
        st.sampled_from([None, 0.05, 0.3]),
        st.sampled_from([None, 0, 400]),
        st.integers(1, 2),
        st.integers(1, 3),
    ),
    max_size=25,
)


@settings(max_examples=100)
@given(looks)
def test_asking_again_or_after_a_restart_never_asks_twice(looks):
    """The same look put several times, each by a process that knows only the facts."""
    once, often = (Log(NIGHTLY, ACCURACY, DRIFT, LABELS) for _ in range(2))
    hours, n_labelled = 0.0, 0
    for step_h, accuracy, psi, n_more, version, n_times in looks:
        hours += step_h
        n_labelled += n_more or 0
        seen = window(hours, accuracy, version=version, psi={"income": psi})
        n = None if n_more is None else n_labelled
        asked = once.look(hours, seen, n)
        repeated = [often.look(hours, seen, n) for _ in range(n_times)]
        assert repeated[0] == asked
        assert not any(repeated[1:])
    assert [fact.data for fact in once.facts] == [fact.data for fact in often.facts]


def counted(
    index: int, accuracy: float, *, evidence: Evidence = Evidence.LABELS, version: int = 1, **more
) -> Window:
    """The ``index``-th window of an hour."""
    return Window(
        version=version,
        end=more.pop("end", START + index * HOUR),
        index=index,
        performance={"accuracy": Measured(value=accuracy, evidence=evidence)},
    )


def test_versions_that_answer_side_by_side_do_not_hide_each_other():
    """As during a canary: windows of both come in turns."""
    log = Log(ACCURACY)
    asked = []
    for i in range(4):
        asked += log.look(i, counted(i, 0.8, version=1))
        asked += log.look(i, counted(i, 0.95, version=2))
    assert asked == RETRAIN
    assert [r.version for r in log.state.requests.values()] == [1]


def test_what_is_not_served_any_more_is_no_cause():
    log = Log(ACCURACY)
    for i in range(4):
        _, drafts = look(
            log.state, log.rules, now=START + i * HOUR, window=counted(i, 0.8), served={2}
        )
        assert log.append(drafts) == []
    _, drafts = look(log.state, log.rules, now=START + 5 * HOUR, served={1, 2})
    assert log.append(drafts) == RETRAIN  # it was brought back


@pytest.mark.parametrize(
    ("least", "counts"),
    [
        (Evidence.LABELS, [True, False, False]),
        (Evidence.CONFIRMED, [True, True, False]),
        (Evidence.UNVERIFIED, [True, True, True]),
    ],
)
def test_a_rule_says_what_a_figure_must_rest_on(least, counts):
    rule = PerformanceRule(
        name="accuracy", metric="accuracy", limit=0.9, evidence=least, quorum=Quorum(k=1, n=1)
    )
    asked = [bool(Log(rule).look(1, counted(1, 0.8, evidence=evidence))) for evidence in Evidence]
    assert asked == counts


def test_labels_take_the_place_of_the_estimate_of_their_window():
    log = Log(ACCURACY)
    log.look(1, counted(1, 0.8, evidence=Evidence.CONFIRMED))
    assert log.look(2, counted(2, 0.95, evidence=Evidence.CONFIRMED)) == []
    assert log.look(5, counted(1, 0.95)) == []  # labels: the first was well
    assert log.look(6, counted(3, 0.8, evidence=Evidence.CONFIRMED)) == []
    assert log.look(7, counted(3, 0.8)) == []  # the same window, and no second one
    assert log.look(8, counted(2, 0.8)) == RETRAIN  # labels: the second was not
    (request,) = log.state.requests.values()
    assert request.evidence["newest"]["evidence"] == "labels"


def test_an_estimate_never_takes_the_place_of_labels():
    log = Log(ACCURACY)
    log.look(1, counted(1, 0.8))
    log.look(2, counted(1, 0.95, evidence=Evidence.CONFIRMED))
    assert log.look(3, counted(2, 0.8)) == RETRAIN


def test_labels_of_windows_older_than_all_that_count_are_left_out():
    log = Log(ACCURACY)
    log.look(5, counted(5, 0.8))
    assert log.look(6, counted(1, 0.8)) == []
    assert log.look(7, counted(6, 0.8)) == RETRAIN


def test_windows_count_on_when_the_clock_is_set_back():
    log = Log(ACCURACY)
    log.look(1, counted(1, 0.8, end=START + 9_000 * HOUR))
    assert log.look(2, counted(2, 0.8, end=START)) == RETRAIN


def test_windows_whose_counting_began_anew_count():
    """As when the ledger of a version was lost."""
    log = Log(ACCURACY)
    log.look(1, counted(70, 0.8, end=START))
    assert log.look(2, counted(0, 0.8, end=START + HOUR)) == []
    assert log.look(3, counted(1, 0.8, end=START + 2 * HOUR)) == RETRAIN


def test_a_schedule_begins_anew_when_the_clock_is_set_back_by_years():
    log = Log(NIGHTLY)
    year = 24 * 365
    log.look(year)
    assert log.look(year + 24) == RETRAIN
    assert log.look(0) == []
    assert log.look(1) == []
    assert log.look(24) == RETRAIN
    assert log.look(25) == []


def test_a_clock_set_back_an_hour_repeats_no_slot():
    log = Log(NIGHTLY)
    log.look(0)
    assert log.look(3.1) == RETRAIN
    assert [log.look(hour) for hour in (2.5, 3.0, 3.2, 20)] == [[]] * 4


def test_a_cooldown_that_began_in_what_is_the_future_now_is_over():
    rule = PerformanceRule(name="accuracy", metric="accuracy", limit=0.9, quorum=Quorum(k=1, n=1))
    log = Log(rule)
    assert log.look(9_000, counted(1, 0.8)) == RETRAIN
    log.look(1, counted(2, 0.95))
    assert log.look(2, counted(3, 0.8)) == RETRAIN


FACTS_OF_BEFORE = [
    {"version": 1, "end": "2030-01-01T01:00:00+00:00", "met": True, "k": 2, "n": 3},
    {"version": 1, "end": "2030-01-01T02:00:00+00:00", "met": False, "k": 2, "n": 3},
]


def test_facts_that_were_written_before_windows_had_numbers_still_count():
    log = Log(ACCURACY)
    for said in FACTS_OF_BEFORE:
        data = said | {"rule": "accuracy", "at": said["end"], "evidence": {"value": 0.8}}
        log.append([Draft(kind="trigger.window", data=data)])
    assert log.look(3, counted(3, 0.8)) == RETRAIN

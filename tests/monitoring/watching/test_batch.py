"""Rows beside a reference, once: what each rule says, and the verdict."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy import stats

from seatrial.monitoring.drift.reference import Reference
from seatrial.monitoring.drift.severity import Severity
from seatrial.monitoring.performance.verdict import Level
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.watching.batch import (
    BatchVerdict,
    Outcome,
    RuleName,
    Thumb,
    thumb,
    verdict,
    with_performance,
)
from seatrial.monitoring.watching.watch import Span, Watch

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ALL = tuple(RuleName)


def rows(n: int, *, seed: int, shift: float = 0.0, p: tuple[float, ...] = (0.5, 0.3, 0.2)) -> Table:
    rng = np.random.default_rng(seed)
    plan = Coded(rng.choice(3, n, p=p).astype(np.int32), ("basic", "plus", "pro"))
    columns = {"age": rng.normal(40 + 10 * shift, 10, n), "flat": np.zeros(n), "plan": plan}
    return Table(columns=columns, n=n)


def judged(
    there: Table, here: Table, rules: tuple[RuleName, ...] = ALL
) -> tuple[BatchVerdict, Thumb]:
    reference = Reference(there)
    summary, exact = reference.measure(here)
    watch = Watch(reference.profile)
    _, report = watch.step(watch.start(), summary, Span(start=NOW, end=NOW), exact=exact)
    found = thumb(reference.profile, summary, report, rules)
    return verdict(report, found, rules), found


DEFAULT = (RuleName.DEFAULT,)


def test_a_segment_that_moves_alone_is_an_alarm_that_names_it() -> None:
    there, here = rows(8_000, seed=1), rows(2_000, seed=2)
    plan, age = here.columns["plan"], here.columns["age"]
    assert isinstance(plan, Coded)
    assert isinstance(age, np.ndarray)
    # Young ones of one plan for old ones of another: the whole is as it was.
    young = np.flatnonzero((plan.codes == 2) & (age < 40))
    old = np.flatnonzero((plan.codes == 0) & (age > 45))[: len(young)]
    swapped = age.copy()
    swapped[young[: len(old)]], swapped[old] = age[old], age[young[: len(old)]]
    few = Table(columns={**here.columns, "age": swapped}, n=here.n)

    def told(segments: tuple[str, ...]) -> BatchVerdict:
        reference = Reference(there, segments=segments)
        summary, exact = reference.measure(few)
        watch = Watch(reference.profile, segments=reference.segments)
        _, report = watch.step(watch.start(), summary, Span(start=NOW, end=NOW), exact=exact)
        return verdict(report, Thumb(), DEFAULT)

    assert told(()).outcome is Outcome.CLEAR
    found = told(("plan",))
    assert found.outcome is Outcome.ALARM
    assert found.reason.startswith("in plan=pro: age PSI")
    assert found.columns == ("age",)


def test_rows_like_the_reference_are_clear() -> None:
    found, _ = judged(rows(5_000, seed=1), rows(5_000, seed=2), DEFAULT)
    assert found.outcome is Outcome.CLEAR
    assert found.columns == ()


def test_a_large_shift_is_an_alarm_that_names_the_column() -> None:
    found, _ = judged(rows(5_000, seed=1), rows(5_000, seed=2, shift=1.0), DEFAULT)
    assert found.outcome is Outcome.ALARM
    assert found.columns[0] == "age"
    assert "'age' level up" in found.reason


def test_another_mix_of_names_is_an_alarm_too() -> None:
    found, said = judged(rows(5_000, seed=1), rows(5_000, seed=2, p=(0.2, 0.3, 0.5)))
    assert found.outcome is Outcome.ALARM
    assert said.psi["plan"].severity is Severity.CRITICAL


def test_too_few_rows_are_inconclusive() -> None:
    found, _ = judged(rows(30, seed=1), rows(30, seed=2), DEFAULT)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "30" in found.reason


@pytest.mark.parametrize("rules", [DEFAULT, (RuleName.PSI,), (RuleName.KS,), ALL])
def test_no_rows_are_inconclusive_by_every_rule(rules: tuple[RuleName, ...]) -> None:
    found, said = judged(rows(1_000, seed=1), rows(0, seed=2), rules)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert (said.psi, said.ks) == ({}, {})


def test_a_rule_that_was_not_asked_for_says_nothing() -> None:
    _, said = judged(rows(1_000, seed=1), rows(1_000, seed=2), DEFAULT)
    assert said.as_dict() == {"psi": {}, "ks": {}}


def test_the_ks_rule_is_that_of_scipy_in_its_customary_words() -> None:
    there, here = rows(2_000, seed=1), rows(1_500, seed=2, shift=0.1)
    found, said = judged(there, here, (RuleName.KS,))
    peer = stats.ks_2samp(there.columns["age"], here.columns["age"])
    record = said.as_dict()["ks"]["age"]
    assert record["ks_statistic"] == pytest.approx(peer.statistic, abs=1e-12)
    assert record["p_value"] == pytest.approx(peer.pvalue, rel=0.1)
    assert record["drift_detected"] is bool(peer.pvalue < 0.05)
    assert found.outcome is Outcome.ALARM


def test_the_psi_rule_warns_from_a_tenth_and_alarms_from_two_tenths() -> None:
    there = rows(20_000, seed=1)
    found, said = judged(there, rows(20_000, seed=2, shift=0.4), (RuleName.PSI,))
    assert 0.1 < said.psi["age"].psi < 0.2
    assert found.outcome is Outcome.WARNING
    found, said = judged(there, rows(20_000, seed=2, shift=0.6), (RuleName.PSI,))
    assert said.psi["age"].psi > 0.2
    assert (found.outcome, found.columns) == (Outcome.ALARM, ("age",))


def test_of_several_rules_the_gravest_decides() -> None:
    there, here = rows(20_000, seed=1), rows(20_000, seed=2, shift=0.4)
    psi, _ = judged(there, here, (RuleName.PSI,))
    both, _ = judged(there, here, (RuleName.PSI, RuleName.KS))
    assert (psi.outcome, both.outcome) == (Outcome.WARNING, Outcome.ALARM)


def test_a_vanished_column_is_an_alarm_though_nothing_drifts() -> None:
    here = rows(5_000, seed=2)
    gone = Table(columns={"age": here.columns["age"], "flat": here.columns["flat"]}, n=here.n)
    found, _ = judged(rows(5_000, seed=1), gone, DEFAULT)
    assert found.outcome is Outcome.ALARM
    assert "plan" in found.columns
    assert "plan" in found.reason


@pytest.mark.parametrize(
    ("levels", "before", "after"),
    [
        ([Level.CLEAR, Level.UNKNOWN], Outcome.CLEAR, Outcome.CLEAR),
        ([Level.WARNING], Outcome.CLEAR, Outcome.WARNING),
        ([Level.CLEAR, Level.CRITICAL], Outcome.WARNING, Outcome.ALARM),
        ([Level.CRITICAL], Outcome.INCONCLUSIVE, Outcome.ALARM),
        ([Level.WARNING], Outcome.ALARM, Outcome.ALARM),
    ],
)
def test_a_drop_of_performance_is_part_of_the_verdict(
    levels: list[Level], before: Outcome, after: Outcome
) -> None:
    drift = BatchVerdict(outcome=before, reason="Drift says this.", columns=("age",))
    found = with_performance(drift, [(level, f"it is {level}") for level in levels])
    assert (found.outcome, found.columns) == (after, ("age",))
    told = before in (Outcome.ALARM, Outcome.WARNING) or after is before
    assert ("Drift says this." in found.reason) is told
    worst = max(levels, key=["unknown", "clear", "warning", "critical"].index)
    assert (f"It is {worst}." in found.reason) is (worst in (Level.WARNING, Level.CRITICAL))


@pytest.mark.parametrize(
    ("whole", "segments", "after"),
    [
        (Level.CLEAR, Level.CRITICAL, Outcome.ALARM),
        (Level.WARNING, Level.CRITICAL, Outcome.ALARM),
        (Level.CRITICAL, Level.WARNING, Outcome.ALARM),
        (Level.UNKNOWN, Level.WARNING, Outcome.WARNING),
        (Level.CLEAR, Level.UNKNOWN, Outcome.CLEAR),
    ],
)
def test_a_segment_that_does_worse_is_named_beside_what_the_whole_does(
    whole: Level, segments: Level, after: Outcome
) -> None:
    quiet = BatchVerdict(outcome=Outcome.CLEAR, reason="Nothing moved.")
    found = with_performance(quiet, [(whole, "the whole fell")], [(segments, "north fell")])
    assert found.outcome is after
    bad = (Level.WARNING, Level.CRITICAL)
    said = {"The whole fell.": whole in bad, "North fell.": segments in bad}
    told = " ".join(sentence for sentence, is_said in said.items() if is_said)
    assert found.reason == (told or "Nothing moved.")

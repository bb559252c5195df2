"""Which segments do worse: found, not called by chance, and against what is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seatrial.monitoring.performance.reference import PerformanceReference
from seatrial.monitoring.performance.segment_judge import (
    LOOK_LABELS,
    SegmentRules,
    SegmentVerdict,
    judge_segments,
)
from seatrial.monitoring.performance.segment_reference import SegmentReference
from seatrial.monitoring.performance.segment_sums import SegmentSums
from seatrial.monitoring.performance.verdict import Level, PerformanceRules
from seatrial.stats.performance import Metric

K = 20
PAIRS = tuple(("town", f"v{i}") for i in range(K))
SHARES = 1 / np.arange(1, K + 1)
SHARES /= SHARES.sum()


def of_model(*, classifier: bool) -> PerformanceReference:
    name, value = ("accuracy", 0.9) if classifier else ("mae", 2.0)
    return PerformanceReference(
        classes=("no", "yes") if classifier else None,
        metrics=(Metric(name=name, value=value, standard_error=0.01, n=4_000),),
    )


def rows(
    rng: np.random.Generator,
    n: int,
    *,
    classifier: bool = True,
    worse: float = 0.0,
    harder: float = 0.0,
    without: int | None = None,
) -> SegmentSums:
    """Labelled rows of twenty values, some of them rare.

    Args:
        worse: in v3 by so much less often right, or so much larger errors, unknown to the scores.
        harder: the same, and the scores know it.
        without: a value that does not occur.
    """
    segment = rng.choice(K, n, p=SHARES)
    if without is not None:
        segment[segment == without] = 0
    third = segment == 3
    if classifier:
        expected = rng.beta(8, 0.8, n) - harder * third
        outcome = (rng.random(n) < expected - worse * third).astype(np.float64)
    else:
        expected = rng.gamma(2, 1, n) * (1 + harder * third)
        outcome = expected * rng.lognormal(-0.5, 1, n) * (1 + worse * third)
    places = np.column_stack([segment, np.full(n, K)])
    return SegmentSums.of(places, expected, n_segments=K + 1) + SegmentSums.labelled(
        places, outcome, n_segments=K + 1
    )


def judged(
    rng: np.random.Generator,
    *,
    labels: bool,
    classifier: bool = True,
    n_reference: int = 4_000,
    n_windows: int = 4,
    chance: float = 1e-4,
    of_reference: SegmentSums | None = None,
    **moved: float,
) -> tuple[SegmentVerdict, ...]:
    kept = of_reference or rows(rng, n_reference, classifier=classifier)
    return judge_segments(
        {i: rows(rng, 1_000, classifier=classifier, **moved) for i in range(n_windows)},
        SegmentReference(pairs=PAIRS, sums=kept),
        of_model(classifier=classifier),
        SegmentRules(performance=PerformanceRules()),
        labels=labels,
        chance=chance,
    )


@pytest.mark.parametrize("classifier", [True, False])
def test_the_worst_segment_comes_first_and_is_the_only_one(classifier: bool) -> None:
    rng = np.random.default_rng(1)
    worse = 0.4 if classifier else 4.0
    found = judged(rng, labels=True, classifier=classifier, worse=worse)
    assert (found[0].name, found[0].level) == ("town=v3", Level.CRITICAL)
    assert found[0].drop == pytest.approx(worse, rel=0.35)
    assert found[0].interval is not None
    assert found[0].interval.lower < found[0].performance < found[0].interval.upper  # type: ignore[operator]
    assert all(one.level is Level.CLEAR for one in found[1:])
    blind = judged(rng, labels=False, classifier=classifier, worse=worse)
    assert all(one.level is Level.CLEAR for one in blind)


@pytest.mark.parametrize("classifier", [True, False])
def test_what_scores_know_of_a_segment_is_estimated_without_a_label(classifier: bool) -> None:
    harder = 0.3 if classifier else 2.0
    rng = np.random.default_rng(2)
    found = judged(rng, labels=False, classifier=classifier, harder=harder)
    assert (found[0].name, found[0].level) == ("town=v3", Level.CRITICAL)
    assert found[0].drop == pytest.approx(harder, rel=0.35)
    assert all(one.level is Level.CLEAR for one in found[1:])


def test_a_segment_that_always_was_harder_has_not_got_worse() -> None:
    rng = np.random.default_rng(3)
    kept = rows(rng, 8_000, worse=0.3)
    for labels in (True, False):
        found = judged(rng, labels=labels, of_reference=kept, worse=0.3)
        third = next(one for one in found if one.value == "v3")
        assert third.level is Level.CLEAR
        assert third.performance == pytest.approx(0.61, abs=0.08)


def test_a_value_the_reference_lacks_is_held_against_the_whole_and_that_is_said() -> None:
    rng = np.random.default_rng(4)
    kept = rows(rng, 8_000, without=3)
    found = judged(rng, labels=True, of_reference=kept, worse=0.4)
    assert (found[0].value, found[0].of_whole) == ("v3", True)
    assert found[0].level is Level.CRITICAL
    assert found[0].reference == pytest.approx(0.91, abs=0.02)


def test_a_rare_value_has_too_few_rows_in_one_window_and_enough_in_many() -> None:
    def last(n_windows: int) -> SegmentVerdict:
        found = judged(np.random.default_rng(5), labels=True, n_windows=n_windows)
        return next(one for one in found if one.value == "v19")

    assert (last(1).level, last(1).performance, last(1).p_value) == (Level.UNKNOWN, None, None)
    assert (last(16).level, last(16).windows) == (Level.CLEAR, 16)


def test_no_labels_are_no_verdicts() -> None:
    rng = np.random.default_rng(6)
    places = np.full((100, 2), K)
    unlabelled = SegmentSums.of(places, np.full(100, 0.9), n_segments=K + 1)
    known = SegmentReference(pairs=PAIRS, sums=rows(rng, 4_000))
    rules = SegmentRules(performance=PerformanceRules())
    model = of_model(classifier=True)
    assert judge_segments({0: unlabelled}, known, model, rules, labels=True, chance=0.1) == ()
    assert judge_segments({}, known, model, rules, labels=False, chance=0.1) == ()


@pytest.mark.parametrize("classifier", [True, False])
@pytest.mark.parametrize("labels", [True, False])
def test_segments_without_a_change_are_called_worse_no_oftener_than_asked_for(
    classifier: bool, labels: bool
) -> None:
    rng = np.random.default_rng(7)
    chance, n, false = 0.05, 150, 0
    for _ in range(n):
        found = judged(rng, labels=labels, classifier=classifier, n_reference=700, chance=chance)
        false += any(one.level in (Level.WARNING, Level.CRITICAL) for one in found)
    assert false / n <= chance + 3 * np.sqrt(chance * (1 - chance) / n)


def test_numbers_of_a_row_that_err_together_are_no_more_evidence_than_the_row() -> None:
    rng = np.random.default_rng(8)
    kept, window = rows(rng, 4_000, classifier=False), rows(rng, 1_000, classifier=False, worse=0.9)

    def said(times: int, *, width: int) -> dict[str, SegmentVerdict]:
        """Of answers that hold the same number so many times."""
        found = judge_segments(
            {0: SegmentSums(times * window.sums)},
            SegmentReference(pairs=PAIRS, sums=SegmentSums(times * kept.sums)),
            replace(of_model(classifier=False), width=width),
            SegmentRules(performance=PerformanceRules()),
            labels=True,
            chance=0.1,
        )
        return {one.value: one for one in found}

    once, often = said(1, width=1), said(4, width=4)
    assert {one.level for one in once.values()} == {Level.CLEAR, Level.UNKNOWN}
    for value, one in once.items():
        four = often[value]
        assert (four.n, four.level, four.performance) == (4 * one.n, one.level, one.performance)
        if one.p_value is not None:
            assert four.p_value == pytest.approx(one.p_value, rel=0.3)
    assert said(4, width=1)["v3"].level is Level.CRITICAL  # as if each were a row of its own


def test_looks_at_labels_share_the_budget_of_a_window() -> None:
    rules = SegmentRules(performance=PerformanceRules(), budget_windows=100.0)
    assert rules.chance(labels=False, window_rows=1_000) == 0.01
    assert rules.chance(labels=True, window_rows=10 * LOOK_LABELS) == pytest.approx(0.001)
    assert rules.chance(labels=True, window_rows=10) == 0.01

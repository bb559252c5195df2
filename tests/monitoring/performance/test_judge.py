"""What performance means: levels by evidence, and a flag on the estimate without labels."""

from dataclasses import replace

import numpy as np
import pytest
from known_models import binary, regression, scored

from seatrial.monitoring.performance.judge import estimated, measured
from seatrial.monitoring.performance.labels import join
from seatrial.monitoring.performance.reference import PerformanceReference
from seatrial.monitoring.performance.scored import Scored
from seatrial.monitoring.performance.state import PerformanceState, learn, observe, start
from seatrial.monitoring.performance.trust import trust_in_scores
from seatrial.monitoring.performance.verdict import Level, PerformanceRules, Trust
from seatrial.stats.performance import Metric
from seatrial.testing.memory_pending import MemoryPending

RULES = PerformanceRules()
WINDOW, STEP = 500, 100


def watched(
    reference: PerformanceReference,
    parts: list[tuple[np.ndarray, np.ndarray]],
    *,
    n_audited: int = 0,
    n_labelled: int = 0,
) -> PerformanceState:
    """Windows of 500 rows; labels of the first ``n_labelled`` windows came, and of audited rows."""
    score = np.concatenate([s for s, _ in parts])
    label = np.concatenate([y for _, y in parts])
    audited = np.arange(len(score)) % WINDOW % (WINDOW // max(n_audited, 1)) == 0
    rows = scored(score, step_rows=STEP, audited=audited if n_audited else None)
    return answered(
        reference, rows, label, rows.audited | (rows.step < n_labelled * WINDOW // STEP)
    )


def answered(
    reference: PerformanceReference, rows: Scored, label: np.ndarray, known: np.ndarray
) -> PerformanceState:
    pending = MemoryPending()
    pending.add(rows)
    state = observe(start(reference, steps_per_window=WINDOW // STEP), reference, rows)
    ids = [rows.ids[i] for i in np.flatnonzero(known)]
    return learn(state, reference, join(pending, ids, label[known]))


def windows(n: int, *, seed: int = 10, **kind: float) -> list[tuple[np.ndarray, np.ndarray]]:
    return [binary(seed + i, WINDOW, **kind) for i in range(n)]


def test_before_the_first_prediction_nothing_is_known(classifier: PerformanceReference) -> None:
    found = estimated(start(classifier, steps_per_window=5), classifier, RULES)
    assert (found.level, found.value, found.interval, found.n) == (Level.UNKNOWN, None, None, 0)
    assert found.trust.trust is Trust.UNVERIFIED
    assert measured(start(classifier, steps_per_window=5), classifier, RULES) is None


def test_rows_like_the_references_are_clear_and_estimated_right(
    classifier: PerformanceReference,
) -> None:
    found = estimated(watched(classifier, windows(8)), classifier, RULES)
    assert found.level is Level.CLEAR
    assert found.value == pytest.approx(classifier.main.value, abs=0.02)
    assert found.interval is not None
    assert found.interval.lower < classifier.main.value < found.interval.upper


def test_harder_rows_are_critical_without_a_single_label(classifier: PerformanceReference) -> None:
    found = estimated(watched(classifier, windows(2, a=8.0)), classifier, RULES)
    assert found.level is Level.CRITICAL
    assert found.drop is not None
    assert found.drop > 0.1
    assert "worse" in found.reason
    assert found.trust.trust is Trust.UNVERIFIED


def test_a_changed_world_is_seen_by_an_audit_and_the_scores_lose_their_trust(
    classifier: PerformanceReference,
) -> None:
    changed = windows(6) + windows(4, seed=50, flipped_share=0.3)
    blind = estimated(watched(classifier, changed), classifier, RULES)
    assert blind.level is Level.CLEAR  # nobody can see it without labels
    found = estimated(watched(classifier, changed, n_audited=50), classifier, RULES)
    assert found.level is Level.CRITICAL
    assert found.trust.trust is Trust.CONTRADICTED
    assert "wrong by -" in found.trust.reason
    real = np.mean([((s >= 0.5) == y).mean() for s, y in changed[-1:]])
    assert abs(found.value - real) < abs(found.label_free - real) / 2  # type: ignore[operator]


def test_a_lucky_window_does_not_restore_lost_trust_and_labels_that_agree_do(
    classifier: PerformanceReference,
) -> None:
    changed = windows(4) + windows(4, seed=50, flipped_share=0.3)
    for n_good, trust in ((0, Trust.CONTRADICTED), (12, Trust.CONFIRMED)):
        rows = changed + windows(n_good, seed=80)
        state = watched(classifier, rows, n_labelled=len(rows))
        assert trust_in_scores(state, classifier, RULES).trust is trust
    # Half as wrong as before: no longer shown to be wrong, and not likely to be right.
    doubtful = replace(RULES, contradicted_chance=0.999)
    said = set()
    for n_good in range(12):
        rows = changed + windows(n_good, seed=80)
        found = trust_in_scores(watched(classifier, rows, n_audited=30), classifier, doubtful)
        if found.trust is Trust.CONTRADICTED and "not yet likely" in found.reason:
            said.add(n_good)
            assert found.chance is not None
            assert found.chance <= 0.999
    assert said


def test_labels_that_agree_confirm_the_scores(classifier: PerformanceReference) -> None:
    found = trust_in_scores(watched(classifier, windows(8), n_labelled=6), classifier, RULES)
    assert found.trust is Trust.CONFIRMED
    assert found.windows_ago == 2
    assert found.chance is not None
    assert found.chance < 0.2


def test_labels_of_long_ago_no_longer_verify(classifier: PerformanceReference) -> None:
    found = trust_in_scores(watched(classifier, windows(14), n_labelled=2), classifier, RULES)
    assert found.trust is Trust.UNVERIFIED
    assert "12 windows old" in found.reason


def test_the_newest_window_with_enough_labels_is_measured(
    classifier: PerformanceReference,
) -> None:
    parts = windows(4)
    found = measured(watched(classifier, parts, n_labelled=3), classifier, RULES)
    assert found is not None
    assert (found.window, found.n, found.n_labelled, found.level) == (2, 500, 500, Level.CLEAR)
    score, label = parts[2]
    assert [m.name for m in found.metrics] == ["accuracy", "precision", "recall", "f1", "auc"]
    assert found.metrics[0].value == pytest.approx(((score >= 0.5) == label).mean())
    assert found.unexplained_interval is not None
    assert found.unexplained_interval.lower < 0 < found.unexplained_interval.upper


def test_a_window_whose_labels_came_is_measured_before_one_that_was_audited(
    classifier: PerformanceReference,
) -> None:
    audited = watched(classifier, windows(4), n_audited=50)
    found = measured(audited, classifier, RULES)
    assert found is not None
    assert (found.window, found.n_labelled) == (3, 50)
    late = measured(watched(classifier, windows(4), n_audited=50, n_labelled=2), classifier, RULES)
    assert late is not None
    assert (late.window, late.n_labelled) == (1, 500)


def test_the_few_labels_of_an_audit_are_left_to_the_estimate_where_there_is_one(
    classifier: PerformanceReference,
) -> None:
    state = watched(classifier, windows(4, flipped_share=0.3), n_audited=50)
    found = measured(state, classifier, RULES)
    assert found is not None
    assert found.level is Level.UNKNOWN
    assert "50 labels of 500 rows" in found.reason
    assert estimated(state, classifier, RULES).level is Level.CRITICAL
    alone = measured(state, replace(classifier, confidence=None), RULES)
    assert alone is not None
    assert alone.level is Level.CRITICAL


def test_unchanged_windows_with_their_labels_rarely_alarm(
    classifier: PerformanceReference,
) -> None:
    state = watched(classifier, windows(200), n_labelled=200)
    told = [measured(state, classifier, RULES, window=i) for i in range(200)]
    alarms = [one for one in told if one is not None and one.level is not Level.CLEAR]
    assert len([one for one in told if one is not None]) == 200
    assert len(alarms) <= 8


def test_harder_rows_are_told_from_a_changed_world(classifier: PerformanceReference) -> None:
    harder = measured(watched(classifier, windows(1, a=8.0), n_labelled=1), classifier, RULES)
    changed = measured(
        watched(classifier, windows(1, flipped_share=0.3), n_labelled=1), classifier, RULES
    )
    for found in (harder, changed):
        assert found is not None
        assert found.level is Level.CRITICAL
        assert found.metrics[0].drop_interval is not None
        assert found.metrics[0].drop_interval.lower > RULES.critical_drop
    assert harder is not None
    assert changed is not None
    assert harder.unexplained_interval is not None
    assert changed.unexplained_interval is not None
    assert harder.unexplained_interval.lower < 0.02
    assert changed.unexplained_interval.lower > 0.1
    drop = changed.metrics[0].drop_interval
    assert drop is not None
    width = changed.unexplained_interval.upper - changed.unexplained_interval.lower
    assert width < drop.upper - drop.lower  # rows are paired with their own expectation


def test_a_few_labels_are_shown_and_not_judged(classifier: PerformanceReference) -> None:
    state = watched(classifier, windows(1), n_audited=10)
    assert measured(state, classifier, RULES) is None
    found = measured(state, classifier, RULES, window=0)
    assert found is not None
    assert (found.level, found.warning_chance, found.n_labelled) == (Level.UNKNOWN, None, 10)
    assert "only 10 labels" in found.reason
    assert measured(state, classifier, RULES, window=7) is None


def test_a_few_rows_without_an_error_do_not_rule_a_drop_out(
    classifier: PerformanceReference,
) -> None:
    score, _ = binary(3, 30)
    state = watched(classifier, [(score, (score >= 0.5).astype(float))], n_labelled=1)
    best = Metric(name="accuracy", value=0.995, standard_error=0.001, n=4_000)
    found = measured(state, replace(classifier, metrics=(best,)), RULES)
    assert found is not None
    assert found.warning_chance is not None
    assert 0.05 < found.warning_chance < 0.5


def test_limits_are_the_rules(classifier: PerformanceReference) -> None:
    state = watched(classifier, windows(4, flipped_share=0.05), n_labelled=4)
    strict = replace(RULES, warning_drop=0.001, critical_drop=0.002)
    loose = replace(RULES, warning_drop=0.3, critical_drop=0.4)
    assert estimated(state, classifier, strict).level is Level.CRITICAL
    assert estimated(state, classifier, loose).level is Level.CLEAR


def test_an_estimate_of_an_accuracy_stays_a_share(classifier: PerformanceReference) -> None:
    sure = (np.full(WINDOW, 0.999), np.ones(WINDOW))
    found = estimated(watched(classifier, [sure] * 4, n_labelled=4), classifier, RULES)
    assert found.interval is not None
    assert 0 <= found.interval.lower <= found.value <= found.interval.upper <= 1  # type: ignore[operator]


@pytest.mark.slow
def test_quiet_windows_rarely_alarm(classifier: PerformanceReference) -> None:
    alarms = []
    for run in range(8):
        parts = windows(30, seed=1_000 * run + 1_000)
        for n in range(10, 31, 10):
            state = watched(classifier, parts[:n], n_audited=50, n_labelled=n - 4)
            alarms.append(estimated(state, classifier, RULES).level is not Level.CLEAR)
    assert np.mean(alarms) <= 0.04


def regressed(
    reference: PerformanceReference, n_labelled: int, noises: list[float]
) -> PerformanceState:
    tables = [regression(20 + i, WINDOW, noise=noise) for i, noise in enumerate(noises)]
    assert reference.loss is not None
    n = WINDOW * len(tables)
    row = np.arange(n)
    rows = Scored(
        ids=tuple(f"r{i}" for i in row),
        at_us=row.astype(np.int64),
        step=row // STEP,
        predicted=np.concatenate([np.asarray(t.columns["said"]) for t in tables]),
        score=np.concatenate([reference.loss.of(t) for t in tables]),
        audited=np.zeros(n, np.bool_),
        label=np.full(n, np.nan),
    )
    label = np.concatenate([np.asarray(t.columns["y"]) for t in tables])
    return answered(reference, rows, label, row < n_labelled * WINDOW)


def test_the_error_of_a_regressor_is_estimated_and_a_rise_is_relative(
    regressor: PerformanceReference,
) -> None:
    quiet = estimated(regressed(regressor, 4, [1.0] * 8), regressor, RULES)
    assert quiet.level is Level.CLEAR
    assert quiet.value == pytest.approx(regressor.main.value, rel=0.1)
    worse = estimated(regressed(regressor, 8, [1.0] * 4 + [1.5] * 4), regressor, RULES)
    assert worse.level is Level.CRITICAL
    assert worse.drop == pytest.approx(0.5, abs=0.15)
    assert worse.trust.trust is Trust.CONTRADICTED
    real = measured(regressed(regressor, 8, [1.0] * 4 + [1.5] * 4), regressor, RULES)
    assert real is not None
    assert [m.name for m in real.metrics] == ["mae", "rmse"]
    assert real.metrics[0].drop == pytest.approx(0.5, abs=0.15)
    assert real.level is Level.CRITICAL


def test_harder_rows_of_a_regressor_are_seen_without_labels(
    regressor: PerformanceReference,
) -> None:
    assert regressor.loss is not None
    table = regression(30, WINDOW)
    x = np.asarray(table.columns["x"])
    hard = np.flatnonzero(x > 1.5)
    n = len(hard)
    rows = Scored(
        ids=tuple(f"r{i}" for i in range(n)),
        at_us=np.arange(n, dtype=np.int64),
        step=np.zeros(n, np.int64),
        predicted=np.asarray(table.columns["said"])[hard],
        score=regressor.loss.of(table)[hard],
        audited=np.zeros(n, np.bool_),
        label=np.full(n, np.nan),
    )
    state = observe(start(regressor, steps_per_window=1), regressor, rows)
    found = estimated(state, regressor, RULES)
    assert found.level is Level.CRITICAL
    assert found.value == pytest.approx(1.8, abs=0.2)  # sqrt(2 / pi) * (0.5 + 1.75)

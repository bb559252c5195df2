"""What comes of two versions over the same rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as oracle

from seatrial.kernel.errors import NotFound
from seatrial.monitoring.rows.table import Coded
from seatrial.registry.signature import Task
from seatrial.training.evaluation.answers import Answers, LabelMismatch, NotComparable
from seatrial.training.evaluation.decision import Kind, Outcome
from seatrial.training.evaluation.metrics import MetricFails, OwnMetric, UnknownMetric
from seatrial.training.evaluation.rules import Guardrail, Margin, Rules

RULES = Rules(n_resamples=300)


def kinds(evaluation):
    return [finding.kind for finding in evaluation.decision.reasons]


def regressor(rng, true, noise, *, n=None):
    predicted = true + rng.normal(size=len(true)) * noise
    return Answers(
        task=Task.REGRESSION,
        answered=np.ones(len(true), bool),
        predicted=predicted,
        values=predicted,
    )


def test_a_version_that_knows_more_is_better(better):
    assert better.decision.outcome is Outcome.BETTER
    assert kinds(better) == [Kind.PRIMARY_BETTER]
    assert better.primary == "brier"
    assert better.rightness.n_first_only > better.rightness.n_second_only


def test_the_deciding_metric_comes_first_and_intervals_hold_their_value(better):
    by_name = {pair.metric: pair for pair in better.metrics}
    assert by_name["accuracy"].new.value > by_name["accuracy"].baseline.value
    assert [better.metrics[0].metric, by_name["brier"].less_is_better] == ["brier", True]
    for pair in better.metrics:
        low, high = pair.difference.interval.lower, pair.difference.interval.upper
        assert low <= pair.difference.value <= high


def test_every_metric_agrees_with_sklearn(made):
    rows = made.Rows(400, seed=3)
    new, baseline = rows.classifier(1.0), rows.classifier(0.6)
    found = made.run(rows.holdout(), new, baseline)
    p, y = new.probabilities[:, 1], rows.true
    expected = {
        "accuracy": oracle.accuracy_score(y, p > 0.5),
        "precision": oracle.precision_score(y, p > 0.5),
        "recall": oracle.recall_score(y, p > 0.5),
        "f1": oracle.f1_score(y, p > 0.5),
        "f1_macro": oracle.f1_score(y, p > 0.5, average="macro"),
        "auc": oracle.roc_auc_score(y, p),
        "average_precision": oracle.average_precision_score(y, p),
        "log_loss": oracle.log_loss(y, p),
        "brier": oracle.brier_score_loss(y, p),
    }
    assert {m.metric: m.new.value for m in found.metrics} == pytest.approx(expected)


def test_a_version_that_knows_less_is_worse(made, rows):
    found = made.run(rows.holdout(), rows.classifier(0.6), rows.classifier(1.0))
    assert found.decision.outcome is Outcome.WORSE
    assert Kind.PRIMARY_WORSE in kinds(found)


def test_the_same_version_is_not_worse(made, rows):
    same = rows.classifier(0.8)
    found = made.run(rows.holdout(), same, same)
    assert found.decision.outcome is Outcome.NOT_WORSE
    assert found.metrics[0].gain == 0


def test_few_rows_of_two_alike_cannot_tell_and_say_how_many_would(made):
    rows = made.Rows(150, seed=9)
    found = made.run(rows.holdout(), rows.classifier(0.8), rows.classifier(0.8, again=1))
    assert found.decision.outcome is Outcome.CANNOT_TELL
    (finding,) = found.decision.reasons
    assert finding.kind is Kind.PRIMARY_UNCERTAIN
    assert finding.facts["n_needed"] > 150


def test_fewer_rows_than_the_rules_ask_for_decide_nothing(made):
    rows = made.Rows(60)
    found = made.run(rows.holdout(), rows.classifier(2.0), rows.classifier(0.1))
    assert kinds(found) == [Kind.TOO_FEW_ROWS]
    assert found.decision.outcome is Outcome.CANNOT_TELL
    assert found.metrics  # shown all the same


def test_a_version_behind_a_constant_is_worse_even_where_it_beats_the_baseline(made, rows):
    wrong, worse = rows.classifier(-0.3), rows.classifier(-0.6)
    found = made.run(rows.holdout(), wrong, worse)
    assert found.decision.outcome is Outcome.WORSE
    assert Kind.BELOW_CONSTANT in kinds(found)
    assert Kind.PRIMARY_BETTER in [f.kind for f in found.decision.findings]


def test_a_constant_that_leads_by_chance_decides_nothing(made):
    rows = made.Rows(300, share=0.1, seed=8)
    places = np.zeros(300, int)
    places[np.flatnonzero(rows.true == 1)[:4]] = 1
    places[np.flatnonzero(rows.true == 0)[:6]] = 1
    nearly = replace(rows.classifier(0.6), predicted=made.names(places))
    found = made.run(
        rows.holdout(), nearly, nearly, rules=replace(RULES, primary="accuracy", guardrails=())
    )
    assert kinds(found) == [Kind.PERHAPS_BELOW_CONSTANT]


def test_recall_has_no_constant_to_fall_behind(made, rows):
    found = made.run(
        rows.holdout(),
        rows.classifier(0.8),
        rows.classifier(0.8),
        rules=replace(RULES, primary="recall"),
    )
    assert found.constant is None


def test_a_segment_that_is_shown_to_lose_makes_it_worse(made):
    rows = made.Rows(6_000, seed=2)
    strength = np.where(rows.region == 2, 0.3, 1.6)
    new, baseline = rows.classifier(1.0, shift=strength), rows.classifier(0.8)
    whole = made.run(rows.holdout(), new, baseline)
    assert whole.decision.outcome is Outcome.BETTER
    found = made.run(rows.holdout(), new, baseline, segments=("region",))
    assert found.decision.outcome is Outcome.WORSE
    (finding,) = found.decision.reasons
    assert (finding.kind, finding.facts["value"]) == (Kind.SEGMENT_WORSE, "west")


def test_segments_without_a_change_are_rarely_called_worse(made):
    """Holm over 20 segments: the chance of even one false finding is at most alpha / 2."""
    false = 0
    trials = 60
    for seed in range(trials):
        rows = made.Rows(2_000, seed=seed)
        region = rows.rng.integers(20, size=rows.n)
        holdout = rows.holdout(columns={"region": made.names(region, [f"r{i}" for i in range(20)])})
        found = made.run(
            holdout,
            rows.classifier(0.8),
            rows.classifier(0.8, again=1),
            rules=replace(RULES, n_resamples=200, segment_margin=Margin(size=0.0), guardrails=()),
            metrics=("brier",),
            segments=("region",),
        )
        false += any(f.kind is Kind.SEGMENT_WORSE for f in found.decision.findings)
    expected = 0.025
    assert false / trials <= expected + 3.5 * np.sqrt(expected * (1 - expected) / trials)


def test_a_small_segment_is_shown_and_not_judged(made):
    rows = made.Rows(2_000)
    region = np.where(np.arange(2_000) < 20, 1, 0)
    strength = np.where(region == 1, -3.0, 1.2)
    holdout = rows.holdout(columns={"region": made.names(region, ["big", "small"])})
    found = made.run(
        holdout, rows.classifier(1.0, shift=strength), rows.classifier(0.8), segments=("region",)
    )
    small = next(s for s in found.segments if s.value == "small")
    assert (small.n, small.judged) == (20, False)
    assert found.decision.outcome is Outcome.BETTER


def test_a_guardrail_by_segment_is_looked_at_without_being_asked_to(made, rows):
    found = made.run(
        rows.holdout(),
        rows.classifier(0.8),
        rows.classifier(0.8),
        rules=replace(RULES, guardrails=(Guardrail.parse("accuracy@region:0.1"),)),
    )
    assert {s.column for s in found.segments} == {"region"}
    assert {m.metric for m in found.segments[0].metrics} == {"brier", "accuracy"}


def test_a_guardrail_that_is_shown_to_be_broken_makes_it_worse(made):
    rows = made.Rows(4_000)
    baseline = rows.classifier(0.8)
    p = np.clip(baseline.probabilities[:, 1], 0.02, 0.98)
    sharper = np.clip(p + 0.1 * (rows.true - p), 0, 1)
    new = replace(
        baseline,
        probabilities=np.column_stack([1 - sharper, sharper]),
        predicted=made.names(np.where(rows.rng.random(4_000) < 0.4, 0, p > 0.5)),
    )
    found = made.run(rows.holdout(), new, baseline)
    assert kinds(found) == [Kind.GUARDRAIL_WORSE]
    assert found.decision.reasons[0].facts["metric"] == "accuracy"


def test_rows_that_only_the_new_version_leaves_unanswered_make_it_worse(made, rows):
    answered = np.arange(rows.n) >= 40
    new = replace(rows.classifier(1.2, answered=answered), why_not="log of 0")
    found = made.run(rows.holdout(), new, rows.classifier(0.6))
    (finding,) = found.decision.reasons
    assert finding.kind is Kind.UNANSWERED
    assert (finding.facts["n_new"], finding.facts["why"]) == (40, "log of 0")
    assert found.data.n == rows.n - 40


def test_what_both_leave_unanswered_is_left_out(made, rows):
    answered = np.arange(rows.n) >= 40
    found = made.run(
        rows.holdout(),
        rows.classifier(1.2, answered=answered),
        rows.classifier(0.6, answered=answered),
    )
    assert found.decision.outcome is Outcome.BETTER
    assert found.data.n_unanswered == {"new": 40, "baseline": 40}


def test_rows_known_from_training_are_left_out_and_counted(made, rows):
    repeated = np.arange(rows.n) < 1_000
    found = made.run(rows.holdout(repeated=repeated), rows.classifier(1.0), rows.classifier(0.5))
    assert (found.data.n, found.data.n_repeated) == (1_000, 1_000)


def test_a_holdout_that_is_all_training_decides_nothing(made, rows):
    found = made.run(
        rows.holdout(repeated=np.ones(rows.n, bool)), rows.classifier(1.0), rows.classifier(0.5)
    )
    assert kinds(found) == [Kind.TOO_FEW_ROWS]
    assert found.metrics == ()


def test_labels_of_one_class_leave_ranks_undefined(made):
    rows = made.Rows(300, share=0.0)
    same = rows.classifier(0.8)
    found = made.run(rows.holdout(), same, same, rules=replace(RULES, primary="auc"))
    assert set(kinds(found)) == {Kind.ONE_CLASS, Kind.PRIMARY_UNDEFINED}
    assert found.decision.outcome is Outcome.CANNOT_TELL


def test_one_class_alone_decides_nothing_whatever_a_constant_would_reach(made):
    rows = made.Rows(300, share=0.0)
    found = made.run(rows.holdout(), rows.classifier(0.9), rows.classifier(0.5))
    assert kinds(found) == [Kind.ONE_CLASS]
    assert found.decision.reasons[0].facts["value"] == "no"


def test_a_guardrail_that_is_not_defined_cannot_tell(made):
    rows = made.Rows(300)
    same = rows.classifier(0.8)
    never = OwnMetric(name="shop.cost", function=lambda y, p: float("nan"))
    found = made.run(
        rows.holdout(),
        same,
        same,
        own=(never,),
        rules=replace(RULES, guardrails=(Guardrail(metric="shop.cost"),)),
    )
    assert kinds(found) == [Kind.GUARDRAIL_UNDEFINED]


def test_labels_that_no_version_has_are_wrong_answers_and_counted(made, rows):
    places = rows.true.copy()
    places[:50] = 2
    labels = made.names(places, ("no", "yes", "maybe"))
    same = rows.classifier(0.8)
    found = made.run(rows.holdout(labels=labels), same, same)
    assert found.data.unseen == {"maybe": 50}
    plain = made.run(rows.holdout(), same, same)
    by_name = {m.metric: m.new.value for m in found.metrics}
    assert by_name["accuracy"] < {m.metric: m.new.value for m in plain.metrics}["accuracy"]


def test_a_new_class_of_one_version_is_a_class_of_the_comparison(made, rows):
    new = rows.classifier(0.8)
    more = replace(
        new,
        classes=("no", "perhaps", "yes"),
        probabilities=np.insert(new.probabilities, 1, 0.0, axis=1),
    )
    found = made.run(rows.holdout(), more, new)
    assert list(found.data.by_class) == ["no", "yes", "perhaps"]
    assert found.decision.outcome is Outcome.NOT_WORSE


def test_numbers_that_mean_classes_are_those_classes(made, rows):
    new = replace(
        rows.classifier(0.8, classes=("0", "1")),
        predicted=np.zeros(rows.n),
        values=np.zeros(rows.n),
    )
    holdout = rows.holdout(labels=rows.true.astype(float), values=rows.true)
    found = made.run(holdout, new, new)
    assert found.data.by_class == {"0": int((rows.true == 0).sum()), "1": int(rows.true.sum())}


@pytest.mark.parametrize("labels", [("north", "south"), ("0.3", "0.4")])
def test_a_column_of_other_things_is_refused_by_name(made, rows, labels):
    same = rows.classifier(0.8)
    with pytest.raises(LabelMismatch, match=r"'churned' is a class.*'no', 'yes'"):
        made.run(rows.holdout(labels=made.names(rows.true, labels)), same, same)


def test_labels_that_are_all_missing_are_refused(made, rows):
    same = rows.classifier(0.8)
    with pytest.raises(LabelMismatch, match="no label in any of its 2000 rows"):
        made.run(rows.holdout(labels=Coded(np.full(rows.n, -1, np.int32), ())), same, same)


def test_rows_without_a_label_are_left_out_and_counted(made, rows):
    codes = rows.true.astype(np.int32).copy()
    codes[:30] = -1
    found = made.run(
        rows.holdout(labels=Coded(codes, made.CLASSES)), rows.classifier(1.0), rows.classifier(0.5)
    )
    assert (found.data.n_unlabelled, found.data.n) == (30, rows.n - 30)


def test_a_classifier_and_a_regressor_are_not_compared(made, rows):
    other = regressor(rows.rng, rows.true.astype(float), 1.0)
    with pytest.raises(NotComparable, match="new is a regression and baseline is a class"):
        made.run(rows.holdout(), other, rows.classifier(0.5))


def test_what_answers_otherwise_is_not_compared(made, rows):
    odd = replace(rows.classifier(0.5), task=Task.OTHER)
    with pytest.raises(NotComparable, match="neither with a class"):
        made.run(rows.holdout(), odd, odd)


def test_an_answer_that_is_none_of_its_classes_is_refused(made, rows):
    odd = replace(rows.classifier(0.5), predicted=made.names(rows.true, ("no", "maybe")))
    with pytest.raises(NotComparable, match="answers 'maybe', which is none of its classes"):
        made.run(rows.holdout(), odd, rows.classifier(0.5))


def test_a_regression_is_compared_by_its_errors(made, rows):
    rng = np.random.default_rng(0)
    true = rng.normal(50, 10, size=rows.n)
    holdout = rows.holdout(labels=true, values=true)
    new, baseline = regressor(rng, true, 2.0), regressor(rng, true, 3.0)
    found = made.run(holdout, new, baseline)
    assert found.decision.outcome is Outcome.BETTER
    by_name = {m.metric: m.new.value for m in found.metrics}
    assert by_name == pytest.approx(
        {
            "mae": oracle.mean_absolute_error(true, new.predicted),
            "rmse": oracle.root_mean_squared_error(true, new.predicted),
            "r2": oracle.r2_score(true, new.predicted),
        }
    )
    assert found.rightness is None
    assert not found.calibration


def test_a_regression_of_words_is_refused(made, rows):
    true = np.zeros(rows.n)
    other = regressor(rows.rng, true, 1.0)
    with pytest.raises(LabelMismatch, match=r"predict numbers; .* holds 'no', 'yes'"):
        made.run(rows.holdout(), other, other)


def test_a_version_behind_the_mean_is_worse(made, rows):
    rng = np.random.default_rng(1)
    true = rng.normal(size=rows.n)
    holdout = rows.holdout(labels=true, values=true)
    found = made.run(holdout, regressor(rng, true, 2.0), regressor(rng, true, 3.0))
    assert kinds(found) == [Kind.BELOW_CONSTANT]


def test_a_metric_of_the_users_can_decide(made, rows):
    cost = OwnMetric(
        name="shop.cost",
        function=lambda y, p: float(np.mean(np.where((y == "yes") & (p == "no"), 5.0, y != p))),
        less_is_better=True,
    )
    found = made.run(
        rows.holdout(),
        rows.classifier(1.0),
        rows.classifier(0.5),
        own=(cost,),
        rules=replace(RULES, primary="shop.cost", n_resamples=150),
    )
    assert found.primary == "shop.cost"
    assert found.decision.outcome is Outcome.BETTER
    assert found.constant is not None


def test_a_metric_that_raises_is_named(made, rows):
    broken = OwnMetric(name="shop.cost", function=lambda y, p: {}["price"])
    with pytest.raises(MetricFails, match=r"'shop\.cost' failed: KeyError"):
        made.run(rows.holdout(), rows.classifier(1.0), rows.classifier(0.5), own=(broken,))


@pytest.mark.parametrize(
    "changes",
    [{"metrics": ("acuracy",)}, {"rules": Rules(primary="mae")}],
)
def test_a_metric_that_is_not_there_is_refused(made, rows, changes):
    with pytest.raises(UnknownMetric, match="Use some of: accuracy"):
        made.run(rows.holdout(), rows.classifier(1.0), rows.classifier(0.5), **changes)


def test_probabilities_that_one_version_lacks_are_not_compared(made, rows):
    bare = replace(rows.classifier(0.9), probabilities=None, classes=None)
    found = made.run(rows.holdout(), bare, rows.classifier(0.5))
    assert found.primary == "accuracy"
    assert "brier" not in {m.metric for m in found.metrics}
    assert set(found.calibration) == {"baseline"}


def test_a_column_that_cannot_be_split_is_refused(made, rows):
    texts = made.names(np.arange(rows.n) % 40, [f"a long text number {i}" for i in range(40)])
    with pytest.raises(NotFound, match="note"):
        made.run(
            rows.holdout(columns={"note": texts}),
            rows.classifier(0.8),
            rows.classifier(0.8),
            segments=("note",),
        )


@pytest.mark.parametrize(
    ("rules", "kind"),
    [
        ({"max_latency_ms": 4.0}, Kind.LATENCY_LIMIT),
        ({"max_latency_growth": 3.0, "latency_slack_ms": 1.0}, Kind.LATENCY_GROWTH),
        ({"max_bytes": 4_000}, Kind.SIZE_LIMIT),
        ({"max_size_growth": 4.0, "size_slack_bytes": 3_000}, Kind.SIZE_GROWTH),
    ],
)
def test_limits_of_latency_and_size_make_it_worse(made, rows, rules, kind):
    versions = {
        "new": made.facts("new", n_bytes=5_000, p95_s=0.005),
        "baseline": made.facts("old", n_bytes=1_000, p95_s=0.001),
    }
    args = (rows.holdout(), rows.classifier(1.0), rows.classifier(0.6))
    fine = made.run(*args, versions=versions, rules=RULES)
    assert fine.decision.outcome is Outcome.BETTER
    found = made.run(*args, versions=versions, rules=replace(RULES, **rules))
    assert kinds(found) == [kind]


def test_other_inputs_are_told(made, rows):
    versions = {
        "new": made.facts("new", signature=made.signature(features=("age",))),
        "baseline": made.facts("old"),
    }
    found = made.run(rows.holdout(), rows.classifier(1.0), rows.classifier(0.6), versions=versions)
    assert found.differences == ("the feature 'income' is gone",)


def test_progress_is_told(made, rows):
    told = []
    made.run(
        rows.holdout(),
        rows.classifier(1.0),
        rows.classifier(0.6),
        segments=("region",),
        progress=lambda what, done, n: told.append((what, done, n)),
    )
    assert ("resamples", 300, 300) in told
    assert ("segments", 0, 3) in told


def test_equal_seeds_find_equal_intervals(made, rows):
    args = (rows.holdout(), rows.classifier(1.0), rows.classifier(0.6))
    first, second = made.run(*args), made.run(*args)
    other = made.run(*args, rules=replace(RULES, seed=1))
    assert first.metrics == second.metrics
    assert first.metrics[0].difference.interval != other.metrics[0].difference.interval

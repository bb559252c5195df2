"""Which of two is better."""

import pytest

from seatrial.rag.evaluation.comparison import Outcome, compare
from seatrial.rag.evaluation.evaluation import Evaluation, Metric
from seatrial.rag.evaluation.questions import QuestionsInvalid


def evaluation(name, metric=Metric.NDCG, **scores):
    by_id = {question: float(score) for question, score in scores.items()}
    return Evaluation(
        name=name, index="kb", version=1, k=10, scores={metric: by_id}, texts={q: q for q in by_id}
    )


def many(value, n=40, *, every=1):
    return {f"q{i}": value if i % every == 0 else 0.5 for i in range(n)}


@pytest.mark.parametrize(
    ("second", "outcome"),
    [
        (many(0.9, every=2), Outcome.BETTER),
        (many(0.1, every=2), Outcome.WORSE),
        (many(0.502), Outcome.BETTER),
        (many(0.5), Outcome.ALIKE),
        ({f"q{i}": 0.5 + 0.4 * (-1) ** i for i in range(40)}, Outcome.INCONCLUSIVE),
    ],
)
def test_the_interval_of_the_difference_decides(second, outcome):
    found = compare(evaluation("a", **many(0.5)), evaluation("b", **second))
    assert found.outcome is outcome
    assert found.metrics[0].difference == pytest.approx(
        found.metrics[0].second - found.metrics[0].first
    )


def test_of_seconds_less_is_better():
    slow, fast = (evaluation(n, Metric.SECONDS, **many(s)) for n, s in (("a", 2), ("b", 1)))
    found = compare(slow, fast, decided_by=Metric.SECONDS)
    assert found.outcome is Outcome.BETTER
    assert found.metrics[0].difference == -1


def test_a_small_difference_within_the_margin_is_none():
    second = {f"q{i}": 0.5 + (0.001 if i % 2 else -0.001) for i in range(40)}
    found = compare(evaluation("a", **many(0.5)), evaluation("b", **second))
    assert found.outcome is Outcome.ALIKE


def test_only_shared_questions_count():
    found = compare(evaluation("a", x=1, y=0), evaluation("b", y=1, z=1))
    assert found.metrics[0].n == 1
    assert found.outcome is Outcome.INCONCLUSIVE


def test_nothing_shared_is_refused():
    with pytest.raises(QuestionsInvalid, match="'a' and 'b' share no question with 'ndcg'"):
        compare(evaluation("a", x=1), evaluation("b", y=1))

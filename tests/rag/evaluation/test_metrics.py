"""Metrics of rankings, against trec_eval and ranx."""

import json
from itertools import pairwise, permutations
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.evaluation import metrics
from seatrial.rag.evaluation.metrics import BadRanking, ndcg, precision, recall, reciprocal_rank

CASES = json.loads((Path(__file__).parents[2] / "data/rag/ranking_metrics.json").read_text())
METRICS = ["ndcg", "recall", "precision", "reciprocal_rank"]


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case['ranking'])} ranked")
def test_as_trec_eval_and_ranx_have_it(case, name):
    for k, expected in case[name].items():
        reached = getattr(metrics, name)(case["ranking"], case["grades"], int(k))
        assert reached == pytest.approx(expected, abs=1e-9)


tied = st.lists(st.sampled_from([3.0, 2.0, 1.0]), min_size=1, max_size=6).map(
    lambda scores: sorted(scores, reverse=True)
)


@pytest.mark.parametrize("name", METRICS)
@given(scores=tied, grades=st.lists(st.integers(0, 2), min_size=6, max_size=6), k=st.integers(1, 4))
def test_a_tie_counts_as_the_mean_over_its_orders(name, scores, grades, k):
    ids = list(range(len(scores)))
    judged = dict(enumerate(grades)) | {99: 1}
    orders = [
        order
        for order in permutations(ids)
        if all(scores[a] >= scores[b] for a, b in pairwise(order))
    ]
    metric = getattr(metrics, name)
    expected = fmean(metric(order, judged, k) for order in orders)
    assert metric(ids, judged, k, scores=scores) == pytest.approx(expected)


def test_nothing_found_is_zero():
    for metric in (ndcg, recall, precision, reciprocal_rank):
        assert metric([], {"a": 1}, 10) == 0


def test_precision_counts_the_places_that_are_empty():
    assert precision(["a"], {"a": 1}, 10) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("ranking", "grades", "scores", "problem"),
    [
        (["a", "a"], {"a": 1}, None, "names an item twice"),
        (["a"], {"b": 0}, None, "hold nothing relevant"),
        (["a"], {"b": float("nan"), "a": 1}, None, "no grade"),
        (["a", "b"], {"a": 1}, [1.0, 2.0], "do not fall"),
        (["a", "b"], {"a": 1}, [1.0, float("nan")], "do not fall"),
        (["a", "b"], {"a": 1}, [1.0], "1 scores of 2 items"),
    ],
)
@pytest.mark.parametrize("name", METRICS)
def test_what_cannot_be_scored_is_refused(name, ranking, grades, scores, problem):
    with pytest.raises(BadRanking, match=problem):
        getattr(metrics, name)(ranking, grades, 10, scores=scores)


def test_k_is_at_least_one():
    with pytest.raises(BadRanking, match="k is 0"):
        ndcg(["a"], {"a": 1}, 0)

"""e-BH against its definition, and its false discoveries under dependence."""

from __future__ import annotations

from math import inf, log, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seatrial.stats.counts import BadStatistic
from seatrial.stats.ranking import e_bh, rank

evidence = st.lists(st.floats(-5, 12), min_size=0, max_size=12)


@given(evidence, st.floats(0.01, 0.9))
def test_it_is_the_largest_set_of_its_definition(logs: list[float], alpha: float) -> None:
    e, n = np.exp(logs), len(logs)
    sizes = [k for k in range(1, n + 1) if np.sort(e)[-k] * k * alpha >= n * (1 + 1e-12)]
    found = e_bh(logs, log_alpha=log(alpha))
    near = [k for k in range(1, n + 1) if np.sort(e)[-k] * k * alpha >= n * (1 - 1e-12)]
    if sizes == near and len(set(logs)) == n:
        assert found.sum() == max(sizes, default=0)
        assert not found.any() or e[found].min() >= e[~found].max(initial=0)


@given(evidence, st.integers(0, 11), st.floats(0, 5))
def test_more_evidence_never_finds_less(logs: list[float], place: int, more: float) -> None:
    if place < len(logs):
        raised = [x + (more if i == place else 0) for i, x in enumerate(logs)]
        before, after = (e_bh(x, log_alpha=log(0.1)) for x in (logs, raised))
        assert (after | ~before).all()


def test_false_discoveries_stay_under_alpha_though_all_columns_share_their_noise() -> None:
    rng, alpha, n_runs = np.random.default_rng(7), 0.2, 4_000
    noise = 0.9**0.5 * rng.normal(size=(n_runs, 1)) + 0.1**0.5 * rng.normal(size=(n_runs, 20))
    truly = np.arange(20) < 5
    logs = 3 * (noise + 3.0 * truly) - 4.5
    found = np.array([e_bh(row, log_alpha=log(alpha)) for row in logs])
    wrong = (found & ~truly).sum(axis=1) / np.maximum(found.sum(axis=1), 1)
    assert wrong.mean() <= alpha + 4 * 0.5 / n_runs**0.5
    assert found[:, truly].mean() > stats.norm.cdf(0)


def test_weights_favour_what_matters_and_a_weight_of_zero_rules_out() -> None:
    logs = [log(30), 0.0, log(1e6)]
    assert e_bh(logs[:2], log_alpha=log(0.05)).tolist() == [False, False]
    assert e_bh(logs[:2], log_alpha=log(0.05), weights=[9, 1]).tolist() == [True, False]
    assert e_bh(logs, log_alpha=log(0.1), weights=[1, 1, 0])[2] is np.False_


def test_the_ranking_lists_everything_once_the_found_first() -> None:
    ranked = rank([0.0, 20.0, 3.0], log_alpha=log(0.01))
    assert [(r.index, r.found) for r in ranked] == [(1, True), (2, False), (0, False)]
    assert [r.log_evidence for r in ranked] == [20.0, 3.0, 0.0]
    assert rank([], log_alpha=0.0) == ()


@pytest.mark.parametrize(
    ("logs", "log_alpha", "weights"),
    [
        ([nan], 0.0, None),
        ([[1.0]], 0.0, None),
        ([1.0], nan, None),
        ([1.0], 0.0, [-1]),
        ([1.0, 2.0], 0.0, [1]),
        ([1.0], 0.0, [0]),
        ([1.0], 0.0, [inf]),
    ],
)
def test_what_cannot_be_ranked_is_refused(
    logs: list, log_alpha: float, weights: list | None
) -> None:
    with pytest.raises(BadStatistic):
        rank(logs, log_alpha=log_alpha, weights=weights)

"""Bootstrap intervals: the same as a plain loop, and right as often as they say."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score, roc_auc_score

from seatrial.stats.counts import BadStatistic
from seatrial.stats.measures import Labels, Means, OfRows, Scores
from seatrial.stats.resampling import Method, drawn, estimate, resample


def models(rng, n=200):
    """Two classifiers of the same rows, the first one better."""
    true = (rng.random(n) < 0.4).astype(np.intp)
    found = {}
    for name, noise in (("new", 1.0), ("base", 1.6)):
        score = 1 / (1 + np.exp(-(2.0 * true - 1 + rng.normal(size=n) * noise)))
        p = np.column_stack([1 - score, score])
        found[name] = (true, p)
    return found


def measures(found):
    return {
        name: [Labels(true, p.argmax(axis=1), n_classes=2), Scores(true, p)]
        for name, (true, p) in found.items()
    }


def test_it_is_what_a_plain_loop_over_the_rows_finds():
    found = models(np.random.default_rng(0))
    n = 200
    fast = resample(measures(found), n, n_resamples=150, seed=3)
    rng = np.random.default_rng(3)
    slow = {"f1": [], "auc": []}
    for _ in range(150):
        rows = rng.integers(n, size=n)
        f1, auc = {}, {}
        for name, (true, p) in found.items():
            f1[name] = f1_score(true[rows], p[rows].argmax(axis=1))
            auc[name] = roc_auc_score(true[rows], p[rows, 1])
        slow["f1"].append(f1["new"] - f1["base"])
        slow["auc"].append(auc["new"] - auc["base"])
    for quantity, values in slow.items():
        got = fast.difference("new", "base", quantity)
        lower, upper = np.quantile(values, [0.025, 0.975])
        assert got.interval.lower == pytest.approx(lower)
        assert got.interval.upper == pytest.approx(upper)
        assert got.standard_error == pytest.approx(np.std(values, ddof=1))


def test_the_corrected_interval_is_that_of_scipy():
    values = np.random.default_rng(1).exponential(size=80)  # fewer than folds: a true jackknife
    ours = resample({"m": [Means({"mean": values})]}, 80, n_resamples=20_000).of("m", "mean")
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(2)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.interval.lower == pytest.approx(theirs.low, abs=0.03 * width)
    assert ours.interval.upper == pytest.approx(theirs.high, abs=0.03 * width)


def covered(draw, truth, *, trials, method=Method.PERCENTILE, n_resamples=300):
    """How often an interval of 90 % holds the truth."""
    n_covered = 0
    for trial in range(trials):
        made, n = draw(np.random.default_rng([9, trial]))
        got = resample(made, n, n_resamples=n_resamples, alpha=0.1, seed=trial)
        name = got.names["new"][-1]
        interval = got.difference("new", "base", name, method=method).interval
        n_covered += interval.lower <= truth <= interval.upper
    return n_covered


def tolerance(trials, share=0.9, z=3.5):
    return z * math.sqrt(share * (1 - share) / trials)


@pytest.mark.parametrize("method", Method)
def test_intervals_of_a_difference_of_means_cover_as_often_as_they_say(method):
    def draw(rng):
        base = rng.exponential(size=150)
        return {
            "new": [Means({"m": base + rng.normal(0.2, 0.5, size=150)})],
            "base": [Means({"m": base})],
        }, 150

    n_covered = covered(draw, 0.2, trials=400, method=method)
    assert abs(n_covered / 400 - 0.9) < tolerance(400) + 0.01  # of 300 resamples: a point


def test_intervals_of_a_difference_of_areas_cover_as_often_as_they_say():
    def draw(rng):
        true = (rng.random(250) < 0.3).astype(np.intp)
        shared = rng.normal(size=250)
        made = {}
        for name, shift in (("new", 1.5), ("base", 1.0)):
            score = shift * true + 0.8 * shared + 0.6 * rng.normal(size=250)
            made[name] = [OnlyAuc(Scores(true, np.column_stack([-score, score])))]
        return made, 250

    normal = NormalDist()
    truth = normal.cdf(1.5 / math.sqrt(2)) - normal.cdf(1.0 / math.sqrt(2))
    n_covered = covered(draw, truth, trials=400)
    assert abs(n_covered / 400 - 0.9) < tolerance(400) + 0.01


class OnlyAuc:
    names = ("auc",)

    def __init__(self, scores):
        self._scores = scores

    def __call__(self, weights):
        return self._scores(weights)[:, :1]


def test_two_that_are_one_differ_by_nothing_for_certain():
    true, p = models(np.random.default_rng(2))["new"]
    twice = measures({"new": (true, p), "base": (true, p)})
    got = resample(twice, 200, n_resamples=100).difference("new", "base", "auc")
    assert (got.value, got.interval.lower, got.interval.upper) == (0.0, 0.0, 0.0)


def test_blocks_do_not_change_what_is_drawn(monkeypatch):
    whole = np.concatenate(list(drawn(50, 30, seed=1)))
    monkeypatch.setattr("seatrial.stats.resampling._AT_ONCE", 120)
    blocks = list(drawn(50, 30, seed=1))
    assert max(map(len, blocks)) == 2
    assert (np.concatenate(blocks) == whole).all()
    assert (whole.sum(axis=1) == 50).all()


def test_progress_is_told_to_the_end():
    told = []
    resample(
        {"m": [Means({"m": np.arange(9.0)})]},
        9,
        n_resamples=100,
        progress=lambda done, n: told.append((done, n)),
    )
    assert told[-1] == (100, 100)


def test_a_quantity_that_many_resamples_leave_undefined_has_no_bounds():
    sometimes = OfRows("own", lambda rows: float("nan") if 0 in rows else float(rows.mean()))
    got = resample({"m": [sometimes]}, 20, n_resamples=200).of("m", "own")
    assert math.isnan(got.value)
    assert got.interval.lower == -math.inf
    whole = estimate(1.0, np.array([np.nan, 1.0]), None, alpha=0.05)
    assert (whole.interval.lower, whole.undefined_share) == (-math.inf, 0.5)


@pytest.mark.parametrize(("n", "n_resamples"), [(1, 500), (10, 99)])
def test_too_few_of_either_are_refused(n, n_resamples):
    with pytest.raises(BadStatistic, match="too few"):
        resample({"m": [Means({"m": np.ones(n)})]}, n, n_resamples=n_resamples)

"""What bootstrap intervals of two versions cost, beside peers in the same run.

    python -m benchmarks.evaluation.speed [--rows 100000] [--resamples 1000]

CPU seconds, user and system, of one thread; memory is the peak above what the process held before,
rows included. Each measure has a process of its own. The floor draws the rows and measures nothing.
Peers that would take minutes are measured on a few resamples, and their seconds are multiplied: a
resample of a plain loop costs as much as the next.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.monitor.goals import at_most, goal_table, markdown_table
from seatrial.stats.measures import Labels, Numbers, Scores, probability_means
from seatrial.stats.resampling import Measure, drawn, resample

SEED = 2_026
GOAL_S = 10.0
"""Seconds for 100,000 rows and 1,000 resamples: "in seconds" is what was asked."""


@dataclass(frozen=True)
class Cost:
    what: str
    seconds: float
    measured: int
    peak_mb: float | None = None


def classifiers(n: int, k: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Labels and probabilities of two classifiers of k classes over the same rows."""
    rng = np.random.default_rng(SEED)
    true = rng.integers(k, size=n).astype(np.intp)
    common = rng.normal(size=(n, k))
    found = {}
    for name, strength in (("new", 1.6), ("baseline", 1.4)):
        score = common + rng.normal(size=(n, k))
        score[np.arange(n), true] += strength
        p = np.exp(score)
        found[name] = (true, p / p.sum(axis=1, keepdims=True))
    return found


def measures(n: int, k: int) -> dict[str, list[Measure]]:
    """All metrics of both: 7 of labels, 2 of ranks, 2 of probabilities."""
    return {
        name: [
            Labels(true, p.argmax(axis=1), n_classes=k),
            Scores(true, p),
            probability_means(true, p),
        ]
        for name, (true, p) in classifiers(n, k).items()
    }


def regressors(n: int) -> dict[str, list[Measure]]:
    """Three metrics of two regressors over the same rows."""
    rng = np.random.default_rng(SEED)
    true = rng.normal(size=n)
    return {
        name: [Numbers(true, true + noise * rng.normal(size=n))]
        for name, noise in (("new", 0.9), ("baseline", 1.0))
    }


def ours(n: int, n_resamples: int, k: int) -> Cost:
    made = measures(n, k)
    what = f"seatrial, 11 metrics, {k} classes"
    return _costs(what, n_resamples, lambda: _resample(made, n, n_resamples))


def ours_of_numbers(n: int, n_resamples: int) -> Cost:
    made = regressors(n)
    what = "seatrial, MAE, RMSE and R2"
    return _costs(what, n_resamples, lambda: _resample(made, n, n_resamples))


def floor(n: int, n_resamples: int) -> Cost:
    def work() -> None:
        for _ in drawn(n, n_resamples, seed=SEED):
            pass

    return _costs("floor: drawing the rows", n_resamples, work)


def by_loop(n: int, n_resamples: int) -> Cost:
    """scikit-learn's own metrics on the drawn rows: the loop that people write."""
    from sklearn import metrics

    made = classifiers(n, 2)
    few = max(1, n_resamples // 50)

    def work(times: int = few, n_rows: int = n) -> None:
        rng = np.random.default_rng(SEED)
        for _ in range(times):
            rows = rng.integers(n, size=n_rows)
            for true, p in made.values():
                y, q = true[rows], p[rows]
                predicted = q.argmax(axis=1)
                metrics.accuracy_score(y, predicted)
                for average in ("binary", "macro"):
                    metrics.precision_recall_fscore_support(
                        y, predicted, average=average, zero_division=0
                    )
                metrics.roc_auc_score(y, q[:, 1])
                metrics.average_precision_score(y, q[:, 1])
                metrics.log_loss(y, q)
                metrics.brier_score_loss(y, q[:, 1])

    work(1, 100)  # what scikit-learn loads late is not the loop's
    found = _costs("numpy loop with scikit-learn's metrics, 11 metrics", few, work)
    return _scaled(found, n_resamples)


def by_scipy(n: int, n_resamples: int) -> Cost:
    """`scipy.stats.bootstrap`, paired, of the difference in accuracy alone: a mean of rows."""
    from scipy import stats

    right = [(p.argmax(axis=1) == true).astype(float) for true, p in classifiers(n, 2).values()]

    def work() -> None:
        stats.bootstrap(
            tuple(right),
            lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
            paired=True,
            vectorized=True,
            n_resamples=n_resamples,
            batch=10,
            method="percentile",
            rng=np.random.default_rng(SEED),
        )

    return _costs("scipy.stats.bootstrap, paired, accuracy alone", n_resamples, work)


def _resample(made: dict[str, list[Measure]], n: int, n_resamples: int) -> None:
    found = resample(made, n, n_resamples=n_resamples, seed=SEED)
    for name in found.names["new"]:
        found.of("new", name)
        found.of("baseline", name)
        found.difference("new", "baseline", name)


def _scaled(cost: Cost, n_resamples: int) -> Cost:
    return Cost(cost.what, cost.seconds * n_resamples / cost.measured, cost.measured, cost.peak_mb)


def _costs(what: str, n_resamples: int, work: Callable[[], None]) -> Cost:
    before = psutil.Process().memory_info().rss / 2**20
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from now on
    start = time.process_time()
    work()
    seconds = time.process_time() - start
    return Cost(what, seconds, n_resamples, _peak_mb() - before)


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def alone(work: Callable[..., Cost], *arguments: object) -> Cost:
    """Run in a fresh process of one thread, whose peak memory is its own."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def measure(n: int, n_resamples: int) -> list[Cost]:
    """Every cost, each in a process of its own."""
    return [
        alone(floor, n, n_resamples),
        alone(ours, n, n_resamples, 2),
        alone(ours, n, n_resamples, 10),
        alone(ours_of_numbers, n, n_resamples),
        alone(by_scipy, n, n_resamples),
        alone(by_loop, n, n_resamples),
    ]


def markdown(costs: list[Cost], n_resamples: int, *, full: bool = True) -> str:
    """The goal, and every cost as a share of the loop's."""
    one = next(cost for cost in costs if "2 classes" in cost.what)
    loop = next(cost for cost in costs if "loop" in cost.what)
    what = "two classifiers, 11 metrics each with intervals"
    goals = [at_most(what, one.seconds, GOAL_S, "CPU s", full=full)]
    rows = [
        (
            cost.what,
            f"{cost.seconds:.2f}",
            _beside(cost, loop),
            "-" if cost.peak_mb is None else f"{max(cost.peak_mb, 0):.0f}",
            f"{cost.measured:,} of {n_resamples:,}",
        )
        for cost in costs
    ]
    head = ("what", "CPU s", "times as fast as the loop", "peak MB", "resamples measured")
    return f"{goal_table(goals)}\n\n{markdown_table(head, rows)}"


def _beside(cost: Cost, loop: Cost) -> str:
    """How many times as fast it does what the loop does; others do something else."""
    same = "11 metrics, 2 classes" in cost.what or cost is loop
    return f"{loop.seconds / cost.seconds:.0f}" if same else "-"


def report(*, quick: bool = False) -> str:
    """All of it as Markdown; ``quick``: of a tenth of the rows and resamples."""
    n, n_resamples = (10_000, 100) if quick else (100_000, 1_000)
    title = f"**{n:,} rows, {n_resamples:,} resamples**"
    return f"{title}\n\n{markdown(measure(n, n_resamples), n_resamples, full=not quick)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--resamples", type=int, default=1_000)
    options = parser.parse_args()
    print(markdown(measure(options.rows, options.resamples), options.resamples))


if __name__ == "__main__":
    main()

"""How often an evaluation errs: versions of known quality, compared again and again.

    python -m benchmarks.evaluation.errors [--trials 600]

Scores are normal, so the true AUC and Brier score of every version are known, or found once from
two million rows. Seeds are fixed.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from benchmarks.monitor.goals import markdown_table
from seatrial.stats.measures import Labels, Means, Scores, probability_means
from seatrial.stats.resampling import Measure, Method, resample
from seatrial.training.evaluation.decision import MetricPair, Outcome, judge_primary
from seatrial.training.evaluation.rules import Margin

SHARE = 0.2
"""Of rows in the second class."""

QUANTITIES = ("accuracy", "f1", "auc", "average_precision", "log_loss", "brier")
LEVEL = 0.95
_RESAMPLES = 500
_LARGE = 2_000_000


@dataclass(frozen=True)
class Rows:
    true: np.ndarray
    by_version: dict[str, np.ndarray]


def rows(rng: np.random.Generator, n: int, strengths: dict[str, float]) -> Rows:
    """Rows, and the probabilities of versions that share most of their noise."""
    true = (rng.random(n) < SHARE).astype(np.intp)
    common = rng.normal(size=n)
    prior = math.log(SHARE / (1 - SHARE))
    found = {}
    for name, strength in strengths.items():
        # Of a normal score with means +-s/2 and variance 1, the log odds are s times the score.
        score = strength * (true - 0.5) + 0.8 * common + 0.6 * rng.normal(size=n)
        p = 1 / (1 + np.exp(-(strength * score + prior)))
        found[name] = np.column_stack([1 - p, p])
    return Rows(true, found)


def measured(made: Rows) -> dict[str, list[Measure]]:
    """All that is looked at, of every version."""
    return {
        name: [
            Labels(made.true, p.argmax(axis=1), n_classes=2),
            Scores(made.true, p),
            probability_means(made.true, p),
        ]
        for name, p in made.by_version.items()
    }


def truths(strengths: dict[str, float]) -> dict[str, float]:
    """The true differences, from many rows."""
    made = rows(np.random.default_rng(1), _LARGE, strengths)
    whole = {
        name: np.concatenate([m(np.ones((1, _LARGE)))[0] for m in found])
        for name, found in measured(made).items()
    }
    names = [
        name
        for m in measured(rows(np.random.default_rng(0), 50, strengths))["new"]
        for name in m.names
    ]
    found = dict(zip(names, (whole["new"] - whole["baseline"]).tolist(), strict=True))
    return {name: found[name] for name in QUANTITIES}


def coverage(trials: int) -> str:
    """How often intervals of 95 % hold the truth, of differences and of one version's metrics."""
    table = []
    for n in (200, 1_000):
        strengths = {"new": 1.8, "baseline": 1.5}
        true = truths(strengths)
        held: Counter[tuple[Method, str]] = Counter()
        for trial in range(trials):
            made = measured(rows(np.random.default_rng([n, trial]), n, strengths))
            found = resample(made, n, n_resamples=_RESAMPLES, seed=trial)
            for method in Method:
                for name in QUANTITIES:
                    got = found.difference("new", "baseline", name, method=method).interval
                    held[method, name] += got.lower <= true[name] <= got.upper
        for method in Method:
            shares = [f"{100 * held[method, name] / trials:.1f}" for name in QUANTITIES]
            table.append((f"difference, {n:,} rows, {method.value}", *shares))
    return markdown_table(("interval", *QUANTITIES), table)


def skewed(trials: int) -> str:
    """The same where it is hard: an AUC of 0.98, and errors of a lognormal law."""
    n = 200
    areas = {
        "new": NormalDist().cdf(3 / math.sqrt(2)),
        "baseline": NormalDist().cdf(2.5 / math.sqrt(2)),
    }
    errors = {"new": math.exp(-0.1 + (1.44 + 0.25) / 2), "baseline": math.exp(1.44 / 2)}
    held: Counter[tuple[Method, str]] = Counter()
    for trial in range(trials):
        rng = np.random.default_rng([n, trial, 3])
        made = rows(rng, n, {"new": 3.0, "baseline": 2.5})
        base = rng.lognormal(0, 1.2, n)
        absolute = {"new": base * rng.lognormal(-0.1, 0.5, n), "baseline": base}
        models: dict[str, list[Measure]] = {
            name: [Scores(made.true, p), Means({"mae": absolute[name]})]
            for name, p in made.by_version.items()
        }
        found = resample(models, n, n_resamples=_RESAMPLES, seed=trial)
        for method in Method:
            for name, true in (("auc", areas), ("mae", errors)):
                own = found.of("new", name, method=method).interval
                held[method, f"{name}, one version"] += own.lower <= true["new"] <= own.upper
                gap = true["new"] - true["baseline"]
                both = found.difference("new", "baseline", name, method=method).interval
                held[method, f"{name}, difference"] += both.lower <= gap <= both.upper
    names = [f"{name}, {what}" for name in ("auc", "mae") for what in ("one version", "difference")]
    table = [
        (method.value, *(f"{100 * held[method, name] / trials:.1f}" for name in names))
        for method in Method
    ]
    return markdown_table((f"interval, {n} rows", *names), table)


CASES: dict[str, dict[str, float]] = {
    "alike": {"new": 1.5, "baseline": 1.5},
    "better": {"new": 1.8, "baseline": 1.5},
    "worse": {"new": 1.2, "baseline": 1.5},
}


def decisions(trials: int) -> str:
    """What the deciding metric says of versions that are alike, better, and worse."""
    table = []
    for said, strengths in CASES.items():
        for n in (500, 2_000, 10_000):
            found: Counter[Outcome] = Counter(_decided(n, strengths, trials))
            shares = [f"{100 * found[outcome] / trials:.1f}" for outcome in Outcome]
            table.append((f"{said}, {n:,} rows", *shares))
    return markdown_table(("truth", *(o.value.replace("_", " ") for o in Outcome)), table)


def _decided(n: int, strengths: dict[str, float], trials: int) -> Iterable[Outcome]:
    for trial in range(trials):
        made = rows(np.random.default_rng([n, trial, 7]), n, strengths)
        brier: dict[str, list[Measure]] = {
            name: [probability_means(made.true, p)] for name, p in made.by_version.items()
        }
        found = resample(brier, n, n_resamples=_RESAMPLES, seed=trial)
        pair = MetricPair(
            metric="brier",
            new=found.of("new", "brier"),
            baseline=found.of("baseline", "brier"),
            difference=found.difference("new", "baseline", "brier"),
            less_is_better=True,
            n=n,
        )
        yield judge_primary(pair, Margin(size=0.05, relative=True)).outcome


def half_width(trials: int) -> float:
    """What a share of 95 % of so many trials is off by chance, in points, two standard errors."""
    return 200 * math.sqrt(LEVEL * (1 - LEVEL) / trials)


def report(*, quick: bool = False) -> str:
    """All of it as Markdown; ``quick``: a few trials."""
    trials = 20 if quick else 600
    parts: dict[str, Callable[[int], str]] = {
        "How often, in %, an interval of 95 % holds the true difference "
        f"({trials} trials: {half_width(trials):.1f} points are chance)": coverage,
        "The same where it is hard: an AUC of 0.98, and absolute errors of a lognormal law": skewed,
        f"What is decided by the Brier score, in % of {trials} trials": decisions,
    }
    return "\n\n".join(f"**{title}**\n\n{work(trials)}" for title, work in parts.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=600)
    options = parser.parse_args()
    print(coverage(options.trials))
    print(skewed(options.trials))
    print(decisions(options.trials))


if __name__ == "__main__":
    main()

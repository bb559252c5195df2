"""What do a few labels buy, and is an abrupt drop seen within its window?

    python -m benchmarks.monitor.few_labels [--quick]

Models of known truth: a confidence for each row, and an outcome that comes true with it. Until the
world changes scores are right; then a share of the answers is wrong that scores do not show, or
rows get harder, which they do.

- The **planner** (`seatrial labels plan`) says how many labels bring an interval to a width. That
  many are drawn, many times over: how often is the real accuracy within?
- It also says how surely an audit finds a drop. The monitor itself is run over such drops.
- **Within the window**: the estimate is made anew with each part of a window of 1,000 rows. How
  often has the alarm sounded before the window in which all changed is over, and after how many of
  its rows?
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.monitor.goals import Goal, goal_table, markdown_table
from seatrial.monitoring.performance.audit import (
    Audit,
    bought,
    chosen_of_window,
    labels_for_interval,
)
from seatrial.monitoring.performance.judge import estimated
from seatrial.monitoring.performance.labels import Keeping, join, keep
from seatrial.monitoring.performance.reference import PerformanceReference, classifier_reference
from seatrial.monitoring.performance.scored import Scored
from seatrial.monitoring.performance.state import (
    learn,
    observe,
    start,
    steps_by_count,
    steps_of_window,
)
from seatrial.monitoring.performance.verdict import Level, PerformanceRules
from seatrial.monitoring.rows.scores import ScoreColumns
from seatrial.monitoring.rows.table import Table
from seatrial.testing.memory_pending import MemoryPending

WINDOW, N_REFERENCE = 1_000, 5_000
SETTLED_WINDOWS, AFTER_WINDOWS = 10, 5
SHARE = 0.9
PLANS = ((0.05, 0.85), (0.02, 0.85), (0.05, 0.95), (0.02, 0.95))
"""Half widths asked for, and accuracies of the model."""

AUDITS = ((20, 0.10), (50, 0.05), (50, 0.10), (100, 0.05))
"""Labels a window, and drops of accuracy."""

ABRUPT = (
    (0, "rows get harder", 0.10),
    (50, "answers get wrong", 0.10),
    (50, "answers get wrong", 0.20),
)
"""Labels a window, what happens, and the drop of accuracy."""

_TROUBLE = {Level.WARNING, Level.CRITICAL}
_TOLERANCE = 0.03

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Planned:
    """An interval that was planned, and how often the truth was in it."""

    half_width: float
    accuracy: float
    drop: float
    n_labels: int
    n_trials: int
    covered: float


@dataclass(frozen=True)
class Offered:
    """What the planner said of an audit, and what the monitor did."""

    n_labels: int
    drop: float
    said: float
    did: float
    said_false: float
    did_false: float
    n_runs: int


@dataclass(frozen=True)
class Seen:
    """How many of some runs saw the drop within its window, and after how many rows of it."""

    n_labels: int
    what: str
    drop: float
    n_runs: int
    within: int
    rows: float


def planned(half_width: float, accuracy: float, drop: float, n_trials: int) -> Planned:
    """Draw as many labels as were planned before accuracy dropped, unseen by the scores."""
    rng = np.random.default_rng([int(1000 * x) for x in (half_width, accuracy, drop)])
    confidence = confidences(rng, 200_000, accuracy)
    variance = float((confidence * (1 - confidence)).mean())
    n = labels_for_interval(half_width=half_width, share=SHARE, row_variance=variance)
    covered = 0
    for _ in range(n_trials):
        rows = rng.choice(confidence, 20_000)
        right = rng.random(20_000) < rows * (1 - drop / accuracy)
        some = rng.choice(20_000, n, replace=False)
        said = rows.mean() + (right[some] - rows[some]).mean()
        covered += abs(said - right.mean()) <= half_width
    return Planned(half_width, accuracy, drop, n, n_trials, covered / n_trials)


def confidences(rng: np.random.Generator, n: int, accuracy: float) -> Floats:
    """Of a model of two classes, from 1/2 to 1, of a mean."""
    return 0.5 + 0.5 * rng.beta(6 * (2 * accuracy - 1), 6 * (2 - 2 * accuracy), n)


def reference(rng: np.random.Generator) -> tuple[PerformanceReference, float]:
    """Of a model that is right in 85 % of the rows, and its mean p (1 - p)."""
    p, y = answered(rng, N_REFERENCE, 0.85, 0.0)
    probabilities = np.stack([1 - p, p], axis=1)
    table = Table(columns={"p": probabilities, "y": y}, n=N_REFERENCE)
    found = classifier_reference(
        table, ScoreColumns(probabilities="p", label="y"), classes=["0", "1"]
    )
    return found, float((p * (1 - p)).mean())


def answered(
    rng: np.random.Generator, n: int, accuracy: float, wrong: float
) -> tuple[Floats, NDArray[np.int64]]:
    """Scores of the second class, and labels, of which a share is turned whatever the score."""
    sure = confidences(rng, n, accuracy)
    p = np.where(rng.random(n) < 0.5, sure, 1 - sure)
    label = rng.random(n) < p
    return p, np.where(rng.random(n) < wrong, ~label, label).astype(np.int64)


class Run:
    """A monitor over windows, step by step."""

    def __init__(self, rng: np.random.Generator, n_labels: int, seed: int) -> None:
        self._rng, self._n_labels, self._salt = rng, n_labels, str(seed)
        self.reference, self.row_variance = reference(rng)
        self._steps = steps_of_window(WINDOW)
        self._pending, self._rules = MemoryPending(), PerformanceRules()
        self._state = start(self.reference, steps_per_window=self._steps)
        self._n = 0

    def window(self, accuracy: float, wrong: float) -> list[bool]:
        """Whether the alarm is up after each step of one more window."""
        p, label = answered(self._rng, WINDOW, accuracy, wrong)
        ids = tuple(f"{self._n + i}" for i in range(WINDOW))
        scored = Scored(
            ids=ids,
            at_us=np.arange(self._n, self._n + WINDOW, dtype=np.int64),
            step=steps_by_count(self._n, WINDOW, window_rows=WINDOW, steps_per_window=self._steps),
            predicted=(p >= 0.5).astype(np.float64),
            score=np.maximum(p, 1 - p),
            audited=chosen_of_window(ids, self._n_labels, salt=self._salt),
            label=np.full(WINDOW, np.nan),
        )
        self._n += WINDOW
        keep(self._pending, scored, Keeping())
        alarms = []
        for index in range(int(scored.step[0]), int(scored.step[-1]) + 1):
            places = np.flatnonzero(scored.step == index)
            self._state = observe(self._state, self.reference, scored.some(places))
            known = places[scored.audited[places]]
            told = [ids[i] for i in known], label[known].astype(np.float64)
            self._state = learn(self._state, self.reference, join(self._pending, *told))
            alarms.append(estimated(self._state, self.reference, self._rules).level in _TROUBLE)
        return alarms


def offered(n_labels: int, drop: float, n_runs: int) -> Offered:
    """Run the monitor over sudden drops that scores do not show."""
    found = false = 0
    wrong = drop / (2 * 0.85 - 1)
    variance = 0.0
    for seed in range(n_runs):
        run = Run(np.random.default_rng([seed, n_labels, int(1000 * drop)]), n_labels, seed)
        variance += run.row_variance / n_runs
        quiet = [run.window(0.85, 0.0)[-1] for _ in range(SETTLED_WINDOWS)]
        false += sum(quiet[SETTLED_WINDOWS // 2 :])
        found += any(run.window(0.85, wrong)[-1] for _ in range(AFTER_WINDOWS))
    said = bought(
        Audit(
            labels_per_window=n_labels,
            accuracy=0.85,
            n_reference=N_REFERENCE,
            row_variance=variance,
        ),
        drop=drop,
        within_windows=AFTER_WINDOWS,
        n_trials=400,
    )
    n_quiet = n_runs * (SETTLED_WINDOWS - SETTLED_WINDOWS // 2)
    return Offered(
        n_labels=n_labels,
        drop=drop,
        said=said.seen_within[-1],
        did=found / n_runs,
        said_false=said.false_alarm_rate,
        did_false=false / n_quiet,
        n_runs=n_runs,
    )


def abrupt(n_labels: int, what: str, drop: float, n_runs: int) -> Seen:
    """Run the monitor into a window in which everything changes with the first row."""
    rows = []
    for seed in range(n_runs):
        run = Run(np.random.default_rng([seed, n_labels, int(1000 * drop), 1]), n_labels, seed)
        for _ in range(SETTLED_WINDOWS):
            before = run.window(0.85, 0.0)[-1]
        hard = what == "rows get harder"
        alarms = run.window(0.85 - drop * hard, 0.0 if hard else drop / (2 * 0.85 - 1))
        if not before and any(alarms):
            rows.append((alarms.index(True) + 1) * WINDOW / len(alarms))
    return Seen(n_labels, what, drop, n_runs, len(rows), float(np.mean(rows)) if rows else math.nan)


def measure(*, quick: bool) -> tuple[list[Planned], list[Offered], list[Seen]]:
    n_trials, n_runs = (50, 3) if quick else (4_000, 60)
    return (
        [planned(*plan, drop, n_trials) for plan in PLANS for drop in (0.0, 0.05)],
        [offered(n, drop, n_runs) for n, drop in AUDITS],
        [abrupt(n, what, drop, n_runs) for n, what, drop in ABRUPT],
    )


def markdown(plans: list[Planned], offers: list[Offered], seen: list[Seen]) -> str:
    """Goals, and three tables."""
    least = min(one.covered for one in plans if not one.drop)
    short = max(one.said - one.did for one in offers)
    free = next(one for one in seen if not one.n_labels)
    goals = [
        Goal(
            f"real accuracy in an interval of {SHARE:.0%} that was planned, scores right",
            f">= {SHARE - _TOLERANCE:.0%}",
            f"{least:.1%}",
            least >= SHARE - _TOLERANCE,
        ),
        Goal(
            f"drops found within {AFTER_WINDOWS} windows, fewer than the planner said",
            "<= 10 points",
            f"{100 * max(short, 0.0):.0f} points",
            short <= 0.1,
        ),
        Goal(
            f"{free.what}, -{100 * free.drop:.0f} points, no label: seen within the window",
            ">= 90 %",
            f"{free.within} of {free.n_runs}",
            free.within >= 0.9 * free.n_runs,
        ),
    ]
    tables = [
        markdown_table(
            (
                "half width asked for",
                "accuracy then",
                "drop since that scores do not show",
                "labels",
                "trials",
                "truth in the interval",
            ),
            [
                (
                    f"{100 * one.half_width:g} points",
                    f"{one.accuracy:.0%}",
                    f"{100 * one.drop:g} points",
                    f"{one.n_labels}",
                    f"{one.n_trials:,}",
                    f"{one.covered:.1%}",
                )
                for one in plans
            ],
        ),
        markdown_table(
            (
                "labels a window",
                "drop",
                f"found within {AFTER_WINDOWS}, said",
                "done",
                "quiet windows alarmed, said",
                "done",
                "runs",
            ),
            [
                (
                    f"{one.n_labels}",
                    f"{100 * one.drop:g} points",
                    f"{one.said:.0%}",
                    f"{one.did:.0%}",
                    f"{one.said_false:.1%}",
                    f"{one.did_false:.1%}",
                    f"{one.n_runs}",
                )
                for one in offers
            ],
        ),
        markdown_table(
            ("labels a window", "what", "drop", "seen within the window", "rows until then, mean"),
            [
                (
                    f"{one.n_labels}",
                    one.what,
                    f"{100 * one.drop:g} points",
                    f"{one.within} of {one.n_runs}",
                    f"{one.rows:.0f}",
                )
                for one in seen
            ],
        ),
    ]
    titles = (
        "What labels buy: an interval",
        "What labels buy: a drop found",
        f"An abrupt drop, estimates per {WINDOW // steps_of_window(WINDOW)} rows",
    )
    parts = [f"**{title}**\n\n{text}" for title, text in zip(titles, tables, strict=True)]
    return "\n\n".join([goal_table(goals), *parts])


def report(*, quick: bool = False) -> str:
    """All of it as Markdown; ``quick``: few runs."""
    return markdown(*measure(quick=quick))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few runs: does it work?")
    print(report(quick=parser.parse_args().quick))

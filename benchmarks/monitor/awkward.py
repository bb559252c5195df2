"""Awkward columns: does the watch say the right thing about each?

    python -m benchmarks.monitor.awkward [--seeds 20]

Every case is a reference and a window with one answer that a person would give: something is
wrong here, or nothing is. Each is drawn with several seeds; exit status 1 when one is misjudged.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.monitor.goals import Goal, goal_table, markdown_table
from seatrial.monitoring.drift.compare import compare
from seatrial.monitoring.drift.quality import check_quality
from seatrial.monitoring.drift.severity import Severity
from seatrial.monitoring.rows.table import Coded, Column, Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profiling import profile_of

Rng = np.random.Generator
Pair = tuple[Column, Column]

REFERENCE, WINDOW = 10_000, 1_000


@dataclass(frozen=True)
class Case:
    name: str
    wrong: bool
    make: Callable[[Rng], Pair]


def codes(values: np.ndarray, n_names: int) -> Coded:
    return Coded(values.astype(np.int32), tuple(f"name {i}" for i in range(n_names)))


def with_first(column: np.ndarray, value: float) -> np.ndarray:
    changed = column.copy()
    changed[0] = value
    return changed


def with_missing(rng: Rng, column: np.ndarray, share: float) -> np.ndarray:
    changed = column.copy()
    changed[rng.random(len(column)) < share] = np.nan
    return changed


def normal(shift: float = 0.0, n: int = WINDOW, ref: int = REFERENCE, sd: float = 1.0):
    return lambda rng: (rng.normal(size=ref), rng.normal(shift, sd, n))


def outlier(shift: float, side: str) -> Callable[[Rng], Pair]:
    def make(rng: Rng) -> Pair:
        a, b = normal(shift)(rng)
        return (with_first(a, 1e9), b) if side == "reference" else (a, with_first(b, 1e9))

    return make


def missing(before: float, after: float) -> Callable[[Rng], Pair]:
    def make(rng: Rng) -> Pair:
        a, b = normal()(rng)
        return with_missing(rng, a, before), with_missing(rng, b, after)

    return make


def names(n_names: int, before: np.ndarray | None = None, after: np.ndarray | None = None):
    def make(rng: Rng) -> Pair:
        a = rng.choice(n_names, REFERENCE, p=before)
        return codes(a, n_names), codes(rng.choice(n_names, WINDOW, p=after), n_names)

    return make


def shares(*weights: float) -> np.ndarray:
    return np.array(weights) / sum(weights)


def zipf(n_names: int, turned: int = 0) -> np.ndarray:
    return np.roll(shares(*(1 / np.arange(1, n_names + 1))), turned)


def unique(rng: Rng) -> Pair:
    ids = rng.permutation(REFERENCE + WINDOW)
    n = REFERENCE + WINDOW
    return codes(ids[:REFERENCE], n), codes(ids[REFERENCE:], n)


CASES = (
    Case("one outlier of 1e9 in the window hides a shift of 0.6 sd", True, outlier(0.6, "window")),
    Case("one outlier of 1e9 in the reference hides it", True, outlier(0.6, "reference")),
    Case("one outlier of 1e9 in the reference, no drift", False, outlier(0.0, "reference")),
    Case("shift of 0.6 sd", True, normal(0.6)),
    Case("spread x 2", True, normal(sd=2.0)),
    Case("no drift", False, normal()),
    Case("no drift, 100 rows", False, normal(n=100)),
    Case("30 rows without drift", False, normal(n=30)),
    Case("30 rows against 30", False, normal(n=30, ref=30)),
    Case("1,000,000 rows without drift", False, normal(n=1_000_000, ref=100_000)),
    Case("a shift of 0.02 sd in 200,000 rows, which matters to nobody", False,
         normal(0.02, n=200_000, ref=100_000)),
    Case("NaN share 0 -> 30 %", True, missing(0.0, 0.3)),
    Case("NaN share 30 % -> 30 %", False, missing(0.3, 0.3)),
    Case("NaN share 30 % -> 0", True, missing(0.3, 0.0)),
    Case("all missing", True, missing(0.0, 1.0)),
    Case("all missing, as before", False, missing(1.0, 1.0)),
    Case("constant, the same", False, lambda _: (np.full(REFERENCE, 5.0), np.full(WINDOW, 5.0))),
    Case("constant, another below", True,
         lambda _: (np.full(REFERENCE, 5.0), np.full(WINDOW, 4.0))),
    Case("constant, another above", True,
         lambda _: (np.full(REFERENCE, 0.1), np.full(WINDOW, 0.2))),
    Case("constant that starts to vary", True,
         lambda rng: (np.full(REFERENCE, 5.0), rng.normal(5, 1, WINDOW))),
    Case("stuck at the median", True, lambda rng: (rng.normal(size=REFERENCE), np.zeros(WINDOW))),
    Case("ties: counts of a Poisson law, no drift", False,
         lambda rng: (rng.poisson(2, REFERENCE), rng.poisson(2, WINDOW))),
    Case("ties: Poisson 2 -> 3", True,
         lambda rng: (rng.poisson(2, REFERENCE), rng.poisson(3, WINDOW))),
    Case("95 % zeros, no drift", False,
         lambda rng: (rng.exponential(size=REFERENCE) * (rng.random(REFERENCE) < 0.05),
                      rng.exponential(size=WINDOW) * (rng.random(WINDOW) < 0.05))),
    Case("95 % zeros -> 75 %", True,
         lambda rng: (rng.exponential(size=REFERENCE) * (rng.random(REFERENCE) < 0.05),
                      rng.exponential(size=WINDOW) * (rng.random(WINDOW) < 0.25))),
    Case("1,000 categories without drift", False, names(1_000)),
    Case("1,000 categories, the frequent half only", True,
         names(1_000, zipf(1_000), shares(*np.where(np.arange(1_000) < 20, 1.0, 0.001)))),
    Case("1,000 skewed categories without drift", False,
         names(1_000, zipf(1_000), zipf(1_000))),
    Case("10,000 categories without drift", False, names(10_000, zipf(10_000), zipf(10_000))),
    Case("a new category with 5 % of the rows", True,
         names(4, shares(1, 1, 1, 0), shares(1, 1, 1, 0.16))),
    Case("a rare category of 0.1 % that becomes 8 %", True,
         names(3, shares(60, 40, 0.1), shares(60, 40, 9))),
    Case("one category, the same", False, names(1)),
    Case("identifiers, all new each time", False, unique),
    Case("booleans 20 % -> 50 %", True,
         lambda rng: (rng.random(REFERENCE) < 0.2, rng.random(WINDOW) < 0.5)),
    Case("infinities", True, lambda rng: (rng.normal(size=REFERENCE),
                                          with_first(rng.normal(size=WINDOW), np.inf))),
    Case("heavy tails (Cauchy) without drift", False,
         lambda rng: (rng.standard_cauchy(REFERENCE), rng.standard_cauchy(WINDOW))),
    Case("unix seconds, a day later than any before", True,
         lambda rng: (1.7e9 + rng.uniform(0, 86_400, REFERENCE),
                      1.7e9 + 86_400 + rng.uniform(0, 86_400, WINDOW))),
    Case("integers around 2^62 without drift", False,
         lambda rng: (2**62 + rng.integers(0, 10**6, REFERENCE),
                      2**62 + rng.integers(0, 10**6, WINDOW))),
    Case("numbers that come as names", True,
         lambda rng: (rng.normal(size=REFERENCE), codes(rng.integers(0, 9, WINDOW), 9))),
    Case("metres that come as millimetres", True,
         lambda rng: (rng.gamma(2, 1, REFERENCE), 1_000 * rng.gamma(2, 1, WINDOW))),
)  # fmt: skip


def found_wrong(pair: Pair) -> bool:
    """Whether the watch finds anything at all about the column."""
    before, after = (Table(columns={"x": column}, n=len(column)) for column in pair)
    profile = profile_of(before)
    window = Summariser(profile, repeats=False).summarise(after)
    moved = compare(profile, window).severity is not Severity.NONE
    return moved or bool(check_quality(profile, window))


def judged(seeds: int, cases: tuple[Case, ...] = CASES) -> Iterator[tuple[Case, int]]:
    """Each case with how many of its draws were judged wrongly."""
    for case in cases:
        draws = (found_wrong(case.make(np.random.default_rng(seed))) for seed in range(seeds))
        yield case, sum(found != case.wrong for found in draws)


def report(*, quick: bool = False, seeds: int = 20) -> tuple[str, int]:
    """All of it as Markdown, and how many verdicts were wrong; ``quick``: two draws of each."""
    seeds = 2 if quick else seeds
    found = list(judged(seeds))
    wrong = sum(missed for _, missed in found)
    n = len(found)
    goal = Goal(
        what=f"{n} awkward columns, {seeds} draws each",
        goal="0 wrong verdicts",
        reached=f"{wrong} in {n * seeds:,}",
        met=wrong == 0,
    )
    rows = [(c.name, "alarm" if c.wrong else "quiet", str(missed)) for c, missed in found]
    cases = markdown_table(("case", "right answer", "wrong verdicts"), rows)
    return f"{goal_table([goal])}\n\n{cases}", wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="draws of each case")
    options = parser.parse_args()
    text, wrong = report(seeds=options.seeds)
    print(text)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

"""What the watch costs: a batch of a million rows, and batches as they are served.

    python -m benchmarks.monitor.speed [--rows 1000000] [--reference 100000] [--dtype float32]
                                       [--json]

CPU seconds, not wall: the fastest of some repetitions, each measure in a process of its own.
Beside it, in the same run, a floor: every numeric column sorted once with numpy, reference and
current, and the distance read off both; and scipy's tests of every column. Memory is the peak over
what the data themselves take, which lie in memory as numpy arrays. `sources.py` reads them from
files.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import psutil

from benchmarks.monitor.goals import Goal, at_most, goal_table, markdown_table
from seatrial.monitoring.drift.reference import Reference
from seatrial.monitoring.rows.table import Coded, Column, Table, rows_of
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.live_counter import LiveCounter
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.stats.divergence import ks_from_counts, ks_from_values, psi

N_NUMERIC, N_NAMES = 50, 10
SEED = 2_024
BATCH = 256
N_LIVE = 60


@dataclass(frozen=True)
class Cost:
    what: str
    value: float
    unit: str
    goal: float | None = None


def table(rng: np.random.Generator, n: int, dtype: str) -> Table:
    """Normal and lognormal numbers in turn, and names of 20 to 110 values."""
    columns: dict[str, Column] = {}
    for i in range(N_NUMERIC):
        values = rng.normal(size=n) if i % 2 else rng.lognormal(size=n)
        columns[f"x{i}"] = values.astype(dtype)
    for i in range(N_NAMES):
        size = 20 + 10 * i
        codes = rng.integers(0, size, n).astype(np.int32)
        columns[f"c{i}"] = Coded(codes, tuple(f"name {j}" for j in range(size)))
    return Table(columns=columns, n=n)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cpu_s(work: Callable[[], object], repetitions: int = 1) -> float:
    best = float("inf")
    for _ in range(repetitions):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def batch(n_reference: int, n: int, dtype: str) -> list[Cost]:
    rng = np.random.default_rng(SEED)
    before, after = table(rng, n_reference, dtype), table(rng, n, dtype)
    # The peak of making the data counts as theirs only while it is lower than what they take now.
    data = psutil.Process().memory_info().rss / 2**20
    start = time.process_time()
    reference = Reference(before)
    made = time.process_time()
    reference.check(after)
    cold = time.process_time() - start
    cached = min(time.process_time() - made, cpu_s(lambda: reference.check(after), 4))
    return [
        Cost("reference made and window checked", cold, "CPU s", 0.7),
        Cost("window checked, reference at hand", cached, "CPU s", 0.4),
        Cost("peak memory above the data", peak_mb() - data, "MB", 50),
    ]


def floor(n_reference: int, n: int, dtype: str) -> list[Cost]:
    rng = np.random.default_rng(SEED)
    before, after = table(rng, n_reference, dtype), table(rng, n, dtype)

    def sort_once() -> None:
        for name, column in after.columns.items():
            beside = before.columns[name]
            if isinstance(column, np.ndarray) and isinstance(beside, np.ndarray):
                a, b = np.sort(beside), np.sort(column)
                ks_from_values(a, b)
                deciles = a[np.linspace(0, len(a) - 1, 11).astype(int)][1:-1]
                counts = [
                    np.diff(x.searchsorted(deciles), prepend=0, append=len(x)) for x in (a, b)
                ]
                psi(*counts)
            elif isinstance(column, Coded) and isinstance(beside, Coded):
                psi(np.bincount(beside.codes), np.bincount(column.codes))

    return [Cost("floor: sort every column once", cpu_s(sort_once, 2), "CPU s")]


def by_scipy(n_reference: int, n: int, dtype: str) -> list[Cost]:
    from scipy import stats

    rng = np.random.default_rng(SEED)
    before, after = table(rng, n_reference, dtype), table(rng, n, dtype)

    def every_column() -> None:
        for name, column in after.columns.items():
            beside = before.columns[name]
            if isinstance(column, np.ndarray):
                stats.ks_2samp(beside, column, method="asymp")
            elif isinstance(beside, Coded):
                counts = [one.counts()[1:] for one in (beside, column)]
                stats.chi2_contingency(np.array(counts))

    return [Cost("scipy: ks_2samp, chi2_contingency", cpu_s(every_column), "CPU s")]


def live(n_reference: int, n: int, dtype: str) -> list[Cost]:
    del n
    rng = np.random.default_rng(SEED)
    numbers = {f"x{i}": rng.normal(size=n_reference).astype(dtype) for i in range(N_LIVE)}
    profile = profile_of(Table(columns=numbers, n=n_reference))
    counter = LiveCounter(profile)
    batches = [
        Table(columns={k: rng.normal(size=BATCH).astype(dtype) for k in numbers}, n=BATCH)
        for _ in range(40)
    ]

    def serve() -> None:
        for one in batches:
            counter.add(one)

    serve()
    spent = cpu_s(serve, 12) / (len(batches) * BATCH)
    counted = counter.take().features.known
    state = max(column.counts.nbytes for column in counted.values())  # type: ignore[union-attr]
    return [
        Cost(f"online, batches of {BATCH}, per value", spent / N_LIVE * 1e9, "CPU ns", 10),
        Cost(f"online, per row of {N_LIVE} features", spent * 1e6, "CPU us", 1),
        Cost("online, counts of a column", state / 1024, "KB", 8),
        Cost("online, error of KS", ks_error(rng, n_reference), "", 0.001),
    ]


def ks_error(rng: np.random.Generator, n: int) -> float:
    """The worst over three laws and four shifts, of the counted against the exact distance."""
    worst = 0.0
    for law in (rng.normal, rng.lognormal, rng.gumbel):
        before = law(0, 1, n)
        profile = profile_of(Table(columns={"x": before}, n=n))
        summariser = Summariser(profile, repeats=False)
        for shift in (0.0, 0.05, 0.1, 0.3):
            after = law(shift, 1, n)
            counted = summariser.summarise(rows_of(Table(columns={"x": after}, n=n), slice(None)))
            counts = counted.features.known["x"].counts  # type: ignore[union-attr]
            found = ks_from_counts(np.array(profile.features["x"].counts), counts)  # type: ignore[union-attr]
            exact = ks_from_values(np.sort(before), np.sort(after))
            worst = max(worst, abs(exact.value - found.value))
    return worst


def alone(work: Callable[..., list[Cost]], *arguments: object) -> list[Cost]:
    """Run in a fresh process, whose peak memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def measure(n_reference: int, n: int, dtype: str) -> list[Cost]:
    """Every cost, each in a process of its own."""
    works = (floor, by_scipy, batch, live)
    return [cost for work in works for cost in alone(work, n_reference, n, dtype)]


def goals(costs: list[Cost], *, full: bool = True) -> list[Goal]:
    """The costs that have a goal.   Args: whether they are of all the rows that it is for."""
    asked = [cost for cost in costs if cost.goal is not None]
    return [at_most(c.what, c.value, c.goal or 0.0, c.unit, full=full) for c in asked]


def markdown(costs: list[Cost], *, full: bool = True) -> str:
    """The goals, and what a comparison costs beside the floor and scipy."""
    by_sorting = next(cost.value for cost in costs if cost.what.startswith("floor"))
    rows = [
        (cost.what, f"{cost.value:.3g}", f"{cost.value / by_sorting:.2f}")
        for cost in costs
        if cost.unit == "CPU s"
    ]
    beside = markdown_table(("in memory", "CPU s", "share of the floor"), rows)
    return f"{goal_table(goals(costs, full=full))}\n\n{beside}"


def report(*, quick: bool = False) -> str:
    """All of it as Markdown; ``quick``: of a tenth of the rows."""
    n_reference, n = (10_000, 100_000) if quick else (100_000, 1_000_000)
    parts = []
    for dtype in ("float32", "float64"):
        title = f"**{n_reference:,} against {n:,} rows in memory, {dtype}**"
        parts.append(f"{title}\n\n{markdown(measure(n_reference, n, dtype), full=not quick)}")
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the window")
    parser.add_argument("--reference", type=int, default=100_000, help="rows of the reference")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    options = parser.parse_args()
    sizes = (options.reference, options.rows, options.dtype)
    costs = measure(*sizes)
    if options.json:
        print(json.dumps({"sizes": sizes, "costs": [asdict(cost) for cost in costs]}, indent=1))
        return
    print(f"{options.reference:,} against {options.rows:,} rows, {options.dtype}:\n")
    print(markdown(costs))


if __name__ == "__main__":
    main()

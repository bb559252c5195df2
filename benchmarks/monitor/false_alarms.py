"""How often does the drift alarm err, and how soon does it see a drift? Columns of known truth.

    python -m benchmarks.monitor.false_alarms [--quick] [--json]

Prints Markdown tables, or one JSON document, and holds the figures against the goals. 50 columns:
45 of numbers in 30 bins between order statistics of the reference, 5 of 12 names; a run draws its
own reference. Windows are drawn as counts, so a window of a million rows costs what one of 200
does. Beside it the usual rules, on the same counts: KS p < 0.05 in any column, PSI over 0.1 and 0.2
in 10 bins. Seeds are fixed. Exit status 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from benchmarks.monitor.goals import Goal, goal_table
from seatrial.stats.edetector import BUDGET, MARGIN, EDetector

N_COLUMNS, N_NAMED, N_BINS, N_NAMES, N_PSI_BINS = 50, 5, 30, 12, 10
N_NUMERIC = N_COLUMNS - N_NAMED
SEED = 2_026
N_QUIET, HORIZON = 20, 150

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EQUAL = np.full(N_BINS, 1 / N_BINS)
NAMES = 1 / np.arange(1, N_NAMES + 1) / sum(1 / k for k in range(1, N_NAMES + 1))


@dataclass(frozen=True)
class NoDrift:
    """What was measured where nothing drifts."""

    rows: int
    reference: int
    n_windows: int
    alarms: int
    highest: float
    ks: float
    psi_1: float
    psi_2: float

    @property
    def per_budget(self) -> float:
        return self.alarms / self.n_windows * BUDGET


@dataclass(frozen=True)
class Drift:
    """A change, as the shares of a column before and after it."""

    name: str
    before: tuple[float, ...]
    after: tuple[float, ...]
    n_columns: int = 1
    goal: float | None = None


@dataclass(frozen=True)
class Delay:
    """How many windows an alarm took; None when it never came."""

    drift: str
    reference: int
    ours: float | None
    missed: float
    psi_1: float | None
    psi_1_missed: float
    psi_2_missed: float
    goal: float | None


def shifted(level: float = 0.0, spread: float = 1.0) -> tuple[float, ...]:
    """Shares of a normal column that moved, in bins of equal share before."""
    normal = NormalDist()
    edges = [normal.inv_cdf(k / N_BINS) for k in range(1, N_BINS)]
    below = [0.0, *(normal.cdf((e - level) / spread) for e in edges), 1.0]
    return tuple(np.diff(below).tolist())


def swapped(n_names: int, share: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Equal names, and the same with a share of the rows gone from one to another."""
    before = np.full(n_names, 1 / n_names)
    after = before + share * (np.arange(n_names) == 2) - share * (np.arange(n_names) == 5)
    return tuple(before.tolist()), tuple(after.tolist())


NORMAL = shifted()
DRIFTS = (
    Drift("level +0.05 sd, 1 of 50 columns", NORMAL, shifted(0.05)),
    Drift("level +0.1 sd, 1 of 50", NORMAL, shifted(0.1), goal=6),
    Drift("level +0.1 sd, 5 of 50", NORMAL, shifted(0.1), n_columns=5),
    Drift("level +0.2 sd, 1 of 50", NORMAL, shifted(0.2), goal=2),
    Drift("level +0.3 sd, 1 of 50", NORMAL, shifted(0.3)),
    Drift("spread x 1.1, 1 of 50", NORMAL, shifted(0, 1.1), goal=4),
    Drift("spread x 1.25, 1 of 50", NORMAL, shifted(0, 1.25)),
    Drift("2 % of rows to another of 20 names", *swapped(20, 0.02), goal=6),
    Drift("2 % of rows to another of 10 names", *swapped(10, 0.02)),
    Drift("5 % of rows to another of 10 names", *swapped(10, 0.05)),
)


# Nothing drifts.


def no_drift(rows: int, reference: int, n_runs: int, n_windows: int) -> NoDrift:
    rng = np.random.default_rng([SEED, rows, reference])
    counts, shares, ordered, used = _columns(rng, reference, n_runs)
    detector = EDetector(counts, n_ordered=ordered, n_bins=used, budget=1e300)
    state, highest = detector.start(), np.full(n_runs, -np.inf)
    fired = np.zeros(3)
    looked = min(n_windows, 50)
    for t in range(n_windows):
        window = rng.multinomial(rows, shares)
        state, evidence = detector.step(state, window)
        total = evidence.log_column.reshape(n_runs, N_COLUMNS)
        highest = np.maximum(highest, np.logaddexp.reduce(total, axis=1) - math.log(N_COLUMNS))
        if t < looked:
            fired += _usual_rules(counts, window, n_runs)
    return NoDrift(
        rows=rows,
        reference=reference,
        n_windows=n_runs * n_windows,
        alarms=int((highest >= math.log(MARGIN * BUDGET)).sum()),
        highest=float(np.exp(highest.max())),
        ks=float(fired[0]) / looked,
        psi_1=float(fired[1]) / looked,
        psi_2=float(fired[2]) / looked,
    )


def _columns(
    rng: np.random.Generator, reference: int, n_runs: int
) -> tuple[Ints, Floats, Ints, Ints]:
    """References, the true shares, and how many bins are in order and in use."""
    held = np.diff(np.linspace(0, reference, N_BINS + 1).astype(int))
    truth = rng.dirichlet(held + (np.arange(N_BINS) == N_BINS - 1), (n_runs, N_NUMERIC))
    names = np.pad(NAMES, (0, N_BINS - N_NAMES))
    shares = np.concatenate([truth, np.tile(names, (n_runs, N_NAMED, 1))], axis=1)
    of_names = rng.multinomial(reference, names, (n_runs, N_NAMED))
    counts = np.concatenate([np.tile(held, (n_runs, N_NUMERIC, 1)), of_names], axis=1)
    numeric = np.arange(n_runs * N_COLUMNS) % N_COLUMNS < N_NUMERIC
    flat = (n_runs * N_COLUMNS, N_BINS)
    return (
        counts.reshape(flat),
        shares.reshape(flat),
        np.where(numeric, N_BINS, 0),
        np.where(numeric, N_BINS, N_NAMES),
    )


def _usual_rules(counts: Ints, window: Ints, n_runs: int) -> Floats:
    """Share of runs in which any column fires: KS p < 0.05, PSI > 0.1, PSI > 0.2."""
    psi = _psi(counts, window).reshape(n_runs, N_COLUMNS)
    ks = _ks_fires(counts, window).reshape(n_runs, N_COLUMNS)
    any_fires = [ks[:, :N_NUMERIC].any(axis=1)] + [(psi > x).any(axis=1) for x in (0.1, 0.2)]
    return np.array([fires.mean() for fires in any_fires])


def _ks_fires(counts: Ints, window: Ints) -> NDArray[np.bool_]:
    n, m = counts.sum(axis=1, keepdims=True), window.sum(axis=1, keepdims=True)
    gap = np.abs(np.cumsum(counts / n - window / m, axis=1)).max(axis=1)
    limit = np.sqrt(-math.log(0.05 / 2) / 2 * (1 / n + 1 / m))[:, 0]
    fires: NDArray[np.bool_] = gap > limit
    return fires


def _psi(counts: Ints, window: Ints) -> Floats:
    p, q = (
        np.maximum(c.reshape(len(c), N_PSI_BINS, -1).sum(axis=2), 0.5) for c in (counts, window)
    )
    p, q = (x / x.sum(axis=1, keepdims=True) for x in (p, q))
    psi: Floats = ((q - p) * np.log(q / p)).sum(axis=1)
    return psi


# Something drifts, after 20 quiet windows.


def delay(drift: Drift, reference: int, n_runs: int, rows: int = 1_000) -> Delay:
    """The other columns' evidence is counted as none, so the true delay is no longer."""
    rng = np.random.default_rng([SEED, reference, n_runs])
    n, k = n_runs * drift.n_columns, len(drift.before)
    ordered = 0 if k < N_BINS else N_BINS
    width = (0, N_BINS - k)
    counts = np.pad(rng.multinomial(reference, drift.before, n), ((0, 0), width))
    detector = EDetector(counts, n_ordered=np.full(n, ordered), n_bins=np.full(n, k), budget=1e300)
    state = detector.start()
    found, psi_found = np.full(n_runs, np.inf), np.full((2, n_runs), np.inf)
    for t in range(N_QUIET + HORIZON):
        shares = drift.before if t < N_QUIET else drift.after
        window = np.pad(rng.multinomial(rows, shares, n), ((0, 0), width))
        state, evidence = detector.step(state, window)
        if t < N_QUIET:
            continue
        columns = evidence.log_column.reshape(n_runs, -1)
        over = np.logaddexp.reduce(columns, axis=1) >= math.log(MARGIN * BUDGET * N_COLUMNS)
        found[over & np.isinf(found)] = t - N_QUIET + 1
        psi = _psi(counts, window).reshape(n_runs, -1).max(axis=1)
        for i, limit in enumerate((0.1, 0.2)):
            psi_found[i][(psi > limit) & np.isinf(psi_found[i])] = t - N_QUIET + 1
        if np.isfinite(found).all() and t > N_QUIET + 60:
            break
    return Delay(
        drift=drift.name,
        reference=reference,
        ours=_mean(found),
        missed=float(np.isinf(found).mean()),
        psi_1=_mean(psi_found[0]),
        psi_1_missed=float(np.isinf(psi_found[0]).mean()),
        psi_2_missed=float(np.isinf(psi_found[1]).mean()),
        goal=drift.goal,
    )


def _mean(times: Floats) -> float | None:
    seen = times[np.isfinite(times)]
    return float(seen.mean()) if len(seen) else None


# All of it.


def goals(quiet: Sequence[NoDrift], delays: Sequence[Delay]) -> list[Goal]:
    alarms, windows = sum(q.alarms for q in quiet), sum(q.n_windows for q in quiet)
    asked = [d for d in delays if d.goal is not None and d.reference == 100_000]
    return [
        Goal(
            what="nothing drifts",
            goal=f"at most 1 alarm in {BUDGET:,.0f} windows",
            reached=f"{alarms} in {windows:,}",
            met=alarms <= windows / BUDGET,
        ),
        *(
            Goal(
                what=d.drift,
                goal=f"within {d.goal:g} windows of 1,000, none missed",
                reached=f"{_number(d.ours)}, {100 * d.missed:.3g} % missed",
                met=d.ours is not None and d.ours <= (d.goal or 0) and not d.missed,
            )
            for d in asked
        ),
    ]


def measure(*, quick: bool) -> tuple[list[NoDrift], list[Delay]]:
    n_runs, n_windows, n_delays = (10, 100, 60) if quick else (20, 500, 400)
    sizes = [(rows, 1_000) for rows in (200, 1_000, 10_000, 1_000_000)] + [(1_000, 10_000)]
    sizes += [(rows, 100_000) for rows in (200, 1_000, 100_000, 1_000_000)]
    references = (100_000,) if quick else (100_000, 10_000, 1_000)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        quiet = pool.starmap_async(no_drift, [(*s, n_runs, n_windows) for s in sizes], 1)
        asked = [(drift, m, n_delays) for m in references for drift in DRIFTS]
        delays = pool.starmap_async(delay, asked, 1)
        return quiet.get(), delays.get()


def quiet_table(rows: Sequence[NoDrift]) -> str:
    head = ["rows a window", "reference", "windows", "alarms", "highest evidence"]
    head += ["KS p < 0.05", "PSI > 0.1", "PSI > 0.2"]
    lines = [_line(head), _line(["---:"] * len(head))]
    for r in rows:
        cells = [f"{r.rows:,}", f"{r.reference:,}", f"{r.n_windows:,}", str(r.alarms)]
        shares = [f"{100 * x:.3g} %" for x in (r.ks, r.psi_1, r.psi_2)]
        lines.append(_line([*cells, f"{r.highest:,.0f}", *shares]))
    return "\n".join(lines)


def delay_table(rows: Sequence[Delay]) -> str:
    head = ["drift", "reference", "windows to alarm", "missed", "PSI > 0.1", "missed"]
    head += ["PSI > 0.2 missed"]
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)])]
    for r in rows:
        cells = [r.drift, f"{r.reference:,}", _number(r.ours), f"{100 * r.missed:.3g} %"]
        psi = [_number(r.psi_1), *(f"{100 * x:.3g} %" for x in (r.psi_1_missed, r.psi_2_missed))]
        lines.append(_line([*cells, *psi]))
    return "\n".join(lines)


def markdown(quiet: Sequence[NoDrift], delays: Sequence[Delay]) -> str:
    """The goals, and what they are about."""
    return "\n\n".join(
        [
            f"{N_COLUMNS} columns, budget 1 false alarm in {BUDGET:,.0f} windows.",
            goal_table(goals(quiet, delays)),
            "**Nothing drifts: share of windows with an alarm**",
            quiet_table(quiet),
            "**Windows of 1,000 rows until the alarm, mean**",
            delay_table(delays),
        ]
    )


def report(*, quick: bool = False) -> str:
    """All of it as Markdown; ``quick``: few runs."""
    return markdown(*measure(quick=quick))


def _number(value: float | None) -> str:
    return "never" if value is None else f"{value:.2f}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few runs: does it work?")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    options = parser.parse_args()
    started = time.perf_counter()
    quiet, delays = measure(quick=options.quick)
    held = goals(quiet, delays)
    if options.json:
        document = {"budget": BUDGET, "columns": N_COLUMNS, "quick": options.quick}
        tables = {
            "no_drift": [asdict(row) for row in quiet],
            "drift": [asdict(row) for row in delays],
            "goals": [asdict(goal) for goal in held],
        }
        print(json.dumps(document | tables, indent=1))
    else:
        print(markdown(quiet, delays))
        print(f"\n{time.perf_counter() - started:.0f} s")
    return 0 if all(goal.met for goal in held) else 1


if __name__ == "__main__":
    sys.exit(main())

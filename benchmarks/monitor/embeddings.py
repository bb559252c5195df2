"""What watching vectors costs, what it sees, and how often it errs.

    python -m benchmarks.monitor.embeddings [--quick]

Vectors of 384 numbers and unit length, float32: 20 topics in unequal shares, each with noise whose
spread falls along 384 turned axes. Drifts: every row moved by 0.1 standard deviations in one
random direction; the noise's 20 widest axes turned into others; 2 % of the rows about a topic that
the reference does not have. Seeds are fixed; CPU seconds, not wall.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.monitor.goals import Goal, at_most, goal_table, markdown_table
from seatrial.monitoring.drift.compare import compare
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profile import Profile
from seatrial.monitoring.summaries.profile_record import write_profile
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.summary_record import encode
from seatrial.monitoring.watching.watch import Span, Watch
from seatrial.stats.mean_detector import MeanDetector
from seatrial.stats.vector_reference import (
    blocks,
    counted,
    domain_reference,
    looked_at,
    whole_vectors,
)

WIDTH, N_TOPICS, N_TURNED = 384, 20, 20
SEED = 2_027
DRIFTS = ("none", "shift of 0.1 sd", "turned subspace", "2 % of a new topic")
START = datetime(2026, 1, 1, tzinfo=UTC)

SIZES = ((1_000, 200), (2_000, 1_000))
"""Rows of a reference and of its windows."""

Singles = NDArray[np.float32]


class World:
    """Where vectors come from."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._centres = rng.normal(size=(N_TOPICS + 1, WIDTH)) / math.sqrt(WIDTH)
        self._shares = 1 / np.arange(1, N_TOPICS + 1)
        self._shares /= self._shares.sum()
        axes = np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0]
        spread = np.arange(1, WIDTH + 1) ** -0.5
        spread /= math.sqrt(float((spread**2).sum()))
        self._noise = (axes * spread).T.astype(np.float32)
        turned = np.concatenate([axes[:, -N_TURNED:], axes[:, N_TURNED:]], axis=1)
        self._turned = (turned * spread).T.astype(np.float32)
        direction = rng.normal(size=WIDTH)
        self._direction = direction / np.linalg.norm(direction)
        along = self.rows(rng, 4_000, DRIFTS[0]) @ self._direction
        self._step = (0.1 * along.std() * self._direction).astype(np.float32)

    def rows(self, rng: np.random.Generator, n: int, drift: str) -> Singles:
        """So many rows, shape (n, 384)."""
        topics = rng.choice(N_TOPICS, n, p=self._shares)
        if drift == DRIFTS[3]:
            topics[rng.random(n) < 0.02] = N_TOPICS
        noise = self._turned if drift == DRIFTS[2] else self._noise
        out = rng.standard_normal((n, WIDTH), np.float32) @ noise
        out += self._centres[topics].astype(np.float32)
        out /= np.linalg.norm(out, axis=1, keepdims=True)
        if drift == DRIFTS[1]:
            out += self._step
        return out


@dataclass(frozen=True)
class Cost:
    what: str
    value: float
    unit: str
    goal: float | None = None


def costs(n: int) -> list[Cost]:
    """One comparison of so many rows with as many."""
    world, rng = World(SEED), np.random.default_rng(SEED)
    before, after = (
        Table(columns={"v": world.rows(rng, n, drift)}, n=n) for drift in (DRIFTS[0], DRIFTS[1])
    )
    marks = [time.process_time()]
    profile = profile_of(before, repeats=False)
    marks.append(time.process_time())
    summariser = Summariser(profile, repeats=False)
    summary = summariser.summarise(after)
    marks.append(time.process_time())
    compare(profile, summary)
    marks.append(time.process_time())
    made, read, compared = np.diff(marks).tolist()
    tracemalloc.start()
    compare(profile_of(before, repeats=False), summariser.summarise(after))
    most = tracemalloc.get_traced_memory()[1] / 2**20
    return [
        Cost("profile of the reference", made, "CPU s"),
        Cost("a window counted", read, "CPU s", 1.0 if n >= 100_000 else None),
        Cost("compared", compared, "CPU s", 0.5),
        Cost("memory above the data, at most", most, "MB", 60.0),
        Cost("profile as stored", len(msgspec.json.encode(write_profile(profile))) / 2**20, "MB"),
        Cost("window as stored", len(encode(summary)) / 2**20, "MB"),
    ]


@dataclass(frozen=True)
class Seen:
    drift: str
    rows: int
    repetitions: int
    found: float
    auc: float
    view: str
    severity: str


def _profile(world: World, rng: np.random.Generator, n: int) -> Profile:
    return profile_of(Table(columns={"v": world.rows(rng, n, DRIFTS[0])}, n=n), repeats=False)


def seen(drift: str, n: int, repetitions: int, alpha: float = 0.01) -> Seen:
    """How often one window is called moved, at this chance of error."""
    world, rng = World(SEED), np.random.default_rng([SEED, DRIFTS.index(drift), n])
    profile = _profile(world, rng, n)
    summariser = Summariser(profile, repeats=False)
    found = []
    for _ in range(repetitions):
        table = Table(columns={"v": world.rows(rng, n, drift)}, n=n)
        column = compare(profile, summariser.summarise(table)).features[0]
        found.append((column.tests["classifier"] <= alpha, column))
    last = found[-1][1]
    return Seen(
        drift=drift,
        rows=n,
        repetitions=repetitions,
        found=sum(one for one, _ in found) / repetitions,
        auc=float(np.mean([column.auc for _, column in found])),
        view=last.classifier[0].view,
        severity=last.severity.value,
    )


@dataclass(frozen=True)
class Level:
    reference: int
    rows: int
    repetitions: int
    five_percent: float
    one_percent: float


def level(n_reference: int, n: int, repetitions: int) -> Level:
    """How often p is small though nothing drifts; each run draws its own reference."""
    world = World(SEED)
    rng = np.random.default_rng([SEED, 7, n_reference, n])
    found = []
    for _ in range(repetitions):
        profile = _profile(world, rng, n_reference)
        table = Table(columns={"v": world.rows(rng, n, DRIFTS[0])}, n=n)
        summary = Summariser(profile, repeats=False).summarise(table)
        found.append(compare(profile, summary).features[0].tests["classifier"])
    p = np.array(found)
    return Level(n_reference, n, repetitions, float((p <= 0.05).mean()), float((p <= 0.01).mean()))


@dataclass(frozen=True)
class Quiet:
    """Runs without drift: how many reach a budget within so many windows."""

    reference: int
    rows: int
    runs: int
    windows: int
    budget: float
    reached: int

    @property
    def allowed(self) -> float:
        """Runs that may: were the promise just kept, more would 1 in 100 times."""
        return float(stats.binom.ppf(0.99, self.runs, min(1.0, self.windows / self.budget)))


def quiet(
    n_reference: int, n: int, runs: int, windows: int, budgets: Sequence[float]
) -> list[Quiet]:
    """The classifier's evidence alone, with no margin; each run draws its own reference."""
    world = World(SEED)
    rng = np.random.default_rng([SEED, 8, n_reference, n])
    highest = []
    for _ in range(runs):
        rows = world.rows(rng, n_reference, DRIFTS[0])
        whole = whole_vectors(rows[looked_at(n_reference)], 0)
        detector = MeanDetector(domain_reference(whole, rows))
        state, most = detector.start(), -math.inf
        for number in range(windows):
            moments, *_ = counted(WIDTH, blocks(whole, world.rows(rng, n, DRIFTS[0])))
            state = detector.step(state, moments, number=number, log_most=700.0)
            state = detector.learning(state, moments)
            most = max(most, detector.log_evidence(state))
        highest.append(most)
    return [
        Quiet(n_reference, n, runs, windows, b, sum(h >= math.log(b) for h in highest))
        for b in budgets
    ]


@dataclass(frozen=True)
class Delay:
    drift: str
    reference: int
    rows: int
    runs: int
    windows: float
    missed: int
    early: int


def delay(drift: str, n_reference: int, n: int, runs: int, horizon: int = 60) -> Delay:
    """Windows until the whole alarm, budget 10,000, after ten quiet ones."""
    rng = np.random.default_rng([SEED, 9, DRIFTS.index(drift), n])
    waited, missed, early = [], 0, 0
    for run in range(runs):
        world = World(SEED + run)
        profile = _profile(world, rng, n_reference)
        summariser, watch = Summariser(profile, repeats=False), Watch(profile)
        state, at = watch.start(), START
        for number in range(10 + horizon):
            table = Table(columns={"v": world.rows(rng, n, drift if number >= 10 else "none")}, n=n)
            span = Span(start=at, end=at + timedelta(hours=1))
            state, report = watch.step(state, summariser.summarise(table), span)
            at = span.end
            if report.alarm.alarm:
                early += number < 10
                waited.append(max(number - 9, 0))
                break
        else:
            missed += 1
            waited.append(horizon)
    return Delay(drift, n_reference, n, runs, float(np.mean(waited)), missed, early)


def _table(title: str, rows: Sequence[object]) -> str:
    records = [asdict(row) for row in rows]  # type: ignore[call-overload]
    shown = [
        [f"{v:.4g}" if isinstance(v, float) else str(v) for v in record.values()]
        for record in records
    ]
    return f"### {title}\n\n{markdown_table(list(records[0]), shown)}"


def report(*, quick: bool) -> str:
    """All of it as Markdown, with the goals at the end.   Args: quick: fewer rows and runs."""
    n, times = (10_000, 5) if quick else (100_000, 5)
    runs, windows = (10, 20) if quick else (40, 50)
    cost = costs(n)
    found = [seen(d, n, times) for d in DRIFTS]
    late = [delay(d, 5_000 if quick else 20_000, 1_000, 3 if quick else 5) for d in DRIFTS[1:]]
    calm = [one for r, m in SIZES for one in quiet(r, m, runs, windows, (200.0, 1_000.0, 10_000.0))]
    goals = [at_most(c.what, c.value, c.goal, c.unit, full=not quick) for c in cost if c.goal]
    goals += [
        Goal(f"{s.drift} in one window", ">= 90 % found", f"{s.found:.0%}", s.found >= 0.9)
        for s in found[1:]
    ]
    goals += [
        Goal(
            f"runs of {q.windows} windows without drift over {q.budget:g}",
            f"<= {q.allowed:g}",
            f"{q.reached} of {q.runs}",
            None if quick else q.reached <= q.allowed,
        )
        for q in calm
    ]
    goals += [
        Goal(
            f"alarm, {d.drift}",
            "none missed, none early",
            f"{d.missed} and {d.early} of {d.runs}",
            None if quick else not (d.missed or d.early),
        )
        for d in late
    ]
    tables = [
        _table("Cost", cost),
        _table("One window beside as large a reference, p <= 0.01", found),
        _table("p without drift", [level(r, m, 20 if quick else 200) for r, m in SIZES]),
        _table("Delay of the alarm, in windows", late),
        _table("Evidence without drift, no margin", calm),
        f"### Goals\n\n{goal_table(goals)}",
    ]
    return "\n\n".join(tables)


def main() -> int:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rows and runs")
    print(report(quick=parser.parse_args().quick))
    return 0


if __name__ == "__main__":
    sys.exit(main())

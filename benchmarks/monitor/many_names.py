"""How often are columns of many names called moved without any change, and is a rare one seen?

    python -m benchmarks.monitor.many_names [--quick]

Whole columns as the watch meets them: a profile of a reference's rows, windows counted against it,
each compared by itself and all of them watched by the alarm over windows. Shares are even, or fall
like 1 / k^1.2. What grows is one of the rarest names that are counted one by one.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from benchmarks.monitor.goals import Goal, goal_table, markdown_table
from seatrial.monitoring.drift.alarm_bins import watched, window_bins
from seatrial.monitoring.drift.compare import compare
from seatrial.monitoring.drift.detector import DriftAlarm
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profile import Categorical, Profile
from seatrial.monitoring.summaries.profiling import profile_of

SIZES = ((2_000, 1_000), (20_000, 1_000), (5_000, 5_000))
"""Rows of reference and window."""

N_NAMES = (10, 100, 1_000, 10_000)
POWERS = {"even": 0.0, "falling": 1.2}
GROWN_SHARE = 0.02
SURE = 0.01
_START = datetime(2026, 1, 1, tzinfo=UTC)
_MOST_WINDOWS = 40


@dataclass(frozen=True)
class Case:
    """A column that does not change, and the same with one name that grows.

    Args:
        alarms: of the windows without a change, those in which the alarm over windows was up.
        sure: those whose shares moved with p <= 0.01 when looked at alone.
        found: windows with the grown name whose shares moved so surely, of ``n_grown``.
    """

    n_names: int
    law: str
    reference: int
    rows: int
    n_windows: int
    alarms: int
    sure: int
    n_grown: int
    found: int


class Column:
    """A law of names, drawn from."""

    def __init__(self, n_names: int, law: str, seed: int) -> None:
        shares = 1 / np.arange(1, n_names + 1) ** POWERS[law]
        self._shares = shares / shares.sum()
        self._values = tuple(f"name {i}" for i in range(n_names))
        self._rng = np.random.default_rng([seed, n_names, len(law)])

    def rows(self, n: int, *, grown: int | None = None) -> Table:
        codes = self._rng.choice(len(self._values), n, p=self._shares)
        if grown is not None:
            codes[self._rng.random(n) < GROWN_SHARE] = grown
        return Table(columns={"x": Coded(codes.astype(np.int32), self._values)}, n=n)


def rarest(profile: Profile) -> int:
    """Which name of those counted one by one the reference met least."""
    column = profile.features["x"]
    assert isinstance(column, Categorical)
    return int(min(column.counts, key=lambda name: column.counts[name]).removeprefix("name "))


def case(n_names: int, law: str, reference: int, rows: int, *, n_runs: int, n_windows: int) -> Case:
    alarms = sure = found = 0
    for run in range(n_runs):
        column = Column(n_names, law, run)
        profile = profile_of(column.rows(reference), repeats=False)
        summariser = Summariser(profile, repeats=False)
        alarm = DriftAlarm(watched(profile))
        state = alarm.start()

        def p_of(window: Table, profile: Profile = profile, by: Summariser = summariser) -> float:
            return compare(profile, by.summarise(window)).features[0].tests["shape"]

        for t in range(n_windows):
            window = column.rows(rows)
            state, said = alarm.step(
                state,
                window_bins(profile, summariser.summarise(window)),
                at=_START + timedelta(hours=t),
            )
            alarms += said.alarm
            sure += p_of(window) <= SURE
        found += p_of(column.rows(rows, grown=rarest(profile))) <= SURE
    return Case(n_names, law, reference, rows, n_runs * n_windows, alarms, sure, n_runs, found)


def measure(*, quick: bool) -> list[Case]:
    n_runs, n_windows = (1, 3) if quick else (12, _MOST_WINDOWS)
    return [
        case(n_names, law, reference, rows, n_runs=n_runs, n_windows=n_windows)
        for n_names in N_NAMES
        for law in POWERS
        for reference, rows in SIZES
    ]


def markdown(cases: list[Case]) -> str:
    """Goals, and a row for each case."""
    n = sum(one.n_windows for one in cases)
    alarms, sure = sum(one.alarms for one in cases), sum(one.sure for one in cases)
    rare = [one for one in cases if one.n_names >= 100]
    found, grown = sum(one.found for one in rare), sum(one.n_grown for one in rare)
    chance = SURE * n + 3.1 * np.sqrt(SURE * n)
    goals = [
        Goal(
            "alarm over windows, nothing drifts",
            "at most 1 in 10,000 windows",
            f"{alarms} in {n:,}",
            alarms <= max(1, n / 10_000),
        ),
        Goal(
            "a window alone, p <= 0.01, nothing drifts",
            "<= 1 %, within chance",
            f"{sure / n:.2%}",
            sure <= chance,
        ),
        Goal(
            "a rare name of 100 or more grows to 2 %, p <= 0.01",
            ">= 90 % of windows",
            f"{found / grown:.0%}",
            found >= 0.9 * grown,
        ),
    ]
    head = (
        "names",
        "shares",
        "reference",
        "rows a window",
        "windows",
        "alarms",
        "p <= 0.01",
        "rare name grown, found",
    )
    rows = [
        (
            f"{one.n_names:,}",
            one.law,
            f"{one.reference:,}",
            f"{one.rows:,}",
            f"{one.n_windows:,}",
            f"{one.alarms}",
            f"{one.sure / one.n_windows:.2%}",
            f"{one.found} of {one.n_grown}",
        )
        for one in cases
    ]
    return f"{goal_table(goals)}\n\n{markdown_table(head, rows)}"


def report(*, quick: bool = False) -> str:
    """All of it as Markdown; ``quick``: few windows."""
    return markdown(measure(quick=quick))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few windows: does it work?")
    print(report(quick=parser.parse_args().quick))

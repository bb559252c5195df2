"""A replay in numbers, and the numbers held against the goals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.monitor.streams import NEAR, Bools, Floats, Truth
from seatrial.monitoring.performance.verdict import Trust

LABEL_ALERT = 0.03
WRONG, RIGHT = 0.05, 0.02
"""Errors of the estimate without labels that make it wrong, and up to which it is right."""


@dataclass(frozen=True)
class Watched:
    """What the watch said at the end of each window, or at any time within it for the alarms.

    Args:
        alarmed: by the estimate.
        proven: by the labels of the window, some windows later.
    """

    alarmed: Bools
    proven: Bools
    estimate: Floats
    label_free: Floats
    trust: list[Trust]
    covered: Bools


@dataclass(frozen=True)
class Score:
    """A replay in numbers; counts, so that sets can be summed up."""

    n_episodes: int
    n_found: int
    n_runs: int
    n_runs_found: int
    n_quiet: int
    n_false: int
    n_bad: int
    n_flagged: int
    error: float
    label_free_error: float
    n_wrong: int
    n_wrong_off: int
    n_right: int
    n_right_off: int
    n_windows: int
    n_covered: int
    leads: tuple[int, ...]


def label_alerts(truth: Truth, late_windows: int) -> list[int | None]:
    """For each episode the window in which an alert on labels alone comes first."""
    n = len(truth.accuracy)
    low = truth.reference - truth.accuracy >= LABEL_ALERT
    found: list[int | None] = []
    for begin, end in truth.episodes:
        hits = [t + late_windows for t in range(max(0, begin - NEAR), end + 1) if low[t]]
        found.append(next((t for t in hits if t < n + late_windows), None))
    return found


def score(truth: Truth, said: Watched, late_windows: int) -> Score:
    leads = []
    found = 0
    for (begin, end), alert in zip(truth.episodes, label_alerts(truth, late_windows), strict=True):
        found += bool(said.alarmed[begin : end + 1].any())
        near = range(max(0, begin - NEAR), end + 1)
        ours = [t for t in near if said.alarmed[t]]
        ours += [t + late_windows for t in near if said.proven[t]]
        if ours and alert is not None:
            leads.append(alert - min(ours))
    wrong = np.abs(said.label_free - truth.accuracy) > WRONG
    known = np.concatenate([np.zeros(late_windows, np.bool_), wrong[:-late_windows]])
    right = np.abs(said.label_free - truth.accuracy) <= RIGHT
    off = np.array([trust is Trust.CONTRADICTED for trust in said.trust])
    return Score(
        n_episodes=len(truth.episodes),
        n_found=found,
        n_runs=len(truth.runs),
        n_runs_found=sum(bool(said.alarmed[a : b + 1].any()) for a, b in truth.runs),
        n_quiet=int(truth.quiet.sum()),
        n_false=int((said.alarmed | said.proven)[truth.quiet].sum()),
        n_bad=int(truth.bad.sum()),
        n_flagged=int(said.alarmed[truth.bad].sum()),
        error=float(np.abs(said.estimate - truth.accuracy).mean()),
        label_free_error=float(np.abs(said.label_free - truth.accuracy).mean()),
        n_wrong=int((wrong & known).sum()),
        n_wrong_off=int((wrong & known & off).sum()),
        n_right=int(right.sum()),
        n_right_off=int((right & off).sum()),
        n_windows=len(wrong),
        n_covered=int(said.covered.sum()),
        leads=tuple(leads),
    )


def table(title: str, rows: Sequence[tuple[str, Score]]) -> str:
    """Markdown: a row for each set, and their sum."""
    head = (
        "| set | found | quiet windows alarmed | bad windows flagged | mean error, points | label-"
    )
    head += "free | flag off when wrong | when right | real in 90 % interval | lead, windows |"
    lines = [f"### {title}", "", head, "|---|" + "---:|" * 9]
    for name, s in [*rows, ("all", total([s for _, s in rows]))]:
        cells = [
            name,
            f"{s.n_found} of {s.n_episodes}",
            _part(s.n_false, s.n_quiet),
            _part(s.n_flagged, s.n_bad),
            f"{100 * s.error:.2f}",
            f"{100 * s.label_free_error:.2f}",
            _part(s.n_wrong_off, s.n_wrong),
            _part(s.n_right_off, s.n_right),
            _part(s.n_covered, s.n_windows),
            " ".join(f"{lead:+d}" for lead in s.leads) if name != "all" else "",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def total(scores: Sequence[Score]) -> Score:
    """Counts summed, errors averaged over sets."""
    summed = {
        name: sum(getattr(s, name) for s in scores)
        for name in Score.__dataclass_fields__
        if name.startswith("n_")
    }
    return Score(
        **summed,
        error=float(np.mean([s.error for s in scores])),
        label_free_error=float(np.mean([s.label_free_error for s in scores])),
        leads=tuple(lead for s in scores for lead in s.leads),
    )


def goals(rows: Sequence[tuple[str, Score]], kinds: dict[str, str]) -> str:
    """The goals, held against late labels and an audit together."""
    s = total([score for _, score in rows])
    blind = [(name, x) for name, x in rows if name in {"elec2", "sea"}] or list(rows)
    by_kind = {
        kind: [lead for name, x in rows if kinds[name] == kind for lead in x.leads]
        for kind in dict.fromkeys(kinds.values())
    }
    concept = [lead for kind, leads in by_kind.items() if "concept" in kind for lead in leads]
    checks = [
        (
            ">= 12 of 13 episodes found, each run of bad windows being one",
            f"{s.n_runs_found} of {s.n_runs}",
            s.n_runs_found >= 12 / 13 * s.n_runs,
        ),
        (
            ">= 12 of 13 episodes found, runs close together being one",
            f"{s.n_found} of {s.n_episodes}",
            s.n_found >= 12 / 13 * s.n_episodes,
        ),
        (
            "<= 4 % of quiet windows alarmed",
            _part(s.n_false, s.n_quiet),
            s.n_false <= 0.04 * s.n_quiet,
        ),
        (
            ">= 85 % of bad windows flagged",
            _part(s.n_flagged, s.n_bad),
            s.n_flagged >= 0.85 * s.n_bad,
        ),
        ("mean error <= 3.5 points", f"{100 * s.error:.2f}", s.error <= 0.035),
        *(
            (
                f"flag off in >= 90 % of contradicted windows, {name}",
                _part(x.n_wrong_off, x.n_wrong),
                x.n_wrong_off >= 0.9 * x.n_wrong,
            )
            for name, x in blind
        ),
        (
            "lead >= 3 windows on covariate sets",
            str(by_kind.get("covariate", [])),
            min(by_kind.get("covariate") or [3]) >= 3,
        ),
        ("never later than labels on concept sets", str(concept), min(concept or [0]) >= 0),
    ]
    lines = ["### Goals", "", "| goal | reached | met |", "|---|---|---|"]
    lines += [f"| {goal} | {got} | {'yes' if met else 'no'} |" for goal, got, met in checks]
    return "\n".join(lines)


def _part(k: int, n: int) -> str:
    return f"{k} of {n}" + (f" ({100 * k / n:.0f} %)" if n else "")

"""Is a real drop of accuracy seen, soon, and rarely for nothing? Models replayed over real streams.

    python -m benchmarks.monitor.replays [--data DIR] [--sets elec2,sea] [--seeds 3] [--json]

A model is trained on the first rows of a stream, its reference is the next, and the rest is watched
window by window as in production: predictions go in, audited rows get their label at once, all rows
some windows later, by prediction id. Beside it: an alert on the labels alone, when they come.

Data: `*.parquet` with `n_*` numbers, `c_*` category codes, a label `y`, rows in time order.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from seatrial.monitoring.audit import chosen_of_window
from seatrial.monitoring.labels import Keeping, MemoryPending, Scored, join, keep
from seatrial.monitoring.performance import (
    learn,
    observe,
    start,
    steps_by_count,
    steps_of_window,
)
from seatrial.monitoring.performance_judge import estimated
from seatrial.monitoring.performance_reference import PerformanceReference, classifier_reference
from seatrial.monitoring.performance_verdict import Level, PerformanceRules, Trust
from seatrial.monitoring.scores import ScoreColumns
from seatrial.monitoring.table import Table

HERE = Path(__file__).parent
DEFAULT_DATA = HERE.parent / "data" / "drift"
EPISODE, QUIET, NEAR = 0.05, 0.02, 3
"""An episode is a smoothed accuracy so far down; quiet is less than that, so many windows away."""
SMOOTHED, APART = 3, 2
"""Windows of the moving mean; runs of bad windows no further apart than so many are one episode."""
LABEL_ALERT = 0.03
WRONG, RIGHT = 0.05, 0.02
"""Errors of the estimate without labels that make it wrong, and up to which it is right."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Stream:
    """How a set is replayed: shares of its rows, number of windows, the kind of its drift."""

    name: str
    train_share: float
    reference_share: float
    n_windows: int
    kind: str


STREAMS = (
    Stream("elec2", 0.18, 0.12, 70, "covariate and concept"),
    Stream("noaa_weather", 0.18, 0.12, 50, "concept"),
    Stream("california", 0.25, 0.15, 42, "covariate"),
    Stream("sea", 0.15, 0.08, 76, "concept"),
    Stream("car_loan", 0.25, 0.15, 60, "harmless"),
    Stream("acs_employment_ma", 0.15, 0.09, 80, "mild"),
)


@dataclass(frozen=True)
class Labels:
    """Which labels the watch gets."""

    name: str
    n_audited: int
    late_windows: int | None


@dataclass(frozen=True)
class Predicted:
    """A stream with a model's probabilities, from the first reference row on."""

    stream: Stream
    probabilities: Floats
    label: NDArray[np.int64]
    n_reference: int
    window_rows: int


@dataclass(frozen=True)
class Truth:
    """What really happened, window by window."""

    reference: float
    accuracy: Floats
    bad: Bools
    quiet: Bools
    episodes: list[tuple[int, int]]


@dataclass(frozen=True)
class Watched:
    """What the watch said at the end of each window, or at any time within it for the alarms."""

    alarmed: Bools
    estimate: Floats
    label_free: Floats
    trust: list[Trust]
    covered: Bools


@dataclass(frozen=True)
class Score:
    """A replay in numbers; counts, so that sets can be summed up."""

    n_episodes: int
    n_found: int
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


def predictions(stream: Stream, folder: Path) -> Predicted:
    """Train on the first rows, predict all others."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    table = pq.read_table(folder / f"{stream.name}.parquet")
    names = [name for name in table.column_names if name.startswith(("n_", "c_"))]
    features = np.column_stack([table[name].to_numpy().astype(np.float64) for name in names])
    label = table["y"].to_numpy().astype(np.int64)
    first = int(stream.train_share * len(label))
    second = int((stream.train_share + stream.reference_share) * len(label))
    # On a busy machine threads that wait for each other take minutes for what one does in seconds.
    with threadpool_limits(1):
        model = HistGradientBoostingClassifier(random_state=0).fit(features[:first], label[:first])
        probabilities = model.predict_proba(features[first:])
    return Predicted(
        stream=stream,
        probabilities=probabilities,
        label=np.searchsorted(model.classes_, label[first:]),
        n_reference=second - first,
        window_rows=(len(label) - second) // stream.n_windows,
    )


def truth_of(predicted: Predicted) -> Truth:
    """The real accuracy per window, its episodes and its quiet."""
    right = predicted.probabilities.argmax(axis=1) == predicted.label
    reference = float(right[: predicted.n_reference].mean())
    n, rows = predicted.stream.n_windows, predicted.window_rows
    windows = right[predicted.n_reference : predicted.n_reference + n * rows]
    accuracy = windows.reshape(n, rows).mean(axis=1)
    half = SMOOTHED // 2
    smooth = np.array([accuracy[max(0, t - half) : t + half + 1].mean() for t in range(n)])
    bad = reference - smooth > EPISODE
    episodes: list[tuple[int, int]] = []
    for t in np.flatnonzero(bad).tolist():
        if episodes and t - episodes[-1][1] <= APART + 1:
            episodes[-1] = (episodes[-1][0], t)
        else:
            episodes.append((t, t))
    near = np.zeros(n, np.bool_)
    for begin, end in episodes:
        near[max(0, begin - NEAR) : end + NEAR + 1] = True
    quiet = (np.abs(reference - smooth) <= QUIET) & ~near
    return Truth(reference, accuracy, bad, quiet, episodes)


def reference_of(predicted: Predicted) -> PerformanceReference:
    n = predicted.n_reference
    table = Table(columns={"p": predicted.probabilities[:n], "y": predicted.label[:n]}, n=n)
    classes = [str(c) for c in range(predicted.probabilities.shape[1])]
    return classifier_reference(table, ScoreColumns(probabilities="p", label="y"), classes=classes)


def watch(
    predicted: Predicted, reference: PerformanceReference, labels: Labels, seed: int
) -> Watched:
    """Replay the windows, step by step, as they would come."""
    rows, n_windows = predicted.window_rows, predicted.stream.n_windows
    per_window = steps_of_window(rows)
    rules, pending = PerformanceRules(), MemoryPending()
    state = start(reference, steps_per_window=per_window)
    alarmed, covered = np.zeros(n_windows, np.bool_), np.zeros(n_windows, np.bool_)
    estimate, label_free, trust = np.zeros(n_windows), np.zeros(n_windows), []
    real = truth_of(predicted).accuracy
    for window in range(n_windows):
        scored = scored_window(predicted, window, labels.n_audited, seed)
        step = scored.step
        keep(pending, scored, Keeping())
        for index in range(int(step[0]), int(step[-1]) + 1):
            some = scored.some(np.flatnonzero(step == index))
            state = observe(state, reference, some)
            state = learn(state, reference, join(pending, *answers(predicted, some, audited=True)))
            last = index == step[-1]
            due = window - (labels.late_windows or 0)
            if last and labels.late_windows is not None and due >= 0:
                old = scored_window(predicted, due, labels.n_audited, seed)
                found = join(pending, *answers(predicted, old, audited=False))
                state = learn(state, reference, found)
            now = estimated(state, reference, rules)
            alarmed[window] |= now.level in {Level.WARNING, Level.CRITICAL}
        assert now.value is not None
        assert now.label_free is not None
        assert now.interval is not None
        estimate[window], label_free[window] = now.value, now.label_free
        trust.append(now.trust.trust)
        sampling = 1.645 * np.sqrt(real[window] * (1 - real[window]) / rows)
        covered[window] = (
            now.interval.lower - sampling <= real[window] <= now.interval.upper + sampling
        )
    return Watched(alarmed, estimate, label_free, trust, covered)


def scored_window(predicted: Predicted, window: int, n_audited: int, seed: int) -> Scored:
    rows, start_row = predicted.window_rows, window * predicted.window_rows
    place = predicted.n_reference + start_row
    probabilities = predicted.probabilities[place : place + rows]
    ids = tuple(f"{start_row + row}" for row in range(rows))
    return Scored(
        ids=ids,
        at_us=np.arange(start_row, start_row + rows, dtype=np.int64),
        step=steps_by_count(
            start_row, rows, window_rows=rows, steps_per_window=steps_of_window(rows)
        ),
        predicted=probabilities.argmax(axis=1).astype(np.float64),
        score=probabilities.max(axis=1),
        audited=chosen_of_window(ids, n_audited, salt=str(seed)),
        label=np.full(rows, np.nan),
    )


def answers(predicted: Predicted, rows: Scored, *, audited: bool) -> tuple[list[str], Floats]:
    """Ids and labels of some rows: of the audited, or of all."""
    ids = [i for i, a in zip(rows.ids, rows.audited, strict=True) if a or not audited]
    places = predicted.n_reference + np.array([int(i) for i in ids], np.int64)
    return ids, predicted.label[places].astype(np.float64)


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
        ours = next((t for t in range(max(0, begin - NEAR), end + 1) if said.alarmed[t]), None)
        if ours is not None and alert is not None:
            leads.append(alert - ours)
    wrong = np.abs(said.label_free - truth.accuracy) > WRONG
    known = np.concatenate([np.zeros(late_windows, np.bool_), wrong[:-late_windows]])
    right = np.abs(said.label_free - truth.accuracy) <= RIGHT
    off = np.array([trust is Trust.CONTRADICTED for trust in said.trust])
    return Score(
        n_episodes=len(truth.episodes),
        n_found=found,
        n_quiet=int(truth.quiet.sum()),
        n_false=int(said.alarmed[truth.quiet].sum()),
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
    blind = total([x for name, x in rows if name in {"elec2", "sea"}] or [x for _, x in rows])
    by_kind = {
        kind: [lead for name, x in rows if kinds[name] == kind for lead in x.leads]
        for kind in dict.fromkeys(kinds.values())
    }
    concept = [lead for kind, leads in by_kind.items() if "concept" in kind for lead in leads]
    checks = [
        (
            ">= 12 of 13 episodes found",
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
        (
            "flag off in >= 90 % of contradicted windows, elec2 and sea",
            _part(blind.n_wrong_off, blind.n_wrong),
            blind.n_wrong_off >= 0.9 * blind.n_wrong,
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


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the sets")
    parser.add_argument("--sets", default=",".join(s.name for s in STREAMS))
    parser.add_argument("--late", type=int, default=4, help="windows until labels come")
    parser.add_argument("--audited", type=int, default=50, help="labels a window at once")
    parser.add_argument("--seeds", type=int, default=1, help="draws of the audited rows")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    options = parser.parse_args(arguments)
    streams = [s for s in STREAMS if s.name in options.sets.split(",")]
    absent = [s.name for s in streams if not (options.data / f"{s.name}.parquet").is_file()]
    if absent or not streams:
        sys.stderr.write(
            f"{options.data} has no {', '.join(absent) or 'set of that name'}.\n"
            "Name the folder of the drift replay data: --data DIR\n"
        )
        return 2
    replays = [predictions(stream, options.data) for stream in streams]
    found: dict[str, list[tuple[str, Score]]] = {}
    for labels in (
        Labels(
            f"{options.audited} audited labels a window, all labels {options.late} windows late",
            options.audited,
            options.late,
        ),
        Labels(f"{options.audited} audited labels a window only", options.audited, None),
        Labels(f"all labels {options.late} windows late only", 0, options.late),
        Labels("no labels", 0, None),
    ):
        found[labels.name] = [
            (
                predicted.stream.name,
                total(
                    [
                        score(
                            truth_of(predicted),
                            watch(predicted, reference_of(predicted), labels, seed),
                            options.late,
                        )
                        for seed in range(options.seeds if labels.n_audited else 1)
                    ]
                ),
            )
            for predicted in replays
        ]
    if options.json:
        print(json.dumps({n: {s: asdict(x) for s, x in rows} for n, rows in found.items()}))
        return 0
    for name, rows in found.items():
        print(table(name, rows), end="\n\n")
    print(goals(next(iter(found.values())), {s.name: s.kind for s in streams}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

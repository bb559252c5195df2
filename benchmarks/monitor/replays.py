"""Is a real drop of accuracy seen, soon, and rarely for nothing? Models replayed over real streams.

    python -m benchmarks.monitor.replays [--data DIR] [--sets elec2,sea] [--seeds 3] [--json]

A model is trained on the first rows of a stream, its reference is the next, and the rest is watched
window by window as in production: predictions go in, audited rows get their label at once, all rows
some windows later, by prediction id. Two alerts of the watch count: that of the estimate, and that
of the real performance of a window, once its labels are there. Beside them: a simple rule on the
labels alone, when they come.

Data: `*.parquet` with `n_*` numbers, `c_*` category codes, a label `y`, rows in time order.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from benchmarks.monitor.replay_score import Score, Watched, goals, score, table, total
from benchmarks.monitor.streams import (
    STREAMS,
    Floats,
    Predicted,
    Stream,
    predictions,
    truth_of,
)
from seatrial.monitoring.performance.audit import chosen_of_window
from seatrial.monitoring.performance.judge import estimated, measured
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

HERE = Path(__file__).parent
DEFAULT_DATA = HERE.parent / "data" / "drift"
TROUBLE = {Level.WARNING, Level.CRITICAL}


@dataclass(frozen=True)
class Labels:
    """Which labels the watch gets."""

    name: str
    n_audited: int
    late_windows: int | None


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
    alarmed, proven = np.zeros(n_windows, np.bool_), np.zeros(n_windows, np.bool_)
    covered = np.zeros(n_windows, np.bool_)
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
                real_due = measured(state, reference, rules, window=due)
                proven[due] = real_due is not None and real_due.level in TROUBLE
            now = estimated(state, reference, rules)
            alarmed[window] |= now.level in TROUBLE
        assert now.value is not None
        assert now.label_free is not None
        assert now.interval is not None
        estimate[window], label_free[window] = now.value, now.label_free
        trust.append(now.trust.trust)
        sampling = 1.645 * np.sqrt(real[window] * (1 - real[window]) / rows)
        covered[window] = (
            now.interval.lower - sampling <= real[window] <= now.interval.upper + sampling
        )
    return Watched(alarmed, proven, estimate, label_free, trust, covered)


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
    found = replayed(
        streams, options.data, seeds=options.seeds, n_audited=options.audited, late=options.late
    )
    if options.json:
        print(json.dumps({n: {s: asdict(x) for s, x in rows} for n, rows in found.items()}))
        return 0
    print(markdown(found))
    return 0


Found: TypeAlias = dict[str, list[tuple[str, Score]]]
"""Scores of every stream, by the labels that the watch got."""


def replayed(
    streams: Sequence[Stream], data: Path, *, seeds: int = 1, n_audited: int = 50, late: int = 4
) -> Found:
    """Replay streams with an audit and late labels, with either, and with none."""
    replays = [predictions(stream, data) for stream in streams]
    asked = (
        Labels(
            f"{n_audited} audited labels a window, all labels {late} windows late", n_audited, late
        ),
        Labels(f"{n_audited} audited labels a window only", n_audited, None),
        Labels(f"all labels {late} windows late only", 0, late),
        Labels("no labels", 0, None),
    )
    return {
        labels.name: [
            (
                predicted.stream.name,
                total(
                    [
                        score(
                            truth_of(predicted),
                            watch(predicted, reference_of(predicted), labels, seed),
                            late,
                        )
                        for seed in range(seeds if labels.n_audited else 1)
                    ]
                ),
            )
            for predicted in replays
        ]
        for labels in asked
    }


def markdown(found: Found) -> str:
    """A table for each kind of labels, and the goals, which ask for both kinds together."""
    tables = [table(name, rows) for name, rows in found.items()]
    kinds = {stream.name: stream.kind for stream in STREAMS}
    return "\n\n".join([*tables, goals(next(iter(found.values())), kinds)])


def report(*, data: Path, quick: bool = False) -> str:
    """All of it as Markdown, of the sets that the folder has; ``quick``: of the first of them.

    Raises: FileNotFoundError: the folder has none.
    """
    streams = [s for s in STREAMS if (data / f"{s.name}.parquet").is_file()]
    if not streams:
        raise FileNotFoundError(f"{data} has no set to replay, such as {STREAMS[0].name}.parquet")
    return markdown(replayed(streams[: 1 if quick else None], data))


if __name__ == "__main__":
    sys.exit(main())

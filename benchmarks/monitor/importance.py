"""Does what a log tells of the model's importances agree with the model?

    python -m benchmarks.monitor.importance [--data DIR] [--quick]

A model is trained on the first fifth of a stream. Of the next rows only features and its answers
are shown to `monitoring.summaries.importance`; the model itself is asked by shuffling a column at
a time, five times. Both are compared by rank (Spearman) and by size (Pearson).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.monitor.goals import Goal, goal_table, markdown_table
from benchmarks.monitor.streams import STREAMS
from seatrial.monitoring.rows.table import Coded, Column, Table
from seatrial.monitoring.summaries.importance import importance_of

DEFAULT_DATA = Path(__file__).parents[1].parent / "tests" / "data"
N_ROWS, N_ASKED, N_SHUFFLES = 4_000, 2_000, 5
GOAL = 0.8

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """Of one model of one set: ranks and sizes, from scores and from classes alone."""

    stream: str
    model: str
    n_features: int
    explained: float
    ranks: float
    sizes: float
    ranks_of_classes: float


def models() -> Mapping[str, Callable[[], Any]]:
    """Three kinds."""
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        "boosted trees": lambda: HistGradientBoostingClassifier(random_state=0),
        "forest": lambda: RandomForestClassifier(100, min_samples_leaf=5, random_state=0),
        "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
    }


def agreements(stream: str, folder: Path) -> list[Agreement]:
    from threadpoolctl import threadpool_limits

    table = pq.read_table(folder / f"{stream}.parquet")
    names = [name for name in table.column_names if name.startswith(("n_", "c_"))]
    values = np.column_stack([table[name].to_numpy().astype(np.float64) for name in names])
    values, label = np.nan_to_num(values), table["y"].to_numpy()
    first = len(label) // 5
    rows = values[first : first + min(len(label) // 10, N_ROWS)]
    features = Table(columns={n: _column(n, rows[:, j]) for j, n in enumerate(names)}, n=len(rows))
    found = []
    with threadpool_limits(1):
        for kind, make in models().items():
            model = make().fit(values[:first], label[:first])
            asked = _asked(model.predict_proba, rows[:N_ASKED])
            answers = model.predict_proba(rows)
            classes = Coded(answers.argmax(axis=1).astype(np.int32), ("0", "1"))
            said = importance_of(features, Table(columns={"p": answers[:, 1]}, n=len(rows)))
            less = importance_of(features, Table(columns={"y": classes}, n=len(rows)))
            by, of_classes = (
                np.array([one.by_feature.get(name, 0.0) for name in names]) for one in (said, less)
            )
            found.append(
                Agreement(
                    stream=stream,
                    model=kind,
                    n_features=len(names),
                    explained=said.explained or 0.0,
                    ranks=_correlation(_ranks(by), _ranks(asked)),
                    sizes=_correlation(by, asked),
                    ranks_of_classes=_correlation(_ranks(of_classes), _ranks(asked)),
                )
            )
    return found


def _column(name: str, values: Floats) -> Column:
    if not name.startswith("c_"):
        return values
    known, codes = np.unique(values, return_inverse=True)
    return Coded(codes.astype(np.int32), tuple(map(str, known)))


def _asked(predict: Callable[[Floats], Floats], rows: Floats) -> Floats:
    """How far answers move when a column is shuffled."""
    rng = np.random.default_rng(0)
    before = predict(rows)
    moved = np.zeros(rows.shape[1])
    for j in range(rows.shape[1]):
        for _ in range(N_SHUFFLES):
            other = rows.copy()
            other[:, j] = rng.permutation(rows[:, j])
            moved[j] += np.abs(predict(other) - before).sum(axis=1).mean() / 2 / N_SHUFFLES
    return moved


def _ranks(values: Floats) -> Floats:
    return np.argsort(np.argsort(values)).astype(np.float64)


def _correlation(a: Floats, b: Floats) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def markdown(found: list[Agreement]) -> str:
    """The goal, and a row for each model of each set."""
    least = min(one.ranks for one in found)
    goal = Goal(
        "ranks from scores, least correlation with the model's own",
        f">= {GOAL}",
        f"{least:.2f}",
        least >= GOAL,
    )
    head = (
        "set",
        "model",
        "features",
        "answers explained",
        "ranks, from scores",
        "sizes, from scores",
        "ranks, from classes",
    )
    rows = [
        (
            one.stream,
            one.model,
            f"{one.n_features}",
            f"{one.explained:.0%}",
            f"{one.ranks:.2f}",
            f"{one.sizes:.2f}",
            f"{one.ranks_of_classes:.2f}",
        )
        for one in found
    ]
    return f"{goal_table([goal])}\n\n{markdown_table(head, rows)}"


def report(*, data: Path, quick: bool = False) -> str:
    """All of it as Markdown, of the sets that the folder has; ``quick``: of the first of them."""
    there = [s.name for s in STREAMS if (data / f"{s.name}.parquet").is_file()]
    if not there:
        raise FileNotFoundError(f"{data} has no set, such as {STREAMS[0].name}.parquet")
    return markdown([x for name in there[: 1 if quick else None] for x in agreements(name, data)])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the sets")
    parser.add_argument("--quick", action="store_true", help="the first set only: does it work?")
    options = parser.parse_args()
    print(report(data=options.data, quick=options.quick))
    return 0


if __name__ == "__main__":
    sys.exit(main())

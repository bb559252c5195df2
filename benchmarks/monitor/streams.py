"""Real streams with a model's predictions, and what really happened to its accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

EPISODE, QUIET, NEAR = 0.05, 0.02, 3
"""An episode is a smoothed accuracy so far down; quiet is less than that, so many windows away."""
SMOOTHED, APART = 3, 2
"""Windows of the moving mean; runs of bad windows no further apart than so many are one episode."""

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
class Predicted:
    """A stream with a model's probabilities, from the first reference row on."""

    stream: Stream
    probabilities: Floats
    label: NDArray[np.int64]
    n_reference: int
    window_rows: int


@dataclass(frozen=True)
class Truth:
    """What really happened, window by window.

    Args:
        episodes: first and last bad window; runs of them close together are one.
        runs: of at least two bad windows, each by itself.
    """

    reference: float
    accuracy: Floats
    bad: Bools
    quiet: Bools
    episodes: list[tuple[int, int]]
    runs: list[tuple[int, int]]


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
    ends = np.flatnonzero(np.diff(np.concatenate([[0], bad, [0]]).astype(np.int8))).tolist()
    runs = [(a, b - 1) for a, b in zip(ends[::2], ends[1::2], strict=True) if b - a >= 2]
    return Truth(reference, accuracy, bad, quiet, episodes, runs)

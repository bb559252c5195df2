"""What a graph with weights of 8 bits loses and gains, measured. Pure.

Such a graph never gives the same answers, so there is no verdict here: a person weighs the figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.size import show_size
from seatrial.packaging.importance import distance
from seatrial.registry.signature import Column, Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantized:
    """The figures.

    Args:
        n_rows: rows compared.
        moved: mean distance of the answers, see `importance.distance`.
        largest: largest difference of any number of an answer; 0 where there are only labels.
        n_labels: rows whose label is another one.
        accuracy: share of true labels met, before and after; None without labels.
        n_bytes: of the graph, before and after.
        seconds: of a batch by its rows, before and after.
    """

    n_rows: int
    moved: float
    largest: float
    n_labels: int
    accuracy: tuple[float, float] | None
    n_bytes: tuple[int, int]
    seconds: Mapping[int, tuple[float, float]]

    @property
    def said(self) -> str:
        """In one line."""
        size = " to ".join(map(show_size, self.n_bytes))
        speed = ", ".join(
            f"{before / after:.2f} times as fast at {n} row{'s' if n > 1 else ''}"
            for n, (before, after) in sorted(self.seconds.items())
            if n in (1, min(64, max(self.seconds)))
        )
        labels = f", {self.n_labels} of {self.n_rows} labels differ" if self.n_labels else ""
        met = ""
        if self.accuracy is not None:
            before, after = self.accuracy
            met = f", accuracy {before:.4f} to {after:.4f}"
        return f"{size}, {speed}; numbers move by up to {self.largest:.2g}{labels}{met}."

    def as_dict(self) -> dict[str, object]:
        """A JSON-able record."""
        record = asdict(self)
        record["seconds"] = {str(n): list(both) for n, both in self.seconds.items()}
        return record


def loss_of(
    before: Prediction,
    after: Prediction,
    *,
    labels: Column | None,
    n_bytes: tuple[int, int],
    seconds: Mapping[int, tuple[float, float]],
) -> Quantized:
    """The figures of answers to the same rows, at least one.

    Args: labels: what is true of each row, or None.
    """
    numbers = [n for n, values in before.items() if values.dtype.kind == "f"]
    gaps = [
        np.abs(before[n].astype(np.float64) - after[n].astype(np.float64)).max() for n in numbers
    ]
    named = [n for n in before if n not in numbers]
    n = len(next(iter(before.values())))
    differ = np.zeros(n, np.bool_)
    for name in named:
        differ |= _unlike(before[name], after[name])
    accuracy = None
    if labels is not None and "label" in before:
        accuracy = (_met(before["label"], labels), _met(after["label"], labels))
    return Quantized(
        n_rows=n,
        moved=distance(before, after),
        largest=float(max(gaps, default=0.0)),
        n_labels=int(differ.sum()),
        accuracy=accuracy,
        n_bytes=n_bytes,
        seconds=seconds,
    )


def _unlike(a: NDArray[np.generic], b: NDArray[np.generic]) -> NDArray[np.bool_]:
    return np.asarray((a != b).reshape(len(a), -1).any(axis=1), np.bool_)


def _met(given: NDArray[np.generic], true: Column) -> float:
    """The share of labels met, by name: a file may hold 1.0 where the model says 1."""
    names = [
        [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in values]
        for values in (given.tolist(), true.tolist())
    ]
    return float(np.mean(np.array(names[0]) == np.array(names[1])))

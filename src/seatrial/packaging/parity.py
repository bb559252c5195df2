"""Whether an exported model gives the answers of the original: differences, and a verdict.

Pure: predictions in, report out. Where the rows come from is `rows`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from seatrial.registry.signature import Prediction


class RowKind(StrEnum):
    """Where rows come from."""

    SAMPLE = "sample"
    """Rows of the data given."""
    RANDOM = "random"
    """Valid rows made up."""
    EDGE = "edge"
    """Rows on both sides of a place where the original's answer jumps."""
    RANGE = "range"
    """Rows with numbers that float32 cannot hold, or hardly. What a model says there means little,
    so nothing more is asked than a number wherever the original has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far answers may be apart.

    Args:
        probability: absolute, for probabilities.
        spread_share: for other numbers, as a share of the spread of the original's answers on the
            sample.
    The defaults are a hundred times what float32 sums of some hundred terms lose, and far below
    what a reader of a probability could act on. Labels must not differ at all, except at a tie.
    """

    probability: float = 1e-5
    spread_share: float = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What was found on the rows of one kind.

    Args:
        kind: of rows.
        n: number of rows.
        largest: largest absolute difference of a number; infinite where one side alone is NaN.
        largest_relative: largest difference divided by the original's number.
        n_labels: rows with another label, ties left out.
        n_ties: rows with another label whose two best classes the original has within tolerance.
        worst_row: index of the row with the largest difference or, before that, another label.
        within: whether all of it is within tolerance.
    """

    kind: RowKind
    n: int
    largest: float
    largest_relative: float
    n_labels: int
    n_ties: int
    worst_row: int
    within: bool

    @property
    def label_share(self) -> float:
        """Share of rows with another label, ties left out; in [0, 1]."""
        return self.n_labels / self.n


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """The verdict on an exported model.

    Args:
        passed: whether it may answer in place of the original.
        reason: one sentence.
        tolerance: what it was held to.
        differences: the evidence by kind of rows.
    """

    passed: bool
    reason: str
    tolerance: Tolerance
    differences: tuple[Difference, ...]

    def as_dict(self) -> dict[str, object]:
        """The report as a JSON-able record; a difference that is infinite becomes None."""
        rows = []
        for difference in self.differences:
            row = asdict(difference) | {"label_share": difference.label_share}
            row = {k: None if v == np.inf else v for k, v in row.items()}
            rows.append(row | {"kind": difference.kind.value})
        return {
            "passed": self.passed,
            "reason": self.reason,
            "tolerance": asdict(self.tolerance),
            "differences": rows,
        }


def compare(
    pairs: Mapping[RowKind, tuple[Prediction, Prediction]], tolerance: Tolerance | None = None
) -> Parity:
    """Judge exported answers against the original's.

    Args:
        pairs: by kind of rows, (original, exported) on the same rows; kinds without rows left out.
        tolerance: the default one when None.
    Returns: not passed when there are no rows at all.
    """
    tolerance = tolerance or Tolerance()
    for native, exported in pairs.values():
        if problem := _shape_problem(native, exported):
            return Parity(passed=False, reason=problem, tolerance=tolerance, differences=())
    spreads = _spreads(pairs)
    found = tuple(_difference(k, n, e, spreads, tolerance) for k, (n, e) in pairs.items())
    if not found:
        return Parity(
            passed=False,
            reason="There were no rows to compare.",
            tolerance=tolerance,
            differences=(),
        )
    return Parity(
        passed=all(d.within for d in found),
        reason=_reason(found),
        tolerance=tolerance,
        differences=found,
    )


def _shape_problem(native: Prediction, exported: Prediction) -> str:
    if set(native) != set(exported):
        return f"The exported model answers {sorted(exported)}, the original {sorted(native)}."
    for name, values in native.items():
        if values.shape != exported[name].shape:
            return (
                f"The exported model's {name} has shape {exported[name].shape}, "
                f"the original's {values.shape}."
            )
    return ""


def _is_label(name: str, values: NDArray[np.generic]) -> bool:
    return name == "label" or values.dtype.kind not in "fiu"


def _spreads(pairs: Mapping[RowKind, tuple[Prediction, Prediction]]) -> dict[str, float]:
    """Spread of each output of the original, on the sample if there is one, else on all rows."""
    plain = [pair for kind, pair in pairs.items() if kind is not RowKind.RANGE]
    chosen = [pairs[RowKind.SAMPLE]] if RowKind.SAMPLE in pairs else plain
    spreads = {}
    for name, values in (chosen[0][0] if chosen else {}).items():
        if _is_label(name, values):
            continue
        flat = np.concatenate([np.asarray(n[name], np.float64).ravel() for n, _ in chosen])
        flat = flat[np.isfinite(flat)]
        spread = float(np.ptp(flat)) if len(flat) else 0.0
        spreads[name] = spread or float(np.max(np.abs(flat), initial=0.0)) or 1.0
    return spreads


def _difference(
    kind: RowKind,
    native: Prediction,
    exported: Prediction,
    spreads: Mapping[str, float],
    tolerance: Tolerance,
) -> Difference:
    n = len(next(iter(native.values())))
    largest = relative = 0.0
    worst_row, worst_excess = 0, 0.0
    differs = np.zeros(n, np.bool_)
    for name, values in native.items():
        if _is_label(name, values):
            if kind is not RowKind.RANGE:
                differs |= _labels_differ(values, exported[name])
            continue
        measure = _lost if kind is RowKind.RANGE else _gaps
        gap, ratio = measure(values, exported[name])
        limit = (
            tolerance.probability
            if name == "probabilities"
            else tolerance.spread_share * spreads[name]
        )
        largest, relative = max(largest, float(gap.max())), max(relative, float(ratio.max()))
        if float(gap.max()) / limit > worst_excess:
            worst_row, worst_excess = int(gap.argmax()), float(gap.max()) / limit
    ties = differs & _tied(native, n, tolerance)
    labels = differs & ~ties
    if labels.any():
        worst_row = int(labels.argmax())
    return Difference(
        kind=kind,
        n=n,
        largest=largest,
        largest_relative=relative,
        n_labels=int(labels.sum()),
        n_ties=int(ties.sum()),
        worst_row=worst_row,
        within=worst_excess <= 1.0 and not labels.any(),
    )


def _gaps(
    native: NDArray[np.generic], exported: NDArray[np.generic]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Largest absolute and relative difference per row; NaN equals NaN and nothing else."""
    a = np.asarray(native, np.float64).reshape(len(native), -1)
    b = np.asarray(exported, np.float64).reshape(len(native), -1)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        gap = np.where(same, 0.0, np.abs(a - b))
        gap = np.where(np.isnan(gap), np.inf, gap)
        ratio = np.where(gap == 0.0, 0.0, gap / np.abs(a))
    ratio = np.where(np.isnan(ratio), np.inf, ratio)
    return gap.max(axis=1), ratio.max(axis=1)


def _lost(
    native: NDArray[np.generic], exported: NDArray[np.generic]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Infinite, as in `_gaps`, for each row that only the original answers with numbers; else 0."""
    kept = ~np.isfinite(native) | np.isfinite(exported)
    gap = np.where(kept.reshape(len(native), -1).all(axis=1), 0.0, np.inf)
    return gap, gap


def _labels_differ(native: NDArray[np.generic], exported: NDArray[np.generic]) -> NDArray[np.bool_]:
    differs = np.asarray(native != exported, np.bool_).reshape(len(native), -1)
    return np.asarray(differs.any(axis=1), np.bool_)


def _tied(native: Prediction, n: int, tolerance: Tolerance) -> NDArray[np.bool_]:
    probabilities = native.get("probabilities")
    if probabilities is None or probabilities.ndim != 2 or probabilities.shape[1] < 2:
        return np.zeros(n, np.bool_)
    best = np.sort(np.asarray(probabilities, np.float64), axis=1)[:, -2:]
    return np.asarray(best[:, 1] - best[:, 0] <= 2 * tolerance.probability, np.bool_)


def _reason(found: tuple[Difference, ...]) -> str:
    rows = " and ".join(f"{d.n} {d.kind.value}" for d in found if d.kind is not RowKind.RANGE)
    failed = [d for d in found if not d.within]
    if not failed:
        largest = max(d.largest for d in found)
        ties = sum(d.n_ties for d in found)
        tied = f"; {ties} labels differ at a tie of the original" if ties else ""
        return f"same answers on {rows} rows, largest difference {largest:.2g}{tied}."
    parts = [_excess(d) for d in failed]
    return f"The exported model is over tolerance: {' and '.join(parts)}."


def _excess(found: Difference) -> str:
    if found.kind is RowKind.RANGE:
        return "it has no number for values near the ends of float32, where the original has one"
    if found.n_labels:
        return f"{found.n_labels} of {found.n} labels differ on {found.kind.value} rows"
    return f"numbers differ by up to {found.largest:.2g} on {found.kind.value} rows"

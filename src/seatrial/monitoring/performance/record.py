"""The state of a variant's performance as a stored record: some hundred bytes a step and window."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import numpy as np

from seatrial.kernel.errors import Invalid
from seatrial.monitoring.performance.state import PerformanceState, WindowSums
from seatrial.stats.calibration import N_LEVELS, ConfidenceCounts
from seatrial.stats.fusion import Residuals
from seatrial.stats.fusion_record import fusion_from_dict, fusion_to_dict
from seatrial.stats.performance import ClassSums, ErrorSums

_VERSION = 1


class BadPerformanceRecord(Invalid):
    """A stored performance that this version cannot read."""

    code = "monitoring.bad_performance_record"


def state_to_dict(state: PerformanceState) -> dict[str, object]:
    """A JSON-able record that `state_from_dict` reads back."""
    return {
        "version": _VERSION,
        "steps_per_window": state.steps_per_window,
        "fusion": fusion_to_dict(state.fusion),
        "windows": [[index, *_window_to_list(w)] for index, w in state.windows.items()],
        "recent": [[i, b64encode(c.encode()).decode()] for i, c in state.recent.items()],
        "n_unusable": state.n_unusable,
        "n_late": state.n_late,
    }


def state_from_dict(record: Mapping[str, Any]) -> PerformanceState:
    """The state of a record.

    Raises: BadPerformanceRecord; stats.fusion_record.BadFusion; stats.calibration.BadCalibration.
    """
    try:
        if record["version"] != _VERSION:
            raise unreadable(f"version {record['version']!r} is unknown")
        return PerformanceState(
            steps_per_window=int(record["steps_per_window"]),
            fusion=fusion_from_dict(record["fusion"]),
            windows={int(index): _window(*values) for index, *values in record["windows"]},
            # Not in records of before precision, recall, F1 and AUC were estimated.
            recent={
                int(index): ConfidenceCounts.decode(b64decode(counts))
                for index, counts in record.get("recent", ())
            },
            n_unusable=int(record["n_unusable"]),
            n_late=int(record["n_late"]),
        )
    except (KeyError, TypeError, ValueError, IndexError) as problem:
        raise unreadable(repr(problem)) from problem


def _window_to_list(window: WindowSums) -> list[object]:
    sums, r = window.labelled, window.residuals
    if isinstance(sums, ClassSums):
        used = np.flatnonzero(sums.scores)
        kept: dict[str, object] = {
            "confusion": sums.confusion.tolist(),
            "levels": used.tolist(),
            "rows": sums.scores.ravel()[used].tolist(),
        }
    else:
        kept = {"errors": [[size, *values] for size, values in sums.by_size.items()]}
    return [window.n, kept, [r.n, r.total, r.variance]]


def _window(n: int, kept: Mapping[str, Any], residuals: list[float]) -> WindowSums:
    n_rows, total, variance = residuals
    sums: ClassSums | ErrorSums
    if "errors" in kept:
        sums = ErrorSums({int(s): (int(k), a, b, c) for s, k, a, b, c in kept["errors"]})
    else:
        confusion = np.array(kept["confusion"], np.int64)
        if confusion.ndim != 2 or confusion.shape[0] != confusion.shape[1] + 1:
            raise ValueError(f"a confusion of shape {confusion.shape}")
        scores = np.zeros(2 * N_LEVELS, np.int64)
        scores[np.array(kept["levels"], np.intp)] = kept["rows"]
        sums = ClassSums(confusion, scores.reshape(2, N_LEVELS))
    return WindowSums(
        n=int(n),
        labelled=sums,
        residuals=Residuals(n=int(n_rows), total=float(total), variance=float(variance)),
    )


def unreadable(why: str) -> BadPerformanceRecord:
    """The error for what is no such record."""
    return BadPerformanceRecord(
        f"The stored performance cannot be read: {why}.",
        remedy="Read it with the version of seatrial that wrote it, or build it up anew.",
    )

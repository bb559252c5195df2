"""A profile and its windows in the bins that the drift alarm gathers evidence in.

Every row of a column falls into one bin: those of its values, and apart from them missing, infinite
and unknown ones. A text is watched by its length, a vector by its distance from the middle and its
places along the axes. (Words of one text are no independent rows, so the vocabulary is compared
window by window only, see `monitoring/drift.py`.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.comparison import summary_of
from seatrial.monitoring.detector import Watched
from seatrial.monitoring.profile import ColumnProfile, Profile
from seatrial.monitoring.summary import ColumnSummary, Names, Numbers, Places, Summary, Texts

PREDICTION = "prediction: "
"""Before the name of an answer, so that it is no feature's."""

_Bins = tuple[str, NDArray[np.int64], bool, int]  # part, counts, ordered, bins apart


def watched(profile: Profile, *, importance: Mapping[str, float] | None = None) -> list[Watched]:
    """What the alarm is to watch; a column that the sample had no row of is left out.

    Args:
        importance: of features, > 0; 1 where it is not known, and of every answer.
    """
    weights = importance or {}
    return [
        Watched(
            name=name + part,
            reference=counts,
            ordered=ordered,
            n_apart=n_apart,
            weight=weights.get(name, 1.0),
        )
        for name, column in _columns(profile)
        for part, counts, ordered, n_apart in _bins(summary_of(column))
        if counts.sum()
    ]


def window_bins(profile: Profile, window: Summary) -> dict[str, NDArray[np.int64]]:
    """The rows of a window in the same bins, by the names of `watched`.

    Args: a window that was counted against this profile.
    """
    kept = {name for name, _ in _columns(profile)}
    held = {
        **window.features.known,
        **{PREDICTION + name: column for name, column in window.predictions.known.items()},
    }
    return {
        name + part: counts
        for name, column in held.items()
        if name in kept
        for part, counts, _, _ in _bins(column)
    }


def feature_of(name: str) -> str | None:
    """The feature that a name of `watched` belongs to; None for an answer."""
    return None if name.startswith(PREDICTION) else name.partition(" / ")[0]


def _columns(profile: Profile) -> Iterator[tuple[str, ColumnProfile]]:
    yield from profile.features.items()
    for name, column in profile.predictions.items():
        yield PREDICTION + name, column


def _bins(column: ColumnSummary) -> Iterator[_Bins]:
    match column:
        case Numbers():
            apart = [column.n_missing, column.n_infinite]
            yield "", np.concatenate([column.counts, apart]), True, 2
        case Names():
            apart = [column.n_missing, column.n_new]
            yield "", np.concatenate([column.counts, [column.n_other], apart]), False, 2
        case Texts():
            counts = np.concatenate([column.length.counts, [column.n_missing]])
            yield " / length", counts, True, 1
        case Places():
            counts = np.concatenate([column.distance.counts, [column.n_missing]])
            yield " / distance", counts, True, 1
            for i, place in enumerate(column.places, start=1):
                yield f" / axis {i}", place.counts, True, 0

"""A profile and its windows as the drift alarm takes them: all columns under one budget."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.drift.alarm_state import Watched
from seatrial.monitoring.drift.detector_counts import N_APART, DetectorCounts, detector_counts
from seatrial.monitoring.drift.verdict import WindowDrift
from seatrial.monitoring.summaries.profile import Profile
from seatrial.monitoring.summaries.summary import Summary
from seatrial.stats.divergence import Divergence

PREDICTION = "prediction: "
"""Before the name of an answer, so that it is no feature's."""

LEAST_WEIGHT = 0.1


def watched(profile: Profile, *, importance: Mapping[str, float] | None = None) -> list[Watched]:
    """What the alarm is to watch; a column that the sample had no row of is left out.

    Args:
        importance: of features, >= 0; 1 where it is not known, and of every answer. None counts
            less than `LEAST_WEIGHT`: what a model hardly uses may tell of a broken source.
    """
    weights = importance or {}
    return [
        Watched(
            name=_name(counts),
            reference=counts.reference,
            ordered=counts.ordered,
            n_apart=N_APART,
            weight=1.0 if counts.answer else max(LEAST_WEIGHT, weights.get(counts.column, 1.0)),
        )
        for counts in detector_counts(profile, Summary())
        if counts.reference.sum()
    ]


def window_bins(profile: Profile, window: Summary) -> dict[str, NDArray[np.int64]]:
    """The rows of a window in the same bins, by the names of `watched`.

    Args: a window that was counted against this profile.
    """
    return {
        _name(counts): counts.current
        for counts in detector_counts(profile, window)
        if counts.reference.sum() and counts.current.sum()
    }


def psi_shown(drift: WindowDrift) -> dict[str, Divergence]:
    """The PSI that each distribution of a window is shown with, by the names of `watched`."""
    return {
        before + (f"{column.name}/{part.name}" if part.name else column.name): part.psi
        for before, columns in (("", drift.features), (PREDICTION, drift.predictions))
        for column in columns
        for part in column.parts
        if part.psi is not None
    }


def feature_of(name: str) -> str | None:
    """The feature's distribution that a name of `watched` is; None for one of an answer."""
    return None if name.startswith(PREDICTION) else name


def _name(counts: DetectorCounts) -> str:
    return PREDICTION + counts.name if counts.answer else counts.name

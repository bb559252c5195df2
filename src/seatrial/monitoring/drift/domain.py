"""Windows of vectors beside their reference, told apart by a classifier.

The classifier is `stats/domain_classifier.py`, evidence over windows `stats/mean_detector.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from seatrial.monitoring.drift.alarm_bins import LEAST_WEIGHT, PREDICTION
from seatrial.monitoring.drift.alarm_state import WatchedMean
from seatrial.monitoring.summaries.embedding import reference_of
from seatrial.monitoring.summaries.profile import ColumnProfile, Embedding, Profile
from seatrial.monitoring.summaries.summary import ColumnSummary, Embeddings, Summary
from seatrial.stats.domain_classifier import DomainReference, DomainTest, tell_apart
from seatrial.stats.vector_counts import Moments

_T = TypeVar("_T")

CLASSIFIER = "classifier"
"""What the evidence of a classifier is called beside the other distributions of a column."""


def domain_tests(
    profile: ColumnProfile, reference: ColumnSummary, current: ColumnSummary
) -> tuple[DomainTest, ...]:
    """A column's rows told apart, the clearest view first; none of other kinds or of few rows."""
    if not (
        isinstance(profile, Embedding)
        and isinstance(reference, Embeddings)
        and isinstance(current, Embeddings)
    ):
        return ()
    known = reference_of(profile)
    beside = DomainReference(
        moments=reference.moments,
        sample=reference.sample,
        axes=known.axes,
        variances=known.variances,
    )
    found = tell_apart(beside, current.moments, current.sample)
    return tuple(sorted(found, key=lambda test: (test.p_value, -test.auc.value)))


def watched_means(
    profile: Profile, *, importance: Mapping[str, float] | None = None
) -> list[WatchedMean]:
    """What the alarm is to watch by classifiers: columns of vectors that have rows enough.

    Args: ``importance``: as for `alarm_bins.watched`.
    """
    weights = importance or {}
    found = []
    for name, column in _columns(profile.features, profile.predictions).items():
        if isinstance(column, Embedding):
            reference = reference_of(column)
            if reference.enough:
                weight = max(LEAST_WEIGHT, weights.get(name, 1.0))
                found.append(
                    WatchedMean(name=f"{name}/{CLASSIFIER}", reference=reference, weight=weight)
                )
    return found


def window_moments(window: Summary) -> dict[str, Moments]:
    """The sums of a window's vectors, by the names of `watched_means`."""
    columns = _columns(window.features.known, window.predictions.known)
    return {
        f"{name}/{CLASSIFIER}": column.moments
        for name, column in columns.items()
        if isinstance(column, Embeddings)
    }


def _columns(features: Mapping[str, _T], answers: Mapping[str, _T]) -> dict[str, _T]:
    return {**{f"{PREDICTION}{name}": column for name, column in answers.items()}, **features}

"""A column of the reference and of a window as two histograms to look at, on the same bins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.drift.comparison import summary_of
from seatrial.monitoring.summaries.profile import (
    Categorical,
    ColumnProfile,
    Embedding,
    Numeric,
    Profile,
    Text,
)
from seatrial.monitoring.summaries.summary import (
    ColumnSummary,
    Embeddings,
    Names,
    Numbers,
    Summary,
    Texts,
)
from seatrial.stats.coarse import firsts_inside

N_BINS = 20
"""Bins of a number, of like reference shares; beside them one below and one above its range."""

MAX_NAMES = 15
"""Names shown one by one, the most frequent of the reference; the rest is shown together."""

OTHER, NEW, MISSING = "…", "new", "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Two histograms on the same bins.

    Args:
        edges: of numbers, ascending; bin i lies between ``edges[i]`` and ``edges[i + 1]``, and what
            is beyond them in the first and the last. Empty for names.
        names: of the bins; empty for numbers.
        reference, current: shares of the rows with a value, of each bin; the sides add up to 1, or
            hold 0 where there is no row.
    """

    edges: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    reference: tuple[float, ...]
    current: tuple[float, ...]


def histograms(profile: Profile, window: Summary) -> dict[str, Histogram]:
    """Of every feature that the window has. Texts are shown by length, vectors by distance."""
    return _each(profile.features, window.features.known)


def prediction_histograms(profile: Profile, window: Summary) -> dict[str, Histogram]:
    """Of every answer that the window has."""
    return _each(profile.predictions, window.predictions.known)


def _each(
    profiles: Mapping[str, ColumnProfile], known: Mapping[str, ColumnSummary]
) -> dict[str, Histogram]:
    found = {}
    for name, profile in profiles.items():
        shown = _shown(profile, known[name]) if name in known else None
        if shown is not None:
            found[name] = shown
    return found


def _shown(profile: ColumnProfile, current: ColumnSummary) -> Histogram | None:
    match profile, current:
        case Numeric(), Numbers():
            return _numbers(profile, current)
        case Categorical(), Names():
            return _names(profile, current)
        case Text(), Texts():
            return _numbers(profile.length, current.length)
        case Embedding(), Embeddings():
            return _numbers(profile.distance, current.distance)
    return None


def _numbers(profile: Numeric, current: Numbers) -> Histogram | None:
    reference = summary_of(profile)
    if not isinstance(reference, Numbers) or len(profile.edges) < 2:
        return None
    firsts = firsts_inside(reference.counts, N_BINS)
    # The outermost bins have no end: they are joined to their neighbours, for what is beyond the
    # reference's range is a share to be told, not a width to be drawn.
    starts = firsts[1:-1]
    edges = [profile.edges[first - 1] for first in starts] + [profile.edges[-1]]
    return Histogram(
        edges=tuple(edges),
        reference=_shares(_joined(reference.counts, firsts)),
        current=_shares(_joined(current.counts, firsts)),
    )


def _joined(counts: NDArray[np.int64], firsts: NDArray[np.intp]) -> NDArray[np.int64]:
    groups = np.add.reduceat(counts, firsts)
    inner = groups[1:-1].copy()
    inner[0] += groups[0]
    inner[-1] += groups[-1]
    return inner


def _names(profile: Categorical, current: Names) -> Histogram:
    names = tuple(profile.counts)[:MAX_NAMES]
    then = np.array(list(profile.counts.values()), np.int64)
    now = current.counts
    shown = len(names)
    reference = [*then[:shown], then[shown:].sum() + profile.n_other, 0, profile.n_missing]
    window = [*now[:shown], now[shown:].sum() + current.n_other, current.n_new, current.n_missing]
    kept = [i for i in range(len(reference)) if i < shown or reference[i] or window[i]]
    labels = (*names, OTHER, NEW, MISSING)
    return Histogram(
        names=tuple(labels[i] for i in kept),
        reference=_shares(np.array(reference)[kept]),
        current=_shares(np.array(window)[kept]),
    )


def _shares(counts: NDArray[np.int64]) -> tuple[float, ...]:
    total = int(counts.sum())
    return tuple((counts / total).tolist()) if total else (0.0,) * len(counts)

"""Every distribution of a window as counts in reference bins, for the alarm over many windows.

The bins are all there are; who gathers evidence in fewer joins them. Words of a text are left out:
they are not independent rows, which that alarm's guarantee needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.drift.comparison import summary_of
from seatrial.monitoring.summaries.profile import Categorical, ColumnProfile, Profile
from seatrial.monitoring.summaries.summary import (
    Columns,
    ColumnSummary,
    Embeddings,
    Names,
    Numbers,
    Summary,
    Texts,
)

Ints = NDArray[np.int64]

N_APART = 2
"""Bins at the end of every distribution: values that are not there, and values never seen."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DetectorCounts:
    """One distribution of a column, of the reference and of a window.

    Args:
        name: of the column, with ``/part`` for texts and vectors.
        column: of which it is a distribution.
        answer: whether it is one of the model's answers, and not a feature.
        ordered: whether the bins hold numbers in ascending order, but for the last `N_APART`:
            missing, and not finite or, for names, unknown.
        reference, current: shape (k,), rows by bin.
    """

    name: str
    column: str
    answer: bool
    ordered: bool
    reference: Ints
    current: Ints


def detector_counts(profile: Profile, window: Summary) -> tuple[DetectorCounts, ...]:
    """The counts of all features and predictions, in the profile's order.

    A column that is not in the window has no row there; its absence is a finding of quality.
    """
    return (
        *_each(profile.features, window.features, answer=False),
        *_each(profile.predictions, window.predictions, answer=True),
    )


def _each(
    profiles: Mapping[str, ColumnProfile], columns: Columns, *, answer: bool
) -> Iterator[DetectorCounts]:
    for name, profile in profiles.items():
        current = columns.known.get(name)
        then = dict(_distributions(name, summary_of(profile)))
        now = dict(_distributions(name, current)) if current is not None else {}
        if isinstance(profile, Categorical):
            met = _as_to_be_met(then[name][1], profile)
            then[name] = (False, met)
            now = {part: (o, _told_apart(counts, profile)) for part, (o, counts) in now.items()}
        for part, (ordered, reference) in then.items():
            counts = now[part][1] if part in now else np.zeros_like(reference)
            yield DetectorCounts(
                name=part,
                column=name,
                answer=answer,
                ordered=ordered,
                reference=reference,
                current=counts,
            )


def _distributions(name: str, column: ColumnSummary) -> Iterator[tuple[str, tuple[bool, Ints]]]:
    match column:
        case Numbers():
            yield name, (True, _with(column.counts, column.n_missing, column.n_infinite))
        case Names():
            known = np.append(column.counts, column.n_other)
            yield name, (False, _with(known, column.n_missing, column.n_new))
        case Texts():
            length = column.length.counts
            yield f"{name}/length", (True, _with(length, column.n_missing, 0))
        case Embeddings():
            # Of a reference, places are of a part of the rows: so are those without one, then.
            part_of = column.distance.n / max(1, int(column.moments.n.sum()))
            n_missing, n_invalid = (int(n * part_of) for n in (column.n_missing, column.n_invalid))
            parts = {"distance": column.distance}
            parts |= {f"axis {i}": place for i, place in enumerate(column.places, start=1)}
            for part, numbers in parts.items():
                yield f"{name}/{part}", (True, _with(numbers.counts, n_missing, n_invalid))


def _with(counts: Ints, n_missing: int, n_strange: int) -> Ints:
    return np.append(counts, [n_missing, n_strange])


def _as_to_be_met(counts: Ints, profile: Categorical) -> Ints:
    """The reference's rows in the bins where each would be, had it not been in the reference.

    A name that was met once would be a new one, and one that is counted by itself for a single row
    would be among the others. So the share of a bin is that of rows to come, though names are not
    all known and not all are counted.

    Args: ``counts``: shape (k + 3,): known names, others, missing, new.
    Source: leaving one out gives the estimate of Good 1953, Biometrika 40:237.
    """
    met = counts.copy()
    if profile.others is not None:  # else no name is new
        once = met[:-3] == 1
        met[-3] -= profile.n_once - int(once.sum())
        met[:-3][once] = 0
        met[-1] += profile.n_once
    if profile.n_other:
        there = _rows_of_names(profile)
        last = there <= there.min() + 1
        met[-3] += met[:-3][last].sum()
        met[:-3][last] = 0
    return met


def _told_apart(counts: Ints, profile: Categorical) -> Ints:
    """Rows by name, without those names of which some are counted and some alike are not.

    These are taken together with the others: chance alone said which are counted.
    """
    if not profile.n_other:
        return counts
    there = _rows_of_names(profile)
    alike = there == there.min()
    found = counts.copy()
    found[-3] += counts[:-3][alike].sum()
    found[:-3][alike] = 0
    return found


def _rows_of_names(profile: Categorical) -> Ints:
    return np.fromiter(profile.counts.values(), np.int64, len(profile.counts))

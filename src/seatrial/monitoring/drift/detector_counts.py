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
from seatrial.monitoring.summaries.profile import ColumnProfile, Profile
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

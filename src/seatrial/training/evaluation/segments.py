"""The rows of a holdout by segment, as monitoring splits them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.table import Column, column_of
from seatrial.monitoring.summaries.profile import Categorical, Numeric, Profile
from seatrial.monitoring.summaries.profiling import column_profile
from seatrial.monitoring.summaries.segments import Split


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentRows:
    """The rows of one segment.

    Args:
        column: split by.
        value: of the segment, see `summaries.segments`.
        rows: places among the rows given, ascending.
    """

    column: str
    value: str
    rows: NDArray[np.intp]


def segments_of(
    columns: Mapping[str, Column],
    names: Sequence[str],
    rows: NDArray[np.intp],
    profile: Profile | None,
) -> Iterator[SegmentRows]:
    """The segments that have rows, column by column.

    Args:
        columns: of the holdout.
        names: columns to split by.
        rows: of the holdout, that are compared.
        profile: of the version in production, whose segments are taken where it has the column; the
            others are split by their own values.
    Raises: NoSuchSegment: a column of texts or vectors.
    """
    for name in names:
        column = column_of(columns[name], rows)
        split = Split(_profile(name, column, profile), name)
        places = split.places(column)
        for place in np.unique(places).tolist():
            yield SegmentRows(
                column=name, value=split.values[place], rows=np.flatnonzero(places == place)
            )


def _profile(name: str, column: Column, profile: Profile | None) -> Profile:
    known = profile is not None and isinstance(profile.features.get(name), Categorical | Numeric)
    if known and profile is not None:
        return profile
    return Profile(n=len(column), features={name: column_profile(column)})

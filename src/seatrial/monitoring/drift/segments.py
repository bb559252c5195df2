"""Has a segment moved away from the same segment of the reference, and are its data sound?

Many columns of many segments are looked at in every window. Evidence is adjusted over all of them
together, and the chance that a check of quality finds something in an unchanged segment is shared
out among the segments, so that a window with segments has not more false findings than one without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from msgspec import structs

from seatrial.kernel.errors import NotFound
from seatrial.monitoring.drift.compare import beside
from seatrial.monitoring.drift.flaw import Check, Finding, QualityLimits
from seatrial.monitoring.drift.quality import check_quality
from seatrial.monitoring.drift.severity import Severity, worst
from seatrial.monitoring.drift.verdict import ColumnDrift, DriftLimits, WindowDrift, adjusted
from seatrial.monitoring.summaries.counting import coarse
from seatrial.monitoring.summaries.profile import Profile
from seatrial.monitoring.summaries.segment_reference import segment_profile
from seatrial.monitoring.summaries.segments import segment_name
from seatrial.monitoring.summaries.summary import Columns, Summary

LEAST_ROWS = 30
"""Rows of a segment below which the window says nothing of it, as of labelled rows."""

_OF_VALUES = frozenset({Check.MISSING, Check.INFINITE, Check.RANGE, Check.NEW_NAMES})


class NoSegmentReference(NotFound):
    """There is no reference for a segment: a segment is not compared with the whole."""

    code = "monitoring.no_segment_reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentDrift:
    """The rows with one value of a column, beside the reference's rows with it.

    Args:
        column, value: which rows; the value may be one of `summaries.segments`' for the rest.
        drift: each column; none where rows are too few, or the reference has none.
        n_reference: the reference's rows; 0 where it has none, so nothing is compared.
        quality: what is wrong with the values, the worst first.
    """

    column: str
    value: str
    drift: WindowDrift
    n_reference: int
    quality: tuple[Finding, ...] = ()

    @property
    def name(self) -> str:
        """As people call it."""
        return segment_name(self.column, self.value)

    @property
    def severity(self) -> Severity:
        """The worst of drift and quality."""
        return worst((self.drift.severity, *(one.severity for one in self.quality)))

    def surely_moved(self, chance: float) -> tuple[ColumnDrift, ...]:
        """The columns that moved by as much as matters, at a chance that any such is a false one.

        Args: chance: of a false finding in a window without any change, in (0, 1).
        """
        return tuple(column for column in self.drift.moved if column.evidence <= chance)


_LIMITS, _QUALITY = DriftLimits(), QualityLimits()


def compare_segments(
    profile: Profile,
    window: Summary,
    reference: Summary,
    *,
    limits: DriftLimits = _LIMITS,
    quality: QualityLimits = _QUALITY,
    importance: Mapping[str, float] | None = None,
) -> tuple[SegmentDrift, ...]:
    """Compare every segment of a window with the same segment of the reference.

    The column that rows are split by is left out: within a segment it says nothing.

    Args:
        reference: of rows of the reference, counted with the same segments.
        quality: limits of a whole window; their ``alpha`` is shared out among the segments.
    Returns: the worst first; segments that were not compared come last.
    Raises: NoSegmentReference.
    """
    inside = coarse(profile)
    n_parts = sum(len(values) for values in window.segments.values())
    each = replace(quality, alpha=quality.alpha / max(1, n_parts))
    found: list[SegmentDrift] = []
    for column, values in window.segments.items():
        if column not in reference.segments:
            raise NoSegmentReference(
                f"The reference has no segments of {column!r}.",
                remedy="Summarise the reference rows with the same segments; deploy a model again "
                f"with --segments {column}.",
                column=column,
            )
        for value, part in values.items():
            then = reference.segments[column].get(value, Summary())
            now = _without(part, column)
            compared = WindowDrift(n=part.n)
            wrong: tuple[Finding, ...] = ()
            if min(then.n, part.n) >= LEAST_ROWS:
                own = _profile_without(segment_profile(inside, then), column)
                compared = beside(own, now, reference=then, importance=importance or {})
                every = check_quality(own, now, limits=each)
                wrong = tuple(one for one in every if one.check in _OF_VALUES)
            found.append(
                SegmentDrift(
                    column=column, value=value, drift=compared, n_reference=then.n, quality=wrong
                )
            )
    judged = adjusted([one.drift for one in found], limits)
    segments = [replace(one, drift=drift) for one, drift in zip(found, judged, strict=True)]
    return tuple(sorted(segments, key=_order))


def _without(part: Summary, column: str) -> Summary:
    return replace(part, features=_columns_without(part.features, column))


def _columns_without(columns: Columns, column: str) -> Columns:
    return replace(columns, known={n: c for n, c in columns.known.items() if n != column})


def _profile_without(profile: Profile, column: str) -> Profile:
    features = {name: one for name, one in profile.features.items() if name != column}
    return structs.replace(profile, features=features)


def _order(one: SegmentDrift) -> tuple[int, float, bool, str, str]:
    heaviest = max((column.weight for column in one.drift.moved), default=0.0)
    worst_first = -tuple(Severity).index(one.severity)
    return worst_first, -heaviest, not one.drift.features, one.column, one.value

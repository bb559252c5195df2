"""Has a window moved away from the reference?

One window, all its columns, and its segments. An alarm over many windows is another question:
`stats/edetector.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from seatrial.kernel.errors import NotFound
from seatrial.monitoring.drift.comparison import (
    Part,
    compare_columns,
    expected_new_share,
    missing_share,
    new_names,
    summary_of,
)
from seatrial.monitoring.drift.domain import domain_tests
from seatrial.monitoring.drift.severity import Severity
from seatrial.monitoring.drift.verdict import ColumnDrift, DriftLimits, WindowDrift, adjusted
from seatrial.monitoring.summaries.counting import coarse
from seatrial.monitoring.summaries.profile import Categorical, ColumnProfile, Profile
from seatrial.monitoring.summaries.summary import Columns, ColumnSummary, Summary
from seatrial.stats.divergence import (
    Divergence,
    proportion_tail,
    shares_tail,
)


class NoSegmentReference(NotFound):
    """There is no reference for a segment: a segment is not compared with the whole."""

    code = "monitoring.no_segment_reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentDrift:
    """The rows with one value of a column, beside the reference's rows with it."""

    column: str
    value: str
    drift: WindowDrift


_DEFAULT = DriftLimits()


def compare(
    profile: Profile,
    window: Summary,
    *,
    reference: Summary | None = None,
    limits: DriftLimits = _DEFAULT,
    importance: Mapping[str, float] | None = None,
    exact: Mapping[str, Divergence] | None = None,
) -> WindowDrift:
    """Compare a window with the reference.

    Args:
        profile: both were counted against it.
        window: what to judge; may be empty, which moves nothing.
        reference: other rows to compare with than the profile's own sample.
        importance: of features, by name, >= 0.
        exact: Kolmogorov-Smirnov distances of features from raw values, by name.
    """
    beside = _Beside(
        profile=profile, reference=reference, importance=importance or {}, exact=exact or {}
    )
    return adjusted([beside.compared(window)], limits)[0]


def compare_segments(
    profile: Profile,
    window: Summary,
    reference: Summary,
    *,
    limits: DriftLimits = _DEFAULT,
    importance: Mapping[str, float] | None = None,
) -> tuple[SegmentDrift, ...]:
    """Compare every segment of a window with the same segment of the reference.

    Evidence is adjusted over all columns of all segments together.

    Args:
        reference: of rows of the reference, counted with the same segments.
    Returns: the worst first.
    Raises: NoSegmentReference.
    """
    inside = coarse(profile)
    found: list[tuple[str, str]] = []
    drifts: list[WindowDrift] = []
    for column, values in window.segments.items():
        if column not in reference.segments:
            raise NoSegmentReference(
                f"The reference has no segments of {column!r}.",
                remedy="Summarise the reference rows with the same segments.",
                column=column,
            )
        for value, part in values.items():
            beside = reference.segments[column].get(value)
            if beside is not None:
                found.append((column, value))
                drifts.append(
                    _Beside(
                        profile=inside, reference=beside, importance=importance or {}, exact={}
                    ).compared(part)
                )
    segments = [
        SegmentDrift(column=column, value=value, drift=drift)
        for (column, value), drift in zip(found, adjusted(drifts, limits), strict=True)
    ]
    return tuple(sorted(segments, key=lambda s: _segment_order(s.drift)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """A reference and what is known of its features."""

    profile: Profile
    reference: Summary | None
    importance: Mapping[str, float]
    exact: Mapping[str, Divergence]

    def compared(self, window: Summary) -> WindowDrift:
        """All columns, evidence not adjusted yet."""
        then = self.reference
        return WindowDrift(
            n=window.n,
            features=self._columns(
                self.profile.features, window.features, then.features if then else None
            ),
            predictions=self._columns(
                self.profile.predictions, window.predictions, then.predictions if then else None
            ),
        )

    def _columns(
        self, profiles: Mapping[str, ColumnProfile], current: Columns, beside: Columns | None
    ) -> tuple[ColumnDrift, ...]:
        found = []
        for name, profile in profiles.items():
            now = current.known.get(name)
            then = summary_of(profile) if beside is None else beside.known.get(name)
            if now is not None and then is not None:
                parts = compare_columns(profile, then, now, self.exact.get(name))
                drift = _column(name, profile, then, now, parts)
                found.append(replace(drift, importance=self.importance.get(name, 1.0)))
        return tuple(found)


def _column(
    name: str,
    profile: ColumnProfile,
    reference: ColumnSummary,
    current: ColumnSummary,
    parts: tuple[Part, ...],
) -> ColumnDrift:
    """A column before its evidence is adjusted: without severity and reason."""
    was, now = missing_share(reference), missing_share(current)
    n_new, names = new_names(current)
    present = current.n - current.n_missing
    tests = {
        "shape": min(1.0, len(parts) * min(part.p_value for part in parts)) if parts else 1.0,
        "missing": shares_tail(reference.n_missing, reference.n, current.n_missing, current.n),
    }
    expected = 0.0
    if isinstance(profile, Categorical):
        expected = expected_new_share(profile)
        tests["new"] = proportion_tail(n_new, present, expected)
    classifier = domain_tests(profile, reference, current)
    if classifier:
        tests["classifier"] = min(1.0, len(classifier) * classifier[0].p_value)
    effects = [part.psi.corrected for part in parts if part.psi is not None]
    return ColumnDrift(
        name=name,
        kind=type(profile).__name__.lower(),
        n=reference.n,
        m=current.n,
        parts=parts,
        classifier=classifier,
        missing_share=now,
        missing_shift=0.0 if was is None or now is None else now - was,
        new_share=n_new / present if present else 0.0,
        new_expected=expected,
        new_names=names,
        tests=tests,
        p_value=min(1.0, len(tests) * min(tests.values())),
        evidence=1.0,
        effect=max(effects) if effects else None,
        severity=Severity.NONE,
        importance=1.0,
        reason="",
    )


def _segment_order(drift: WindowDrift) -> tuple[int, float]:
    heaviest = max((column.weight for column in drift.moved), default=0.0)
    return -tuple(Severity).index(drift.severity), -heaviest

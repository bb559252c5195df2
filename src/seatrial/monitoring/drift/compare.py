"""Has a window moved away from the reference?

One window and all its columns; its segments are `drift/segments.py`'s business. An alarm over many
windows is another question: `stats/edetector.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

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
from seatrial.monitoring.summaries.profile import Categorical, ColumnProfile, Profile
from seatrial.monitoring.summaries.summary import Columns, ColumnSummary, Summary
from seatrial.stats.divergence import (
    Divergence,
    proportion_tail,
    shares_tail,
)

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


def beside(
    profile: Profile, window: Summary, *, reference: Summary, importance: Mapping[str, float]
) -> WindowDrift:
    """A window beside other rows, column by column; evidence is not adjusted, nothing judged yet.

    Args: as of `compare`; `verdict.adjusted` judges several such windows together.
    """
    return _Beside(profile=profile, reference=reference, importance=importance, exact={}).compared(
        window
    )


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

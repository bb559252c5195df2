"""What moved in a window, how sure that is, and how bad.

A severity needs both evidence and effect. Evidence is a test per column, adjusted so that among the
columns called moved at most a share ``alpha`` is wrong on average (Benjamini-Hochberg); the effect
is what PSI's customary thresholds grade, with its small-sample bias removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from seatrial.monitoring.drift.comparison import Part, graded_new
from seatrial.monitoring.drift.severity import Severity, graded, worst
from seatrial.stats.divergence import Divergence, benjamini_hochberg
from seatrial.stats.domain_classifier import DomainTest
from seatrial.stats.roc import RocAuc


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftLimits:
    """What size of effect matters, and how sure one must be.

    Args:
        alpha: in (0, 1), share of false ones among the columns called moved.
        psi_warning, psi_critical: bias-corrected PSI.
        missing_warning, missing_critical: difference of the shares of missing values.
        new_warning, new_critical: share of rows with new names beyond the expected one; more
            where that is large.
        auc_warning, auc_critical: area under the ROC curve of a classifier of vectors. 0.6 is
            where one normal number has moved by 0.36 standard deviations, a PSI of 0.13; 0.7, by
            0.74, is customarily called acceptable discrimination (Hosmer, Lemeshow and Sturdivant
            2013, Applied Logistic Regression, 5.2.4).
    """

    alpha: float = 0.01
    psi_warning: float = 0.1
    psi_critical: float = 0.2
    missing_warning: float = 0.05
    missing_critical: float = 0.2
    new_warning: float = 0.01
    new_critical: float = 0.1
    auc_warning: float = 0.6
    auc_critical: float = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDrift:
    """One column of a window beside the reference.

    Args:
        name: of the column.
        kind: ``numeric``, ``categorical``, ``text`` or ``embedding``.
        n, m: rows of reference and window, missing ones included.
        parts: its distributions, compared; one for numbers and names.
        missing_share: of the window; None without rows.
        missing_shift: difference to the reference.
        new_share: rows with names that the reference does not know.
        new_expected: that share when nothing changes.
        new_names: some of them, with their rows.
        classifier: of vectors: the rows told apart, the clearest view first; empty with few rows.
        tests: p-values of ``shape``, ``missing``, for names ``new`` and for vectors
            ``classifier``.
        p_value: that nothing differs, by all of them together.
        evidence: the p-value adjusted over all columns of the window.
        effect: bias-corrected PSI of the worst part; None where rows are too few.
        severity: of an effect for which there is evidence.
        importance: for the model, >= 0; 1 where it is not known.
        reason: a sentence for a person.
    """

    name: str
    kind: str
    n: int
    m: int
    parts: tuple[Part, ...]
    classifier: tuple[DomainTest, ...]
    missing_share: float | None
    missing_shift: float
    new_share: float
    new_expected: float
    new_names: Mapping[str, int]
    tests: Mapping[str, float]
    p_value: float
    evidence: float
    effect: float | None
    severity: Severity
    importance: float
    reason: str

    @property
    def weight(self) -> float:
        """Importance times the largest effect; columns are ranked by it.

        Of a classifier, the effect is Somers' D, 2 AUC - 1: at its limits what PSI is at its own.
        """
        new = max(0.0, self.new_share - self.new_expected)
        apart = 2 * max(self.auc or 0.5, 0.5) - 1
        return self.importance * max(self.effect or 0.0, abs(self.missing_shift), new, apart)

    @property
    def auc(self) -> float | None:
        """How well a classifier tells the rows apart; None for other kinds and few rows."""
        return self.classifier[0].auc.value if self.classifier else None

    @property
    def psi(self) -> Divergence | None:
        """Of the part that moved most; None where rows are too few."""
        measured = [part.psi for part in self.parts if part.psi is not None]
        return max(measured, key=lambda psi: psi.corrected, default=None)

    @property
    def ks(self) -> Divergence | None:
        """Of the part that moved most; None for names."""
        measured = [part.ks for part in self.parts if part.ks is not None]
        return max(measured, key=lambda ks: ks.value, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowDrift:
    """A window beside the reference.

    Args:
        n: rows of the window.
        features, predictions: by weight, the heaviest first.
    """

    n: int
    features: tuple[ColumnDrift, ...] = ()
    predictions: tuple[ColumnDrift, ...] = ()

    @property
    def severity(self) -> Severity:
        """The worst of any column."""
        return worst(column.severity for column in (*self.features, *self.predictions))

    @property
    def moved(self) -> tuple[ColumnDrift, ...]:
        """The columns with a severity, the heaviest first."""
        both = (*self.features, *self.predictions)
        found = [column for column in both if column.severity is not Severity.NONE]
        return tuple(sorted(found, key=by_weight))


def adjusted(drifts: Sequence[WindowDrift], limits: DriftLimits) -> list[WindowDrift]:
    """Windows with their evidence, adjusted over all columns of all of them, and severities."""
    columns = [column for drift in drifts for column in (*drift.features, *drift.predictions)]
    evidence = iter(benjamini_hochberg([column.p_value for column in columns]))

    def judged(some: Iterable[ColumnDrift]) -> tuple[ColumnDrift, ...]:
        found = [_judged(column, next(evidence), limits) for column in some]
        return tuple(sorted(found, key=by_weight))

    return [
        WindowDrift(n=d.n, features=judged(d.features), predictions=judged(d.predictions))
        for d in drifts
    ]


def _judged(column: ColumnDrift, evidence: float, limits: DriftLimits) -> ColumnDrift:
    if evidence > limits.alpha:
        return replace(column, evidence=evidence, reason=_quiet(column, evidence))
    sure = {name for name, p in column.tests.items() if p * len(column.tests) <= limits.alpha}
    found: list[tuple[Severity, str]] = []
    psi = column.psi
    if "shape" in sure and psi is not None:
        grade = graded(psi.corrected, warning=limits.psi_warning, critical=limits.psi_critical)
        found.append((grade, _size(psi, grade, limits)))
    if "classifier" in sure and column.classifier:
        auc = column.classifier[0].auc
        grade = graded(auc.value, warning=limits.auc_warning, critical=limits.auc_critical)
        found.append((grade, _told_apart(auc, grade, limits)))
    if "missing" in sure:
        grade = graded(
            abs(column.missing_shift),
            warning=limits.missing_warning,
            critical=limits.missing_critical,
        )
        now = column.missing_share or 0.0
        was = now - column.missing_shift
        found.append((grade, f"{now:.1%} missing instead of {was:.1%}"))
    if "new" in sure:
        limit = (limits.new_warning, limits.new_critical)
        grade = graded_new(column.new_share, column.new_expected, limit)
        names = ", ".join(repr(name)[:40] for name in list(column.new_names)[:3])
        found.append((grade, f"{column.new_share:.1%} new values ({names})"))
    severity = worst(grade for grade, _ in found)
    reason = "; ".join(text for grade, text in found if grade is severity)
    if column.effect is None:
        reason = f"{reason}; " if severity is not Severity.NONE else ""
        reason += f"too few rows to measure PSI ({column.m} of the window, {column.n} before)"
    elif severity is Severity.NONE:
        reason = f"moved, but by little: {reason}"
    return replace(column, evidence=evidence, severity=severity, reason=f"{reason}.")


def _quiet(column: ColumnDrift, evidence: float) -> str:
    if column.m == 0:
        return "no rows in the window."
    if column.n == 0:
        return "no rows in the reference."
    if column.m == round(column.m * (column.missing_share or 0.0)):
        return "nothing but missing values, as before."
    if column.effect is None:
        return f"too few rows to measure PSI ({column.m} of the window, {column.n} before)."
    return f"no evidence of a change (adjusted p {evidence:.2g})."


def _size(psi: Divergence, grade: Severity, limits: DriftLimits) -> str:
    text = f"PSI {psi.corrected:.2f} +- {psi.standard_error or 0.0:.2f}"
    if grade is Severity.NONE:
        return text
    limit = limits.psi_critical if grade is Severity.CRITICAL else limits.psi_warning
    return f"{text} ({grade} from {limit:g})"


def _told_apart(auc: RocAuc, grade: Severity, limits: DriftLimits) -> str:
    area = f"AUC {auc.value:.2f} +- {auc.standard_error:.2f}"
    if grade is Severity.NONE:
        return f"scores of a classifier moved, {area}"
    limit = limits.auc_critical if grade is Severity.CRITICAL else limits.auc_warning
    return f"told apart with {area} ({grade} from {limit:g})"


def by_weight(column: ColumnDrift) -> tuple[bool, float, str]:
    """Sorts columns: those with a severity first, each kind by what matters to the model."""
    return column.severity is Severity.NONE, -column.weight, column.name

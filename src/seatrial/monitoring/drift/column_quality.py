"""Are the values of a column sound? Missing and infinite ones, ranges, new names."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seatrial.monitoring.drift.comparison import expected_new_share, graded_new, summary_of
from seatrial.monitoring.drift.flaw import Check, Finding, QualityLimits
from seatrial.monitoring.drift.severity import Severity, graded
from seatrial.monitoring.summaries.profile import Categorical, ColumnProfile, Embedding, Numeric
from seatrial.monitoring.summaries.summary import ColumnSummary, Embeddings, Names, Numbers
from seatrial.stats.divergence import proportion_tail, shares_tail

_ENOUGH_TO_VARY = 20


def column_flaws(
    name: str, profile: ColumnProfile, column: ColumnSummary, limits: QualityLimits
) -> Iterator[Finding]:
    """What is wrong with the values of one column."""
    if column.n == 0:
        return
    yield from _missing(name, summary_of(profile), column, limits)
    if isinstance(profile, Numeric) and isinstance(column, Numbers):
        if not profile.n_infinite:
            yield from _infinite(name, column.n_infinite, column.n, limits, "are infinite")
        yield from _range(name, profile, column, limits)
        yield from _constant(name, profile, column)
    if isinstance(profile, Embedding) and isinstance(column, Embeddings) and not profile.n_invalid:
        said = "have a number that is not finite"
        yield from _infinite(name, column.n_invalid, column.n, limits, said)
    if isinstance(profile, Categorical) and isinstance(column, Names):
        yield from _new_names(name, profile, column, limits)


def _missing(
    name: str, reference: ColumnSummary, column: ColumnSummary, limits: QualityLimits
) -> Iterator[Finding]:
    now = column.n_missing / column.n
    was = reference.n_missing / reference.n if reference.n else 0.0
    severity = graded(now - was, warning=limits.missing[0], critical=limits.missing[1])
    tail = shares_tail(reference.n_missing, reference.n, column.n_missing, column.n)
    if severity is not Severity.NONE and tail <= limits.alpha:
        yield Finding(
            check=Check.MISSING,
            column=name,
            value=f"{now:.1%} missing",
            expected=f"{was:.1%}",
            severity=severity,
            remedy=f"Find out where {name!r} gets lost on its way to the model.",
        )


def _infinite(
    name: str, n: int, n_rows: int, limits: QualityLimits, said: str
) -> Iterator[Finding]:
    share = n / n_rows
    if share > limits.infinite[0]:
        critical = share >= limits.infinite[1]
        yield Finding(
            check=Check.INFINITE,
            column=name,
            value=f"{n:,} of {n_rows:,} {said}",
            expected="none",
            severity=Severity.CRITICAL if critical else Severity.WARNING,
            remedy=f"Look for a division by zero or an overflow in what computes {name!r}.",
        )


def _range(
    name: str, profile: Numeric, column: Numbers, limits: QualityLimits
) -> Iterator[Finding]:
    low, high = profile.lowest, profile.highest
    present = column.n_present
    if low is None or high is None or column.lowest is None or column.highest is None:
        return
    ends = _ends(profile, column)
    n_outside = sum(max(0, n - round(present * known)) for n, known in ends)
    severity = graded(n_outside / present, warning=limits.outside[0], critical=limits.outside[1])
    if _beyond_tail(profile, column) > limits.alpha:
        severity = Severity.NONE
    reach = limits.far * max(high - low, abs(high) * 0.1, abs(low) * 0.1)
    if (
        severity is Severity.NONE
        and not low - reach <= column.lowest <= column.highest <= high + reach
    ):
        severity = Severity.WARNING
    if severity is not Severity.NONE:
        yield Finding(
            check=Check.RANGE,
            column=name,
            value=f"{column.lowest:g} to {column.highest:g}, {n_outside:,} of {present:,} outside",
            expected=f"{low:g} to {high:g}",
            severity=severity,
            remedy=f"Check the unit and the source of {name!r}.",
        )


def _beyond_tail(profile: Numeric, column: Numbers) -> float:
    """P-value of "as many lie beyond the ends of the range as of the reference"."""
    n, present = int(np.sum(profile.counts)), column.n_present
    clean, tails = 0, []
    for n_beyond, share in _ends(profile, column):
        if share:
            tails.append(shares_tail(round(share * n), n, n_beyond, present))
        else:
            clean += n_beyond
    # A new value lies outside the range of n others with the chance 2 / (n + 1).
    return min([proportion_tail(clean, present, min(1.0, 2 / (n + 1))), *tails])


def _ends(profile: Numeric, column: Numbers) -> list[tuple[int, float]]:
    """Rows below the first edge and above the last one, with the shares of the reference there.

    Edges lie where counting is cheap, so rows of the reference itself may lie beyond them.
    """
    if len(column.counts) < 2:
        return []
    n = max(1, int(np.sum(profile.counts)))
    return [(int(column.counts[end]), profile.counts[end] / n) for end in (0, -1)]


def _constant(name: str, profile: Numeric, column: Numbers) -> Iterator[Finding]:
    varied = profile.lowest != profile.highest
    stuck = column.lowest is not None and column.lowest == column.highest
    # A value that half of the reference has may well fill a small window.
    frequent = max(profile.counts) / max(1, sum(profile.counts))
    by_chance = frequent ** min(column.n_present, 1_000)
    if varied and stuck and column.n_present >= _ENOUGH_TO_VARY and by_chance < 1e-4:
        yield Finding(
            check=Check.CONSTANT,
            column=name,
            value=f"always {column.lowest:g}",
            expected=f"{profile.lowest:g} to {profile.highest:g}",
            severity=Severity.CRITICAL,
            remedy=f"Check whether the source of {name!r} is stuck or filled with a default.",
        )


def _new_names(
    name: str, profile: Categorical, column: Names, limits: QualityLimits
) -> Iterator[Finding]:
    if not column.n_new:
        return
    expected = expected_new_share(profile)
    share = column.n_new / column.n_present
    severity = graded_new(share, expected, limits.new_names)
    if proportion_tail(column.n_new, column.n_present, expected) > limits.alpha:
        return
    if severity is not Severity.NONE:
        names = ", ".join(repr(new)[:40] for new in list(column.newcomers)[:3])
        yield Finding(
            check=Check.NEW_NAMES,
            column=name,
            value=f"{share:.1%} with new values ({names})",
            expected=f"about {expected:.2%}",
            severity=severity,
            remedy=f"Map the new values of {name!r}, or train on rows that have them.",
        )

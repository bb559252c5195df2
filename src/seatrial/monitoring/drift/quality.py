"""Is a window's data sound? Columns, types, missing values, ranges, new names, repeats, age.

Every finding says what was found, what was to be expected from the reference, and what to do. How
the distribution of sound values moved is `drift/compare.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np

from seatrial.monitoring.drift.comparison import expected_new_share, graded_new, summary_of
from seatrial.monitoring.drift.severity import Severity, graded
from seatrial.monitoring.summaries.profile import (
    Categorical,
    ColumnProfile,
    Embedding,
    Numeric,
    Profile,
)
from seatrial.monitoring.summaries.summary import (
    Columns,
    ColumnSummary,
    Embeddings,
    Names,
    Numbers,
    Summary,
)
from seatrial.stats.divergence import proportion_tail, shares_tail


class Check(StrEnum):
    """What was looked at."""

    EMPTY = "empty"
    ABSENT = "absent"
    STRANGE = "strange"
    KIND = "kind"
    MISSING = "missing"
    INFINITE = "infinite"
    RANGE = "range"
    CONSTANT = "constant"
    NEW_NAMES = "new names"
    REPEATS = "repeats"
    AGE = "age"
    FUTURE = "future"
    UNTIMED = "untimed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong with a window's data.

    Args:
        check: what was looked at.
        column: where; empty for the window as a whole.
        value: what was found, as a person reads it.
        expected: what the reference or the limits say.
        severity: never none.
        remedy: what to do next.
    """

    check: Check
    column: str
    value: str
    expected: str
    severity: Severity
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityLimits:
    """From where on a finding is one, as (warning, critical).

    Args:
        alpha: in (0, 1), the chance that an unchanged column is found wanting by one check.
        missing: growth of the share of missing values.
        infinite: share of infinite values, when the reference had none.
        outside: share of numbers outside the reference's range.
        far: how many widths of the range a single number may lie outside of it.
        new_names: share of rows with names the reference does not know.
        repeats: growth of the share of rows that repeat another.
        max_age: of the latest row; None does not look.
    """

    alpha: float = 1e-4
    missing: tuple[float, float] = (0.05, 0.2)
    infinite: tuple[float, float] = (0.0, 0.01)
    outside: tuple[float, float] = (0.001, 0.05)
    far: float = 10.0
    new_names: tuple[float, float] = (0.01, 0.1)
    repeats: tuple[float, float] = (0.05, 0.3)
    max_age: timedelta | None = None


_DEFAULT = QualityLimits()
_CLOCKS_DIFFER_BY = timedelta(minutes=5)
_ENOUGH_TO_VARY = 20


def check_quality(
    profile: Profile,
    window: Summary,
    *,
    limits: QualityLimits = _DEFAULT,
    now: datetime | None = None,
) -> tuple[Finding, ...]:
    """What is wrong with a window's data, the worst first.

    Args:
        profile: the window was counted against it.
        now: aware; ages are judged when it is given.
    """
    found = list(_whole(profile, window, limits))
    if window.n:
        found.extend(_columns(profile.features, window.features, limits))
        # A log without answers is one of inputs alone; a missing column of many is not.
        if window.predictions.known:
            found.extend(_columns(profile.predictions, window.predictions, limits))
    if now is not None:
        found.extend(_ages(window, limits, now))
    order = tuple(Severity)
    return tuple(sorted(found, key=lambda f: (-order.index(f.severity), f.column, f.check)))


def _whole(profile: Profile, window: Summary, limits: QualityLimits) -> Iterator[Finding]:
    if window.n == 0:
        yield Finding(
            check=Check.EMPTY,
            column="",
            value="no rows",
            expected="at least one",
            severity=Severity.WARNING,
            remedy="Check that requests reach the endpoint and that its log is being read.",
        )
        return
    was = profile.repeat_share
    # The share grows with the rows; and with a column gone, rows are alike for no fault of theirs.
    if was is not None and window.n <= profile.n and not window.features.absent:
        share = window.repeats.share
        severity = graded(share - was, warning=limits.repeats[0], critical=limits.repeats[1])
        if severity is not Severity.NONE:
            yield Finding(
                check=Check.REPEATS,
                column="",
                value=f"{share:.1%} of rows repeat another",
                expected=f"about {was:.1%}",
                severity=severity,
                remedy="Look for a client that sends twice, or a join that multiplies rows.",
            )
    if window.n_untimed:
        none_has_one = window.n_untimed == window.n
        yield Finding(
            check=Check.UNTIMED,
            column="",
            value=f"{window.n_untimed:,} of {window.n:,} rows have no time",
            expected="a time in every row",
            severity=Severity.CRITICAL if none_has_one else Severity.WARNING,
            remedy="Fill the time column where rows are written.",
        )


def _ages(window: Summary, limits: QualityLimits, now: datetime) -> Iterator[Finding]:
    if window.last_us is None:
        return
    last = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=window.last_us)
    if last - now > _CLOCKS_DIFFER_BY:
        yield Finding(
            check=Check.FUTURE,
            column="",
            value=f"the latest row is of {last:%Y-%m-%d %H:%M} UTC",
            expected=f"not after {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            severity=Severity.WARNING,
            remedy="Check the time zone and the clock of what writes the time column.",
        )
    if limits.max_age is not None and now - last > limits.max_age:
        late = (now - last) / limits.max_age
        yield Finding(
            check=Check.AGE,
            column="",
            value=f"the latest row is {_long(now - last)} old",
            expected=f"at most {_long(limits.max_age)}",
            severity=graded(late, warning=1.0, critical=3.0),
            remedy="Check that the log is still written and read.",
        )


def _columns(
    profiles: Mapping[str, ColumnProfile], columns: Columns, limits: QualityLimits
) -> Iterator[Finding]:
    for name, n in columns.absent.items():
        yield Finding(
            check=Check.ABSENT,
            column=name,
            value=f"not there in {n:,} rows",
            expected="there in every row",
            severity=Severity.CRITICAL,
            remedy=f"Send {name!r} again, or deploy a model that does without.",
        )
    for name, n in columns.strange.items():
        yield Finding(
            check=Check.STRANGE,
            column=name,
            value=f"there in {n:,} rows",
            expected="not in the reference",
            severity=Severity.WARNING,
            remedy=f"Leave {name!r} out of the watch, or deploy a model with it.",
        )
    for (name, kind), n in columns.misread.items():
        yield Finding(
            check=Check.KIND,
            column=name,
            value=f"{kind} in {n:,} rows",
            expected=_kind(profiles[name]),
            severity=Severity.CRITICAL,
            remedy=f"Send {name!r} as it was when the model was made.",
        )
    for name, column in columns.known.items():
        yield from _column(name, profiles[name], column, limits)


def _column(
    name: str, profile: ColumnProfile, column: ColumnSummary, limits: QualityLimits
) -> Iterator[Finding]:
    if column.n == 0:
        return
    yield from _missing(name, summary_of(profile), column, limits)
    if isinstance(profile, Numeric) and isinstance(column, Numbers):
        yield from _infinite(name, profile, column, limits)
        yield from _range(name, profile, column, limits)
        yield from _constant(name, profile, column)
    if isinstance(column, Embeddings):
        yield from _invalid(name, profile, column, limits)
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
    name: str, profile: Numeric, column: Numbers, limits: QualityLimits
) -> Iterator[Finding]:
    share = column.n_infinite / column.n
    if share > limits.infinite[0] and profile.n_infinite == 0:
        critical = share >= limits.infinite[1]
        yield Finding(
            check=Check.INFINITE,
            column=name,
            value=f"{column.n_infinite:,} of {column.n:,} are infinite",
            expected="none",
            severity=Severity.CRITICAL if critical else Severity.WARNING,
            remedy=f"Look for a division by zero or an overflow in what computes {name!r}.",
        )


def _invalid(
    name: str, profile: ColumnProfile, column: Embeddings, limits: QualityLimits
) -> Iterator[Finding]:
    share = column.n_invalid / column.n
    if not isinstance(profile, Embedding) or profile.n_invalid or share <= limits.infinite[0]:
        return
    yield Finding(
        check=Check.INFINITE,
        column=name,
        value=f"{column.n_invalid:,} of {column.n:,} have a number that is not finite",
        expected="none",
        severity=Severity.CRITICAL if share >= limits.infinite[1] else Severity.WARNING,
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


def _kind(profile: ColumnProfile) -> str:
    return {
        "Numeric": "numbers",
        "Categorical": "names",
        "Text": "texts",
        "Embedding": "vectors",
    }[type(profile).__name__]


def _long(span: timedelta) -> str:
    minutes = span / timedelta(minutes=1)
    if minutes < 120:
        return f"{minutes:.0f} minutes"
    return f"{minutes / 60:.0f} hours" if minutes < 48 * 60 else f"{minutes / 1440:.0f} days"

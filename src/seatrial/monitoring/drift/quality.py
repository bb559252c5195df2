"""Is a window's data sound? Its columns and their types, repeats, age, and the values of each.

Every finding says what was found, what was to be expected from the reference, and what to do. How
the distribution of sound values moved is `drift/compare.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from seatrial.monitoring.drift.column_quality import column_flaws
from seatrial.monitoring.drift.flaw import Check, Finding, QualityLimits
from seatrial.monitoring.drift.severity import Severity, graded
from seatrial.monitoring.summaries.profile import ColumnProfile, Profile
from seatrial.monitoring.summaries.summary import Columns, Summary

_DEFAULT = QualityLimits()
_CLOCKS_DIFFER_BY = timedelta(minutes=5)


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
        yield from column_flaws(name, profiles[name], column, limits)


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

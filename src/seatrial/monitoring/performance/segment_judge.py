"""Which segments do worse than they did: functions of the sums, the reference and the rules.

A segment is held against the same segment of the reference; where the reference has too few
labelled rows of it, against the whole, and that is said. Each look asks of every segment, over the
newest 1, 4 and 16 windows, whether it is worse by more than the warning drop: an abrupt drop shows
in one window, a small one or that of a rare value in many. The p-values of all these questions are
adjusted together (`stats/holm.py`), so a look calls even one segment wrongly with the chance asked
for, however many segments there are.

Means are taken to be normal, with variances that a small reference cannot make too small by lacking
its bad rows (`_Against.of_means`). Without a change, 30 rows of reference beside 4,000: of a
regressor's log-normal errors 3.5 % of p-values were under 0.0001 with each side's own variance, and
none of 4,000 this way; of an accuracy of 60 % 0.08 %, and 0.0003 % this way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from seatrial.monitoring.performance.reference import PerformanceReference
from seatrial.monitoring.performance.segment_reference import SegmentReference
from seatrial.monitoring.performance.segment_sums import Moments, SegmentSums
from seatrial.monitoring.performance.verdict import Level, PerformanceRules
from seatrial.monitoring.summaries.segments import segment_name
from seatrial.stats.counts import Interval
from seatrial.stats.holm import holm

SCALES = (1, 4, 16)
"""Newest windows that are looked at together."""

LOOK_LABELS = 100
"""New labels between two looks at what they say: each look is a chance of a false alarm."""

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRules:
    """When a segment's drop is one.

    Args:
        performance: how large it must be, and how many rows must show it.
        budget_windows: windows per false alarm, over all segments together, >= 1.
    """

    performance: PerformanceRules
    budget_windows: float = 10_000.0

    def chance(self, *, labels: bool, window_rows: int) -> float:
        """That one look calls a segment wrongly.

        Args: whether it is at labels, which are looked at several times in a window's worth.
        """
        looks = max(1.0, window_rows / LOOK_LABELS) if labels else 1.0
        return 1.0 / (self.budget_windows * looks)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentVerdict:
    """The performance of one segment.

    Args:
        column, value: which rows.
        level: what it means; UNKNOWN with too few rows.
        n: rows it rests on: predictions of an estimate, labelled ones of a measurement.
        windows: newest windows they are of.
        performance: accuracy, or MAE; None with too few rows.
        interval: of it.
        reference: the same of the reference; ``of_whole`` whether of all its rows together.
        drop: > 0 is worse; of accuracy in points, of the MAE relative to the reference's.
        p_value: that the drop is not over the warning drop, adjusted over all segments.
    """

    column: str
    value: str
    level: Level
    n: int
    windows: int
    performance: float | None
    interval: Interval | None
    reference: float
    of_whole: bool
    drop: float | None
    p_value: float | None

    @property
    def name(self) -> str:
        """As people call it."""
        return segment_name(self.column, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A segment over some windows, held against its reference."""

    place: int
    windows: int
    n: int
    performance: float
    variance: float
    reference: float
    of_whole: bool
    worse: float
    p_value: float


def judge_segments(
    windows: Mapping[int, SegmentSums],
    known: SegmentReference,
    reference: PerformanceReference,
    rules: SegmentRules,
    *,
    labels: bool,
    chance: float,
) -> tuple[SegmentVerdict, ...]:
    """The performance of every segment that has a row, those in trouble first, the worst leading.

    Args:
        windows: sums by index.
        labels: whether to judge by labels, else by scores alone.
        chance: that even one segment is called wrongly, in (0, 1).
    """
    newest = _newest(windows, known.whole, labels=labels)
    if not newest:
        return ()
    pooled = {k: _sum(newest[:k]) for k in sorted({min(k, len(newest)) for k in SCALES})}
    shares = reference.classes is not None
    against = _Against(known=known, rules=rules.performance, shares=shares, width=reference.width)
    held = [
        found
        for place in range(known.whole)
        for k, sums in pooled.items()
        if (found := _held(sums, place, k, against, labels=labels))
    ]
    adjusted = holm([one.p_value for one in held]).tolist()
    by_place: dict[int, list[tuple[float, _Held]]] = {}
    for p, one in zip(adjusted, held, strict=True):
        by_place.setdefault(one.place, []).append((p, one))
    everything = pooled[max(pooled)]
    verdicts = []
    for place in range(known.whole):
        n = everything.outcome(place).n if labels else everything.n(place)
        if place in by_place:
            verdicts.append(_verdict(by_place[place], known, reference, rules, chance))
        elif n:
            verdicts.append(_too_few(place, n, max(pooled), known, reference))
    return tuple(sorted(verdicts, key=_order))


def _newest(windows: Mapping[int, SegmentSums], whole: int, *, labels: bool) -> list[SegmentSums]:
    """The newest windows with rows to judge by, the newest first."""
    order = sorted(windows, reverse=True)
    found = [windows[index] for index in order]
    if labels:
        found = [sums for sums in found if sums.outcome(whole).n]
    return found[: max(SCALES)]


def _sum(windows: Sequence[SegmentSums]) -> SegmentSums:
    total = windows[0]
    for sums in windows[1:]:
        total += sums
    return total


def _held(
    sums: SegmentSums, place: int, windows: int, against: _Against, *, labels: bool
) -> _Held | None:
    """A segment against its reference; None with too few rows on either side."""
    known, rules = against.known, against.rules
    now = sums.outcome(place) if labels else sums.expected(place)
    least = rules.least_labelled * against.width
    of_whole = known.sums.outcome(place).n < least
    then = known.whole if of_whole else place
    was, expected = known.sums.outcome(then), known.sums.expected(then)
    if min(now.n, was.n) < least:
        return None
    sign = -1.0 if against.shares else 1.0
    if labels or of_whole:
        performance, worse = now.mean, sign * (now.mean - was.mean)
        of_now, of_was = against.of_means(now, was)
        variance = of_now
    else:
        # What scores say wrongly of the segment they said wrongly of the reference too.
        performance = was.mean + now.mean - expected.mean
        worse = sign * (now.mean - expected.mean)
        variance = now.of_mean + max(0.0, was.variance - expected.variance) / was.n
        row = max(now.variance, expected.variance)
        of_now, of_was = row / now.n, row / expected.n
    scale, limit = (1.0, 0.0) if against.shares else (was.mean, rules.warning_drop)
    error = math.sqrt(of_now + of_was + limit**2 * was.of_mean * against.width)
    excess = worse - rules.warning_drop * scale
    return _Held(
        place=place,
        windows=windows,
        n=now.n,
        performance=performance,
        variance=variance,
        reference=was.mean,
        of_whole=of_whole,
        worse=worse / scale if scale else 0.0,
        p_value=1 - _NORMAL.cdf(excess / error) if error else float(excess <= 0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Against:
    """What segments are held against.

    Args: width: numbers of an answer, which err together; each counts as a prediction.
    """

    known: SegmentReference
    rules: PerformanceRules
    shares: bool
    width: int

    def of_means(self, now: Moments, was: Moments) -> tuple[float, float]:
        """The variances of two means, each as its own rows have it, or larger.

        A small reference that happens to lack its bad rows is sure of too good a mean. So the
        variance of one row is at least that of a share of both sides together; errors are taken to
        scatter about the larger mean in proportion to it, as those of the whole reference do.
        """
        if self.shares:
            right = sum(one.mean * one.n for one in (now, was))
            shares = [(one.mean * one.n + 1) / (one.n + 2) for one in (now, was)]
            shares.append((right + 1) / (now.n + was.n + 2))
            of_now, of_was, of_both = (share * (1 - share) for share in shares)
        else:
            whole = self.known.sums.outcome(self.known.whole)
            relative = whole.variance / whole.mean**2 if whole.mean else 0.0
            of_now, of_was = now.variance, was.variance
            of_both = relative * max(now.mean, was.mean) ** 2
        return max(of_now, of_both) * self.width / now.n, max(of_was, of_both) * self.width / was.n


def _verdict(
    found: Sequence[tuple[float, _Held]],
    known: SegmentReference,
    reference: PerformanceReference,
    rules: SegmentRules,
    chance: float,
) -> SegmentVerdict:
    """Of the windows that show it best when it is in trouble, else of the most there are."""
    p_value, one = min(found, key=lambda item: (item[0], item[1].windows))
    level = Level.CLEAR
    if p_value <= chance:
        critical = one.worse >= rules.performance.critical_drop
        level = Level.CRITICAL if critical else Level.WARNING
    else:
        p_value, one = max(found, key=lambda item: item[1].windows)
    z = _NORMAL.inv_cdf((1 + rules.performance.interval_share) / 2)
    half, top = z * math.sqrt(one.variance), 1.0 if reference.classes is not None else math.inf
    column, value = known.pairs[one.place]
    return SegmentVerdict(
        column=column,
        value=value,
        level=level,
        n=one.n,
        windows=one.windows,
        performance=_within(one.performance, top),
        interval=Interval(
            lower=_within(one.performance - half, top), upper=_within(one.performance + half, top)
        ),
        reference=one.reference,
        of_whole=one.of_whole,
        drop=one.worse,
        p_value=p_value,
    )


def _too_few(
    place: int, n: int, windows: int, known: SegmentReference, reference: PerformanceReference
) -> SegmentVerdict:
    own = known.sums.outcome(place)
    column, value = known.pairs[place]
    return SegmentVerdict(
        column=column,
        value=value,
        level=Level.UNKNOWN,
        n=n,
        windows=windows,
        performance=None,
        interval=None,
        reference=own.mean if own.n else reference.main.value,
        of_whole=not own.n,
        drop=None,
        p_value=None,
    )


def _within(value: float, top: float) -> float:
    return min(max(value, 0.0), top)


def _order(one: SegmentVerdict) -> tuple[int, float, str, str]:
    levels = (Level.CRITICAL, Level.WARNING, Level.CLEAR, Level.UNKNOWN)
    return levels.index(one.level), -(one.drop or 0.0), one.column, one.value

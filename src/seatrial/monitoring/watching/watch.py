"""One version under watch: a window of rows in, everything that is to be said of it out.

Pure: the profile and the rules are fixed, the state is a value, windows and times are arguments. A
server's slices, a log of another server and a file compared once all come through here, so they get
the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from seatrial.monitoring.alerts.finding import check_zone
from seatrial.monitoring.drift.alarm_bins import psi_shown, watched, window_bins
from seatrial.monitoring.drift.alarm_state import AlarmSettings, WatchState
from seatrial.monitoring.drift.compare import compare
from seatrial.monitoring.drift.decision import DriftDecision
from seatrial.monitoring.drift.detector import DriftAlarm
from seatrial.monitoring.drift.domain import watched_means, window_moments
from seatrial.monitoring.drift.flaw import Finding, QualityLimits
from seatrial.monitoring.drift.histograms import Histogram, histograms, prediction_histograms
from seatrial.monitoring.drift.quality import check_quality
from seatrial.monitoring.drift.segments import SegmentDrift, compare_segments
from seatrial.monitoring.drift.verdict import DriftLimits, WindowDrift
from seatrial.monitoring.summaries.profile import Profile
from seatrial.monitoring.summaries.summary import Summary
from seatrial.stats.divergence import Divergence


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRules:
    """What is asked of a window.

    Args:
        drift: size of an effect that matters, within one window.
        quality: from where on data is wanting.
        alarm: what an alarm over windows asks for.
    """

    drift: DriftLimits = field(default_factory=DriftLimits)
    quality: QualityLimits = field(default_factory=QualityLimits)
    alarm: AlarmSettings = field(default_factory=AlarmSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """When a window was.

    Args:
        start: aware.
        end: aware, not before ``start``.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        check_zone(self.start, "The window")
        check_zone(self.end, "The window")


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowReport:
    """All that is to be said of one window.

    Args:
        span: when it was.
        n: rows.
        drift: each column beside the reference, this window alone.
        alarm: whether drift is shown over the windows so far.
        quality: what is wrong with the data, the worst first.
        segments: parts of the rows beside the same parts of the reference, the worst first.
        histograms: of features, by name; ``prediction_histograms`` of answers.
    """

    span: Span
    n: int
    drift: WindowDrift
    alarm: DriftDecision
    quality: tuple[Finding, ...]
    segments: tuple[SegmentDrift, ...] = ()
    histograms: Mapping[str, Histogram] = field(default_factory=dict)
    prediction_histograms: Mapping[str, Histogram] = field(default_factory=dict)


class Watch:
    """Compares the windows of one version with its reference. Immutable.

    Args:
        profile: of the reference.
        rules: what is asked.
        importance: of features for the model, by name; None for what the profile says.
        segments: the rows of the reference, counted with the segments of the windows; None where
            windows have none.
    Raises: BadWatch: the profile has no column with rows.
    """

    def __init__(
        self,
        profile: Profile,
        rules: WatchRules | None = None,
        *,
        importance: Mapping[str, float] | None = None,
        segments: Summary | None = None,
    ) -> None:
        self._profile = profile
        self._rules = rules or WatchRules()
        self._importance = importance or profile.importance
        self._segments = segments
        self._alarm = DriftAlarm(
            watched(profile, importance=self._importance),
            self._rules.alarm,
            means=watched_means(profile, importance=self._importance),
        )

    @property
    def profile(self) -> Profile:
        """Of the reference."""
        return self._profile

    def start(self) -> WatchState:
        """No window yet."""
        return self._alarm.start()

    def step(
        self,
        state: WatchState,
        window: Summary,
        span: Span,
        *,
        now: datetime | None = None,
        exact: Mapping[str, Divergence] | None = None,
    ) -> tuple[WatchState, WindowReport]:
        """Take in the next window.

        Args:
            state: as `start` or the last `step` returned it.
            window: counted against the profile.
            span: when it was.
            now: to judge the age of the rows by; None does not.
            exact: Kolmogorov-Smirnov distances from raw values, by feature, if they were at hand.
        """
        drift = compare(
            self._profile,
            window,
            limits=self._rules.drift,
            importance=self._importance,
            exact=exact,
        )
        after, alarm = self._alarm.step(
            state,
            window_bins(self._profile, window),
            at=span.start,
            means=window_moments(window),
            psi=psi_shown(drift),
        )
        segments: tuple[SegmentDrift, ...] = ()
        if self._segments is not None and window.segments:
            segments = compare_segments(
                self._profile,
                window,
                self._segments,
                limits=self._rules.drift,
                quality=self._rules.quality,
                importance=self._importance,
            )
        report = WindowReport(
            span=span,
            n=window.n,
            drift=drift,
            alarm=alarm,
            quality=check_quality(self._profile, window, limits=self._rules.quality, now=now),
            segments=segments,
            histograms=histograms(self._profile, window),
            prediction_histograms=prediction_histograms(self._profile, window),
        )
        return after, report

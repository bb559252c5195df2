"""Is the service well? Latency, errors, budget and traffic against their levels.

A level counts as broken when the evidence says so, not when an estimate passes it, and as kept when
the estimate is under the warning level and the truth is shown to be under the critical one. What
lies between, and what was not measured, is INCONCLUSIVE. Everything here is a function of what was
seen; `service/saturation.py` has what workers say of themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from seatrial.kernel.duration import show_duration
from seatrial.monitoring.service.baseline import Traffic
from seatrial.monitoring.service.budget import judge_budget
from seatrial.monitoring.service.config import Levels, ServiceConfig
from seatrial.monitoring.service.finding import Level, ServiceFinding, forecast
from seatrial.monitoring.service.history import ServiceHistory, Span
from seatrial.monitoring.service.traffic import judge_traffic
from seatrial.release.measurement import Summary
from seatrial.stats.counts import Counts, Interval
from seatrial.stats.quantiles import quantile_bounds
from seatrial.stats.sequential import (
    log_evidence_over,
    log_evidence_under,
    lower_bound,
    upper_bound,
)
from seatrial.stats.trend import Crossing, trend

_SHOWN_OK = 0.05
"""Chance that a service over its critical level is taken for one that is not; no alarm hangs on it,
and it decides how many requests "all is well" takes: about 350 at 1 %."""
_FORECAST_ALPHA = 0.01
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class ServiceCode(StrEnum):
    """Why a quantity has its level."""

    UNDER = "service.under_levels"
    OVER = "service.over_level"
    FORECAST = "service.will_be_critical"
    UNPROVEN = "service.unproven"
    TOO_FEW = "service.too_few_requests"
    NO_REQUESTS = "service.no_requests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was measured of a service up to now.

    Args:
        window: over the time that levels are judged over.
        minutes: by the minute, over the time that forecasts are made from.
        windows: over each window of the error budget, by its length in seconds.
        at_s: now, seconds since 1970.
        traffic: requests of all versions; None where traffic is not judged, as of one version.
    """

    window: Summary
    minutes: Sequence[Span]
    windows: Mapping[float, Summary]
    at_s: float
    traffic: Traffic | None = None


def look(
    history: ServiceHistory, config: ServiceConfig, *, now: datetime, version: int | None = None
) -> Seen:
    """Take from a history what `judge_service` asks for; of one version, or of all together."""
    pairs = config.error_budget.windows if config.error_budget else ()
    lengths = {length for pair in pairs for length in (pair.long, pair.short)}
    return Seen(
        window=history.last(config.window, now, version=version),
        minutes=history.minutes(config.trend, now, version=version),
        windows={s: history.last(s, now, version=version) for s in sorted(lengths)},
        at_s=now.timestamp(),
        traffic=history.traffic(now) if version is None else None,
    )


def judge_service(seen: Seen, config: ServiceConfig) -> tuple[ServiceFinding, ...]:
    """One finding for each level that is set, each pair of windows, and each kind of error."""
    return tuple(_findings(seen, config))


def _findings(seen: Seen, config: ServiceConfig) -> Iterator[ServiceFinding]:
    for signal, quantile in _QUANTILES.items():
        levels: Levels | None = getattr(config, f"{signal}_ms")
        if levels is not None:
            yield _latency(signal, quantile, levels, seen, config)
    if config.error_rate is not None:
        yield from _errors(config.error_rate, seen, config)
    if config.error_budget is not None:
        for pair in config.error_budget.windows:
            yield judge_budget(pair, config.error_budget, seen.windows, alpha=config.alpha)
    if config.shed_share is not None:
        yield _share("shed_share", _shed, config.shed_share, seen=seen, config=config)
    if config.throughput is not None and seen.traffic is not None:
        yield judge_traffic(config.throughput, seen.traffic, alpha=config.alpha)


# Levels of a rate, or of a latency as the rate of slower answers.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """One level as a question about a rate: is it over ``share``?

    ``least`` counts what is over for certain, ``most`` what may be.
    """

    value: float
    share: float
    least: Counts
    most: Counts

    def broken(self, alpha: float) -> bool:
        return log_evidence_over(self.least, limit=self.share) >= -math.log(alpha)

    def kept(self) -> bool:
        return log_evidence_under(self.most, limit=self.share) >= -math.log(_SHOWN_OK)

    @property
    def looks_broken(self) -> bool:
        return (self.least.rate or 0.0) > self.share


def _stand(warning: _Level, critical: _Level, alpha: float) -> tuple[Level, ServiceCode, float]:
    """Level, why, and the limit it is about."""
    if not warning.most.n:
        return Level.INCONCLUSIVE, ServiceCode.NO_REQUESTS, warning.value
    if critical.broken(alpha):
        return Level.CRITICAL, ServiceCode.OVER, critical.value
    if warning.broken(alpha):
        return Level.WARNING, ServiceCode.OVER, warning.value
    if warning.looks_broken:
        return Level.INCONCLUSIVE, ServiceCode.UNPROVEN, warning.value
    if not critical.kept():
        return Level.INCONCLUSIVE, ServiceCode.TOO_FEW, warning.value
    return Level.OK, ServiceCode.UNDER, warning.value


def _latency(
    signal: str, quantile: float, levels: Levels, seen: Seen, config: ServiceConfig
) -> ServiceFinding:
    sketch, share = seen.window.latency, 1 - quantile

    def level(limit_ms: float) -> _Level:
        limit_s = limit_ms / 1e3
        return _Level(
            value=limit_ms,
            share=share,
            least=Counts(n=sketch.n, k=sketch.n_surely_over(limit_s)),
            most=Counts(n=sketch.n, k=sketch.n_over(limit_s)),
        )

    bounds = quantile_bounds(sketch, quantile, alpha_lower=config.alpha, alpha_upper=config.alpha)
    points = [(s, s.summary.latency.quantile(quantile)) for s in seen.minutes]
    value = sketch.quantile(quantile)
    return _finding(
        signal,
        warning=level(levels.warning),
        critical=level(levels.critical),
        value=None if value is None else 1e3 * value,
        interval=Interval(lower=1e3 * bounds.lower, upper=1e3 * bounds.upper),
        series=[(s, None if v is None else 1e3 * v, s.summary.n) for s, v in points],
        config=config,
        show=lambda ms: f"{ms:.3g} ms",
        unit="ms",
    )


def _errors(levels: Levels, seen: Seen, config: ServiceConfig) -> Iterator[ServiceFinding]:
    yield _share(
        "error_rate", lambda summary: summary.error_counts, levels, seen=seen, config=config
    )
    for kind in seen.window.errors:

        def of_kind(summary: Summary, kind: str = kind) -> Counts:
            return Counts(n=summary.n, k=summary.errors.get(kind, 0))

        found = _share(
            "error_rate", of_kind, levels, seen=seen, config=config, labels={"kind": kind}
        )
        if found.level in (Level.WARNING, Level.CRITICAL):
            yield found


def _shed(summary: Summary) -> Counts:
    return Counts(n=summary.n + summary.n_shed, k=summary.n_shed)


def _share(
    signal: str,
    counts_of: Callable[[Summary], Counts],
    levels: Levels,
    *,
    seen: Seen,
    config: ServiceConfig,
    labels: Mapping[str, str] | None = None,
) -> ServiceFinding:
    counts = counts_of(seen.window)

    def level(limit: float) -> _Level:
        return _Level(value=limit, share=limit, least=counts, most=counts)

    alpha = config.alpha
    points = [(s, counts_of(s.summary)) for s in seen.minutes]
    return _finding(
        signal,
        warning=level(levels.warning),
        critical=level(levels.critical),
        value=counts.rate,
        interval=Interval(
            lower=lower_bound(counts, alpha=alpha, around=levels.warning),
            upper=upper_bound(counts, alpha=alpha),
        ),
        series=[(s, c.rate, c.n) for s, c in points],
        config=config,
        show=lambda share: f"{100 * share:.3g} %",
        unit="share",
        labels=labels or {},
        evidence=dict(seen.window.errors) if signal == "error_rate" else {},
    )


def _finding(
    signal: str,
    *,
    warning: _Level,
    critical: _Level,
    value: float | None,
    interval: Interval,
    series: Sequence[tuple[Span, float | None, int]],
    config: ServiceConfig,
    show: Callable[[float], str],
    unit: str,
    labels: Mapping[str, str] | None = None,
    evidence: Mapping[str, object] | None = None,
) -> ServiceFinding:
    level, code, limit, crossing = _with_trend(
        warning, critical, known=value is not None, series=series, config=config
    )
    broken = warning.value if level is Level.WARNING and code is ServiceCode.OVER else limit
    said = _sentence(
        _named(signal, labels or {}),
        code=code,
        value=None if value is None else show(value),
        limit=show(broken),
        events=warning.least,
        slower=show(warning.value) if signal in _QUANTILES else "",
        window=show_duration(config.window),
    )
    if crossing is not None:
        said += f"; {forecast(crossing, show(limit))} if it goes on like this"
    return ServiceFinding(
        signal=signal,
        level=level,
        code=code.value,
        reason=said,
        unit=unit,
        value=value,
        interval=interval if warning.most.n else None,
        limit=broken,
        n=warning.most.n,
        crossing=crossing,
        labels=labels or {},
        evidence=evidence or {},
    )


def _with_trend(
    warning: _Level,
    critical: _Level,
    *,
    known: bool,
    series: Sequence[tuple[Span, float | None, int]],
    config: ServiceConfig,
) -> tuple[Level, ServiceCode, float, Crossing | None]:
    """As `_stand`, and when a limit is crossed if it goes on like this.

    A limit that will soon be crossed is a warning already. Below the critical level the forecast is
    about that one, else about the level at hand.
    """
    level, code, limit = _stand(warning, critical, config.alpha)
    if level is Level.CRITICAL or (level is not Level.WARNING and not known):
        return level, code, limit, None
    if level is Level.WARNING:
        crossing = _crossing(series, critical.value, 2 * config.trend)
        return level, code, critical.value, crossing
    soon = _crossing(series, critical.value, config.ahead)
    if soon is not None:
        return Level.WARNING, ServiceCode.FORECAST, critical.value, soon
    return level, code, limit, _crossing(series, limit, 2 * config.trend)


def _crossing(
    series: Sequence[tuple[Span, float | None, int]], limit: float, horizon_s: float
) -> Crossing | None:
    if not horizon_s:
        return None
    return trend(
        [span.start_s + span.width_s for span, _, _ in series],
        [math.nan if value is None else value for _, value, _ in series],
        [n for _, _, n in series],
        limit=limit,
        horizon_s=horizon_s,
        alpha=_FORECAST_ALPHA,
    ).crossing


def _named(signal: str, labels: Mapping[str, str]) -> str:
    return _NAMES.get(signal, signal) + "".join(f" ({held})" for held in labels.values())


def _sentence(
    name: str,
    *,
    code: ServiceCode,
    value: str | None,
    limit: str,
    events: Counts,
    slower: str,
    window: str,
) -> str:
    if code is ServiceCode.NO_REQUESTS or value is None:
        return f"{name}: no request over the last {window}"
    counted = f"{events.k:,} of {events.n:,}" + (f" slower than {slower}" if slower else "")
    return f"{name} {value} over the last {window} ({counted})" + _VERDICTS[code].format(
        limit=limit
    )


_NAMES = {"error_rate": "error rate", "shed_share": "share of refused requests"}
_VERDICTS = {
    ServiceCode.UNDER: ", under {limit}",
    ServiceCode.OVER: ", over {limit}",
    ServiceCode.FORECAST: ", under {limit} still",
    ServiceCode.UNPROVEN: ", over {limit}, but with so few requests chance may do that",
    ServiceCode.TOO_FEW: ", too few requests to say that all is well",
}

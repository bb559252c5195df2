"""Rules over what servers count: errors, latency, traffic, saturation.

The names of recorded series say level, metric and operation, as Prometheus' own guide asks.
"""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.monitoring.service.config import (
    BudgetConfig,
    BurnConfig,
    Levels,
    ServiceConfig,
    ThroughputConfig,
)
from seatrial.packaging.prometheus_rule import Rule, RuleTiming, alert, record, severities
from seatrial.packaging.promql import beyond_chance, quantile, requests, share, span

_ANSWERED = "ok|error"
_ASKED = "ok|error|rejected|shed"
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_WEEK_S = 7 * 86_400
USUAL = "seatrial:requests:usual"
"""The recorded series of what throughput is usual now, by model."""


def _ratio_name(over_s: float) -> str:
    return f"seatrial:error_ratio:rate{span(over_s)}"


def _quantile_name(signal: str, over_s: float) -> str:
    return f"seatrial:latency_{signal}_seconds:rate{span(over_s)}"


def _asked_name(over_s: float) -> str:
    return f"seatrial:requests:rate{span(over_s)}"


def recorded(config: ServiceConfig) -> Iterator[Rule]:
    """What dashboards and several alerts read."""
    window = config.window
    pairs = config.error_budget.windows if config.error_budget else ()
    lengths = {window, *(s for pair in pairs for s in (pair.long, pair.short))}
    for length in sorted(lengths):
        yield record(_ratio_name(length), share("error", _ANSWERED, length))
    for signal, q in _QUANTILES.items():
        yield record(_quantile_name(signal, window), quantile(q, window))
    asked = _asked_name(window)
    yield record(asked, requests(_ASKED, window))
    if config.throughput is not None:
        around = span(config.throughput.recent)
        half = config.throughput.recent / 2
        week = f"quantile_over_time(0.5, {asked}[{around}] offset {span(_WEEK_S - half)})"
        recent = f"quantile_over_time(0.5, {asked}[{around}] offset {span(window)})"
        yield record(USUAL, f"{week} or {recent}")


def error_rules(config: ServiceConfig, timing: RuleTiming) -> Iterator[Rule]:
    """Levels of the error rate, and the error budget over two windows."""
    if config.error_budget is not None:
        for pair in config.error_budget.windows:
            yield _burn(pair, config.error_budget, timing)
    window = config.window
    for severity, level in severities(config.error_rate):
        events = _over(requests("error", window), window)
        answers = _over(requests(_ANSWERED, window), window)
        beyond = beyond_chance(events, f"{level:g} * {answers}")
        yield alert(
            f"SeatrialErrorRate{severity.title()}",
            f"{_ratio_name(window)} > {level:g} and {beyond}",
            severity=severity,
            held_s=timing.for_s,
            area="errors",
            summary="{{ $labels.model }} answers {{ $value | humanizePercentage }} in error",
            description=f"Over {100 * level:g} % of the answers of the last {span(window)} are "
            "errors of the model's. See which kind in seatrial_errors_total.",
        )


def _burn(pair: BurnConfig, budget: BudgetConfig, timing: RuleTiming) -> Rule:
    asked = min(pair.factor * budget.share, 0.999)
    long, short = _ratio_name(pair.long), _ratio_name(pair.short)
    events = _over(requests("error", pair.long), pair.long)
    answers = _over(requests(_ANSWERED, pair.long), pair.long)
    beyond = beyond_chance(events, f"{budget.share:g} * {answers}")
    return alert(
        f"SeatrialErrorBudgetBurn{span(pair.long)}",
        f"{long} > {asked:g} and {short} > {asked:g} and {beyond}",
        severity="critical" if pair.critical else "warning",
        held_s=timing.for_s,
        area="errors",
        summary="{{ $labels.model }} spends its error budget too fast: "
        "{{ $value | humanizePercentage }} errors",
        description=f"Errors are made over {pair.factor:g} times as fast as the budget of "
        f"{100 * budget.share:g} % allows, over {span(pair.long)} and over {span(pair.short)}.",
    )


def latency_rules(config: ServiceConfig, timing: RuleTiming) -> Iterator[Rule]:
    """Levels of the latency's quantiles."""
    window = config.window
    answers = _over(requests(_ANSWERED, window), window)
    for signal, q in _QUANTILES.items():
        levels: Levels | None = getattr(config, f"{signal}_ms")
        # Three answers slower than the quantile are the fewest that say anything of it.
        least = round(3 / (1 - q))
        for severity, level_ms in severities(levels):
            name = _quantile_name(signal, window)
            yield alert(
                f"SeatrialLatency{signal.upper()}{severity.title()}",
                f"{name} > {level_ms / 1e3:g} and {answers} >= {least}",
                severity=severity,
                held_s=timing.for_s,
                area="latency",
                summary=f"{{{{ $labels.model }}}} is slow: {signal} "
                "{{ $value | humanizeDuration }}",
                description=f"The {signal} of the last {span(window)} is over {level_ms:g} ms.",
            )


def throughput_rules(config: ServiceConfig, timing: RuleTiming) -> Iterator[Rule]:
    """Fewer requests than a week ago, or than in the hour before."""
    levels = config.throughput
    if levels is None:
        return
    for severity, least in _least(levels):
        now, usual = _asked_name(config.window), USUAL
        window = f"{config.window:g}"
        expected = f"{least:g} * {usual} * {window}"
        chance = f"{expected} - {now} * {window} >= 3 + 3 * sqrt({expected})"
        yield alert(
            f"SeatrialThroughput{severity.title()}",
            f"{now} / {usual} < {least:g} and {chance}",
            severity=severity,
            held_s=timing.for_s,
            area="throughput",
            summary="{{ $labels.model }} gets {{ $value | humanizePercentage }} of its usual "
            "requests",
            description=f"Fewer than {100 * least:g} % of what came at this time a week ago, or, "
            "without such a past, in the hour before.",
        )


def _least(levels: ThroughputConfig) -> Iterator[tuple[str, float]]:
    yield "warning", levels.warning
    if levels.critical is not None:
        yield "critical", levels.critical


def saturation_rules(config: ServiceConfig, timing: RuleTiming) -> Iterator[Rule]:
    """Refused requests, queues, processors and memory."""
    window = span(config.window)
    server = "sum by (job, instance) ({}) / max by (job, instance) ({})"
    shed = share("shed", "ok|error|shed", config.window)
    n_shed = _over(requests("shed", config.window), config.window)
    sources: tuple[tuple[str, Levels | None, str, str, str], ...] = (
        (
            "Shed",
            config.shed_share,
            f"({shed})",
            "of the requests to {{ $labels.model }} refused",
            "Requests are refused with 429 because the queue is full",
        ),
        (
            "Queue",
            config.queue_share,
            "max by (model, version) (seatrial_queue_requests / seatrial_queue_limit_requests)",
            "of a queue of {{ $labels.model }} in use",
            "The fullest queue is filling up, and full queues refuse requests",
        ),
        (
            "Cpu",
            config.cpu_share,
            server.format(f"rate(seatrial_cpu_seconds_total[{window}])", "seatrial_cpus"),
            "of the processors of {{ $labels.instance }} in use",
            "Workers and engines use nearly all processors there are",
        ),
        (
            "Memory",
            config.memory_share,
            server.format("seatrial_memory_bytes", "seatrial_memory_limit_bytes"),
            "of the memory of {{ $labels.instance }} in use",
            "Workers and engines use nearly all memory there is",
        ),
    )
    for name, levels, value, what, means in sources:
        beyond = f" and {n_shed} >= 3" if name == "Shed" else ""
        for severity, level in severities(levels):
            yield alert(
                f"Seatrial{name}{severity.title()}",
                f"{value} > {level:g}{beyond}",
                severity=severity,
                held_s=timing.for_s,
                area="saturation",
                summary=f"{{{{ $value | humanizePercentage }}}} {what}",
                description=f"{means}: over {100 * level:g} %.",
            )
    if config.memory_share is not None and config.ahead:
        yield _memory_ahead(config, timing)


def _memory_ahead(config: ServiceConfig, timing: RuleTiming) -> Rule:
    past, ahead = span(config.trend), config.ahead
    used = f"predict_linear(seatrial_memory_bytes[{past}], {ahead:g})"
    limit = config.memory_share.critical if config.memory_share else 1.0
    total = "max by (job, instance) (seatrial_memory_limit_bytes)"
    return alert(
        "SeatrialMemoryAhead",
        f"sum by (job, instance) ({used}) / {total} > {limit:g}",
        severity="warning",
        held_s=max(timing.for_s, config.trend / 4),
        area="saturation",
        summary=f"{{{{ $labels.instance }}}} runs out of memory within {span(ahead)}",
        description=f"Memory grew over the last {past}; like this {100 * limit:g} % of it will be "
        f"in use in {span(ahead)}.",
    )


def _over(rate: str, seconds: float) -> str:
    """A number of requests from a rate."""
    return f"{rate} * {seconds:g}"

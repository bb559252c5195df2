"""What the watch over a service found, as findings that alerts live through: one per kind.

The worst signal of a kind speaks for it and the others are in the evidence: a slow service is one
trouble, whether its p95 or its p99 is over a level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from seatrial.monitoring.alerts.finding import Finding, Kind, Labels, Level, Phrase
from seatrial.monitoring.service.finding import Level as ServiceLevel
from seatrial.monitoring.service.finding import ServiceFinding

KINDS: Final[Mapping[str, Kind]] = {
    "p50": Kind.LATENCY,
    "p95": Kind.LATENCY,
    "p99": Kind.LATENCY,
    "error_rate": Kind.ERRORS,
    "error_budget": Kind.ERRORS,
    "shed_share": Kind.SATURATION,
    "queue": Kind.SATURATION,
    "cpu": Kind.SATURATION,
    "memory": Kind.SATURATION,
    "throughput": Kind.THROUGHPUT,
}
"""The kind of alert that a signal belongs to."""

_LEVELS: Final[Mapping[ServiceLevel, Level]] = {
    ServiceLevel.OK: Level.CLEAR,
    ServiceLevel.INCONCLUSIVE: Level.UNKNOWN,
    ServiceLevel.WARNING: Level.WARNING,
    ServiceLevel.CRITICAL: Level.CRITICAL,
}
_ORDER: Final = (
    ServiceLevel.CRITICAL,
    ServiceLevel.WARNING,
    ServiceLevel.OK,
    ServiceLevel.INCONCLUSIVE,
)
_SIGNALS: Final[Mapping[str, str]] = {
    "error_rate": "错误率",
    "error_budget": "错误预算消耗速度",
    "shed_share": "队列满而拒绝的请求占比",
    "queue": "队列占用",
    "cpu": "处理器占用",
    "memory": "内存占用",
    "throughput": "吞吐量",
}
_UNITS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {"share": " %", "per_s": " a second", "burn": " times the budget"},
    "zh": {"share": "%", "per_s": " 个/秒", "burn": " 倍"},
}


def service_findings(found: Sequence[ServiceFinding], *, endpoint: str) -> list[Finding]:
    """One finding for each kind that was looked at.

    A kind is clear when some signal of it is shown to be well and none is shown to be unwell.
    """
    by_kind: dict[Kind, list[ServiceFinding]] = {}
    for one in found:
        kind = KINDS.get(one.signal)
        if kind is not None and one.labels.get("endpoint", endpoint) == endpoint:
            by_kind.setdefault(kind, []).append(one)
    return [_finding(kind, some, endpoint) for kind, some in by_kind.items()]


def _finding(kind: Kind, found: Sequence[ServiceFinding], endpoint: str) -> Finding:
    ordered = sorted(found, key=lambda one: _ORDER.index(one.level))
    worst = ordered[0]
    level = _LEVELS[worst.level]
    labels = Labels(endpoint=endpoint, kind=kind.value)
    if not level.trouble:
        return Finding(labels=labels, level=level)
    troubles = [one for one in ordered if _LEVELS[one.level].trouble]
    return Finding(
        labels=labels,
        level=level,
        what=Phrase("; ".join(one.reason for one in troubles[:3]), _in_chinese(worst)),
        sure=_how_sure(worst),
        evidence={f"{one.signal} {i}": one.as_dict() for i, one in enumerate(troubles, start=1)},
    )


def _in_chinese(one: ServiceFinding) -> str:
    name = _SIGNALS.get(one.signal, one.signal)
    value = "未知" if one.value is None else _number(one.value, one.unit, "zh")
    limit = "" if one.limit is None else f"，阈值为 {_number(one.limit, one.unit, 'zh')}"
    space = " " if name.isascii() else ""
    soon = ""
    if one.crossing is not None:
        soon = f"；按目前趋势，约 {max(1, round(one.crossing.in_s / 60))} 分钟后越过阈值"
    return f"{name}{space}为 {value}{limit}{soon}。"


def _number(value: float, unit: str, language: str) -> str:
    scaled = f"{100 * value if unit == 'share' else value:.3g}"
    return scaled + _UNITS[language].get(unit, f" {unit}" if unit else "")


def _how_sure(one: ServiceFinding) -> Phrase:
    if one.interval is None:
        return Phrase()
    bounds = one.interval.lower, one.interval.upper
    low, high = (_number(bound, one.unit, "en") for bound in bounds)
    zh_low, zh_high = (_number(bound, one.unit, "zh") for bound in bounds)
    n = "" if one.n is None else f" of {one.n:,} requests"
    zh = "" if one.n is None else f"，共 {one.n:,} 个请求"
    return Phrase(f"Between {low} and {high}{n}.", f"置信区间为 {zh_low} 到 {zh_high}{zh}。")

"""What a window's report means for people: findings that alerts live through.

One finding per kind and version, whatever it says, since an alert ends only on a finding that is
clear. Input drift and prediction drift share one alarm and its budget: which of the two it is, the
columns that moved tell.
"""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.monitoring.alerts.finding import Finding, Kind, Labels, Level, Phrase, storable
from seatrial.monitoring.alerts.troubles import Trouble
from seatrial.monitoring.drift.alarm_bins import PREDICTION, feature_of
from seatrial.monitoring.drift.decision import DriftDecision, DriftOutcome, Movement
from seatrial.monitoring.drift.severity import Severity
from seatrial.monitoring.drift.severity import worst as worst_of
from seatrial.monitoring.watching.sayings import said_as
from seatrial.monitoring.watching.segment_findings import segment_finding
from seatrial.monitoring.watching.watch import WindowReport

CRITICAL_EFFECT = 0.2
"""PSI from which drift is critical, by custom (Siddiqi 2006, "Credit Risk Scorecards")."""

_LEVELS = {
    Severity.NONE: Level.CLEAR,
    Severity.WARNING: Level.WARNING,
    Severity.CRITICAL: Level.CRITICAL,
}
_NAMED = 3
_LONGEST = 60
_BEYOND_WORDS = 1e6
"""Windows per false alarm beyond which a larger number tells nobody more."""

_MOVES = {
    "told apart by level": "分类器可按取值区分",
    "told apart by spread": "分类器可按离散程度区分",
    "level": "水平",
    "spread": "离散程度",
    "top tenth": "最高一成的占比",
    "bottom tenth": "最低一成的占比",
    "missing or unseen": "缺失值或未见过的值",
    "mix": "构成变化",
    "changed": "分布变化",
    " up": "上升",
    " down": "下降",
}


def findings(report: WindowReport, *, endpoint: str, version: int | None) -> list[Finding]:
    """What to tell of a window: input drift, prediction drift, data quality, and its segments."""
    found = [
        _drift(report, Kind.INPUT_DRIFT, endpoint=endpoint, version=version),
        _drift(report, Kind.PREDICTION_DRIFT, endpoint=endpoint, version=version),
        _quality(report, endpoint=endpoint, version=version),
    ]
    if report.segments:
        found.append(
            segment_finding(
                report.segments,
                endpoint=endpoint,
                version=version,
                budget_windows=report.alarm.budget,
                since=report.span.start,
            )
        )
    return found


def watch_finding(endpoint: str, troubles: Sequence[Trouble]) -> Finding:
    """What to tell of the watch itself: what keeps an endpoint from being watched wholly."""
    labels = Labels(endpoint=endpoint, kind=Kind.WATCH.value)
    if not troubles:
        return Finding(labels=labels, level=Level.CLEAR)
    said = "; ".join(f"{one.about}: {one.problem}" for one in troubles[:_NAMED])
    more = len(troubles) - _NAMED
    return Finding(
        labels=labels,
        level=Level.WARNING,
        what=Phrase(
            f"Not watched: {said}{f'; and {more} more' if more > 0 else ''}",
            f"未被监控：{said}{f'；另有 {more} 项' if more > 0 else ''}",
        ),
        evidence={"troubles": [{"about": one.about, "cause": one.cause[0]} for one in troubles]},
    )


def _drift(report: WindowReport, kind: Kind, *, endpoint: str, version: int | None) -> Finding:
    alarm = report.alarm
    labels = Labels(endpoint=endpoint, kind=kind.value, version=version)
    inputs = kind is Kind.INPUT_DRIFT
    moved = [m for m in alarm.moved if (feature_of(m.column) is not None) == inputs]
    if alarm.outcome is DriftOutcome.NO_DATA:
        nothing = Phrase("The window has no rows.", "该窗口没有数据。")
        return Finding(labels=labels, level=Level.UNKNOWN, what=nothing)
    matters = [m for m in moved if (m.effect or 0.0) >= alarm.effect_floor]
    if alarm.outcome is not DriftOutcome.DRIFT or not matters:
        return Finding(labels=labels, level=Level.CLEAR)
    effect = max(m.effect or 0.0 for m in matters)
    return Finding(
        labels=labels,
        level=Level.CRITICAL if effect >= CRITICAL_EFFECT else Level.WARNING,
        what=_moved(matters),
        sure=_how_sure(alarm),
        since=min((m.since for m in matters if m.since is not None), default=None),
        features=tuple(m.column for m in matters),
        segments=_segments(report),
        evidence={
            "psi": {m.column: m.effect for m in matters},
            "rows": max(m.n for m in matters),
            "windows_per_false_alarm": alarm.windows_per_false_alarm,
            "budget_windows": alarm.budget,
        },
    )


def _moved(movements: Sequence[Movement]) -> Phrase:
    named = movements[:_NAMED]
    more = len(movements) - len(named)
    en = ", ".join(f"{_named(m.column)} {m.moved or 'changed'} ({m.size})" for m in named)
    zh = "，".join(
        f"{_named(m.column)} {moved_as(m.moved or 'changed', 'zh')}（{_size_zh(m)}）" for m in named
    )
    return Phrase(
        f"Moved away from the reference: {en}{f' and {more} more' if more else ''}.",
        f"已偏离参考分布：{zh}{f'，另有 {more} 列' if more else ''}。",
    )


def _size_zh(movement: Movement) -> str:
    bins = f"，{movement.n_bins} 个分箱" if movement.n_bins is not None else ""
    return f"PSI {movement.effect or 0:.3f}{bins}"


def _named(column: str) -> str:
    """A name with room for others; that it is an answer's, the kind of the finding says."""
    return storable(column.removeprefix(PREDICTION), _LONGEST)


def moved_as(moved: str, language: str) -> str:
    """How a column moved, such as ``level up``, in ``en`` or ``zh``."""
    if language != "zh":
        return moved
    for english, chinese in _MOVES.items():
        moved = moved.replace(english, chinese)
    return moved


def _how_sure(alarm: DriftDecision) -> Phrase:
    n = alarm.windows_per_false_alarm
    often = f"{n:,.0f}" if n < _BEYOND_WORDS else f"{_BEYOND_WORDS:,.0f}"
    return Phrase(
        f"Such evidence comes by chance at most once in {often} windows.",
        f"这样的证据偶然出现的频率不超过每 {often} 个窗口一次。",
    )


def _segments(report: WindowReport) -> tuple[str, ...]:
    return tuple(
        segment.name for segment in report.segments if segment.drift.severity is not Severity.NONE
    )


def _quality(report: WindowReport, *, endpoint: str, version: int | None) -> Finding:
    labels = Labels(endpoint=endpoint, kind=Kind.DATA_QUALITY.value, version=version)
    found = report.quality
    if not found:
        level = Level.CLEAR if report.n else Level.UNKNOWN
        return Finding(labels=labels, level=level)
    named = found[:_NAMED]
    more = len(found) - len(named)
    en = "; ".join(
        f"{_named(one.column) or 'rows'}: {one.value}, expected {one.expected}" for one in named
    )
    zh = "；".join(
        f"{_named(one.column) or '数据行'}：{said_as(one.value, 'zh')}，"
        f"预期 {said_as(one.expected, 'zh')}"
        for one in named
    )
    return Finding(
        labels=labels,
        level=_LEVELS[worst_of(one.severity for one in found)],
        what=Phrase(
            f"{en}{f'; and {more} more' if more else ''}.",
            f"数据质量问题 {len(found)} 项：{zh}。",
        ),
        sure=Phrase(
            "Counted, with the chance of each by itself under one in ten thousand.",
            "逐行统计得出，每一项偶然出现的概率低于万分之一。",
        ),
        since=report.span.start,
        features=tuple(dict.fromkeys(one.column for one in found if one.column)),
        steps=tuple(
            Phrase(text, said_as(text, "zh")) for text in dict.fromkeys(one.remedy for one in found)
        ),
        evidence={
            "findings": [
                {"check": one.check.value, "column": one.column, "value": one.value}
                for one in found
            ]
        },
    )

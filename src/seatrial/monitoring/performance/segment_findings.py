"""What the performance of segments means for people: a finding that names the worst of them."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.monitoring.alerts.finding import Finding, Kind, Labels, Level, Phrase, storable
from seatrial.monitoring.performance import verdict
from seatrial.monitoring.performance.findings import figure
from seatrial.monitoring.performance.segment_judge import SegmentVerdict

_NAMED = 3
_LONGEST = 60
_METRICS_ZH = {"accuracy": "准确率", "mae": "平均绝对误差"}
_TROUBLE = (verdict.Level.WARNING, verdict.Level.CRITICAL)


def segment_performance_finding(
    verdicts: Sequence[SegmentVerdict],
    *,
    endpoint: str,
    version: int,
    metric: str,
    labels: bool,
    trusted: bool,
    flatters: bool,
    budget_windows: float,
) -> Finding:
    """What to tell of the segments after one look.

    Args:
        verdicts: as `judge_segments` gives them, the worst first.
        metric: ``accuracy`` or ``mae``.
        labels: whether they are of labels, else of scores.
        trusted: whether scores may be believed; an estimate that labels contradict says nothing.
        flatters: whether the reference may hold rows that the model was trained on.
        budget_windows: windows per false alarm.
    """
    kind = Kind.SEGMENT_PERFORMANCE if labels else Kind.SEGMENT_ESTIMATED_PERFORMANCE
    about = Labels(endpoint=endpoint, kind=kind.value, version=version)
    if not trusted:
        nothing = Phrase(
            "Labels contradict the scores, so nothing is estimated of segments.",
            "标签与分数矛盾，因此不估计各分组的性能。",
        )
        return Finding(labels=about, level=Level.UNKNOWN, what=nothing)
    judged = [one for one in verdicts if one.level is not verdict.Level.UNKNOWN]
    if not judged:
        nothing = Phrase("No segment has rows enough to be judged.", "没有行数足以判断的分组。")
        return Finding(labels=about, level=Level.UNKNOWN, what=nothing)
    bad = [one for one in judged if one.level in _TROUBLE]
    if not bad:
        return Finding(labels=about, level=Level.CLEAR)
    return Finding(
        labels=about,
        level=Level(bad[0].level.value),
        what=_what(bad, len(judged), metric, labels=labels),
        sure=_sure(budget_windows, flatters=flatters),
        segments=tuple(one.name for one in bad),
        evidence={
            "metric": metric,
            "segments": [
                {
                    "segment": one.name,
                    "value": one.performance,
                    "lower": one.interval.lower if one.interval else None,
                    "upper": one.interval.upper if one.interval else None,
                    "reference": one.reference,
                    "reference_of_whole": one.of_whole,
                    "drop": one.drop,
                    "p_value": one.p_value,
                    "rows": one.n,
                    "windows": one.windows,
                }
                for one in bad[:10]
            ],
            "budget_windows": budget_windows,
        },
    )


def _what(bad: Sequence[SegmentVerdict], n: int, metric: str, *, labels: bool) -> Phrase:
    how, how_zh = ("measured", "标注后的") if labels else ("estimated", "估计的")
    more = len(bad) - _NAMED
    en = "; ".join(_said(one, metric) for one in bad[:_NAMED])
    zh = "；".join(_said_zh(one, metric) for one in bad[:_NAMED])
    return Phrase(
        f"The {how} {metric} is worse in {len(bad)} of {n} segments: {en}"
        f"{f'; and {more} more' if more > 0 else ''}.",
        f"{n} 个分组中有 {len(bad)} 个的{how_zh}{_METRICS_ZH.get(metric, metric)}变差：{zh}"
        f"{f'；另有 {more} 个' if more > 0 else ''}。",
    )


def _said(one: SegmentVerdict, metric: str) -> str:
    against = " of the whole, for the reference has too few rows of it" if one.of_whole else ""
    return (
        f"{storable(one.name, _LONGEST)} {figure(metric, one.performance or 0.0)} against "
        f"{figure(metric, one.reference)}{against} ({one.n:,} rows)"
    )


def _said_zh(one: SegmentVerdict, metric: str) -> str:
    against = "（参考数据中该分组行数太少，取全体的参考值）" if one.of_whole else ""
    return (
        f"{storable(one.name, _LONGEST)} 为 {figure(metric, one.performance or 0.0)}，"
        f"参考值为 {figure(metric, one.reference)}{against}（{one.n:,} 行）"
    )


def _sure(budget: float, *, flatters: bool) -> Phrase:
    caution, caution_zh = "", ""
    if flatters:
        caution = " The reference may flatter: the model may know its rows."
        caution_zh = "参考值可能偏高：模型可能见过参考数据。"
    return Phrase(
        f"Such evidence comes by chance at most once in {budget:,.0f} windows, over all segments "
        f"together.{caution}",
        f"就所有分组合计，这样的证据偶然出现的频率不超过每 {budget:,.0f} 个窗口一次。{caution_zh}",
    )

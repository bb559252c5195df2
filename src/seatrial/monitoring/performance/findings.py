"""What the performance of a version means for people: findings that alerts live through."""

from __future__ import annotations

from datetime import datetime

from seatrial.monitoring.alerts.finding import Finding, Kind, Labels, Level, Phrase
from seatrial.monitoring.performance import verdict
from seatrial.monitoring.performance.verdict import Estimated, Measured, Trust

_TRUST_ZH = {
    Trust.UNVERIFIED: "尚无近期标签可以验证这一估计",
    Trust.CONFIRMED: "最新标签与估计一致",
    Trust.CONTRADICTED: "最新标签表明仅凭分数的估计有误，已按标签修正",
}


def estimated_finding(
    found: Estimated, *, endpoint: str, version: int, since: datetime | None, flatters: bool
) -> Finding:
    """What to tell of the estimate.

    Args:
        since: begin of the first window that shows it.
        flatters: whether the reference may hold rows that the model was trained on.
    """
    labels = Labels(endpoint=endpoint, kind=Kind.ESTIMATED_PERFORMANCE.value, version=version)
    level = Level(found.level.value)
    if not level.trouble or found.value is None:
        return Finding(labels=labels, level=level, what=Phrase(_sentence(found.reason)))
    chance = _chance(found.level, found.warning_chance, found.critical_chance)
    caution = " The reference may flatter: the model may know its rows." if flatters else ""
    rests = f"It rests on {found.n:,} logged predictions; {found.trust.reason}."
    return Finding(
        labels=labels,
        level=level,
        what=Phrase(
            _sentence(found.reason),
            f"估计的{_metric_zh(found.metric)}为 {figure(found.metric, found.value)}，"
            f"参考值为 {figure(found.metric, found.reference)}。",
        ),
        sure=Phrase(
            f"{100 * chance:.0f} % sure. {rests}{caution}",
            f"把握 {100 * chance:.0f} %。依据 {found.n:,} 条记录的预测；"
            f"{_TRUST_ZH[found.trust.trust]}。",
        ),
        since=since,
        evidence={
            "metric": found.metric,
            "value": found.value,
            "lower": found.interval.lower if found.interval else None,
            "upper": found.interval.upper if found.interval else None,
            "label_free": found.label_free,
            "reference": found.reference,
            "drop": found.drop,
            "rows": found.n,
            "trust": found.trust.trust.value,
        },
    )


def measured_finding(
    found: Measured, *, endpoint: str, version: int, since: datetime | None
) -> Finding:
    """What to tell of the real performance.   Args: since: begin of the window it speaks of."""
    labels = Labels(endpoint=endpoint, kind=Kind.PERFORMANCE.value, version=version)
    level, main = Level(found.level.value), found.metrics[0]
    if not level.trouble:
        return Finding(labels=labels, level=level, what=Phrase(_sentence(found.reason)))
    chance = _chance(found.level, found.warning_chance, found.critical_chance)
    reference = "–" if main.reference is None else figure(main.name, main.reference)
    return Finding(
        labels=labels,
        level=level,
        what=Phrase(
            _sentence(found.reason),
            f"标注后的{_metric_zh(main.name)}为 {figure(main.name, main.value)}，"
            f"参考值为 {reference}。",
        ),
        sure=Phrase(
            f"{100 * chance:.0f} % sure. {found.n_labelled:,} of the {found.n:,} logged "
            "predictions of the window have labels.",
            f"把握 {100 * chance:.0f} %。该窗口 {found.n:,} 条记录的预测中有 "
            f"{found.n_labelled:,} 条已有标签。",
        ),
        since=since,
        evidence={
            "window": found.window,
            "rows": found.n,
            "labelled": found.n_labelled,
            "metrics": {m.name: m.value for m in found.metrics},
            "reference": {m.name: m.reference for m in found.metrics},
            "unexplained": found.unexplained,
        },
    )


def figure(metric: str, value: float) -> str:
    """A metric as people read it."""
    return f"{value:.4g}" if metric in {"mae", "rmse"} else f"{100 * value:.1f} %"


def _chance(level: verdict.Level, warning: float | None, critical: float | None) -> float:
    return (critical if level is verdict.Level.CRITICAL else warning) or 0.0


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}."


def _metric_zh(metric: str) -> str:
    return {"accuracy": "准确率", "mae": "平均绝对误差"}.get(metric, metric)

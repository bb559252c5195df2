"""How a verdict is drawn and said: its interval against the limit, its sentence in a language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.release.verdict import plain
from seatrial.web.console.words import percent, words

_HEADROOM = 1.6
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """An interval with its limit and estimate, as places on a scale from 0 to 100.

    Args:
        lower: where the interval begins; ``upper`` where it ends.
        limit: the largest value that passes.
        effect: the estimate, or None.
        open_ended: whether the interval goes on beyond the end of the scale.
    """

    lower: float
    upper: float
    limit: float
    effect: float | None
    open_ended: bool


def bar(verdict: Mapping[str, Any]) -> Bar:
    """The picture of a verdict: the scale ends a little above the limit or what was seen."""
    limit = float(verdict["limit"])
    lower: float | None = verdict["interval"]["lower"]
    upper: float | None = verdict["interval"]["upper"]
    effect: float | None = verdict["effect"]
    known = [abs(v) for v in (limit, lower, effect) if v is not None]
    end = _HEADROOM * max([*known, 1e-12])
    start = min(0.0, *(v for v in (lower, effect, 0.0) if v is not None))

    def place(value: float) -> float:
        return min(100.0, max(0.0, 100.0 * (value - start) / (end - start)))

    return Bar(
        lower=0.0 if lower is None else place(lower),
        upper=100.0 if upper is None else place(upper),
        limit=place(limit),
        effect=None if effect is None else place(effect),
        open_ended=upper is None or upper > end,
    )


def title(verdict: Mapping[str, Any], language: str) -> str:
    """What a gate measures, in a language."""
    w = words(language)
    if verdict["quantity"] != "latency":
        measured = w[verdict["quantity"]]
    else:
        measured = f"{verdict['gate'].partition('_')[0]} {w['latency']}"
    return measured if verdict["stable"] is None else f"{measured}{w['against_stable']}"


def _is_rate(verdict: Mapping[str, Any]) -> bool:
    return verdict["quantity"] not in ("latency", "cost")


def sentence(verdict: Mapping[str, Any], language: str) -> str:
    """A verdict's reason for a person."""
    return _chinese(verdict) if language == "zh" else str(verdict["reason"])


def number(verdict: Mapping[str, Any], value: float | None, language: str) -> str:
    """A value of the verdict's quantity with its unit."""
    if value is None:
        return "–"
    if _is_rate(verdict):
        shown = percent(f"{100 * value:.3g}", language)
    else:
        unit = "USD" if verdict["quantity"] == "cost" else "ms"
        shown = f"{plain(f'{value:.3g}')} {unit}"
    return shown.replace("-", _MINUS, 1 if value < 0 else 0)


_ZH = {
    "gate.under_limit": "{of}上界{upper}，低于{limit}",
    "gate.over_limit": "{of}下界{lower}，超过{limit}",
    "gate.more_requests": "{of}上界{upper}，尚未低于{limit}",
    "gate.too_close": "{of}上界{upper}，照目前的情况不会低于{limit}",
    "gate.no_requests": "还没有请求",
    "gate.no_stable_requests": "稳定版本还没有可比较的请求",
}


def _chinese(verdict: Mapping[str, Any]) -> str:
    canary, against_stable = verdict["canary"], verdict["stable"] is not None
    rate = _is_rate(verdict)
    # Rates are compared by their difference; a latency stands against what stable's allows it.
    limit = "上限" if not against_stable else "允许的差值" if rate else "允许值"
    judged = _ZH[verdict["code"]].format(
        of="差值的" if against_stable and rate else "",
        upper=_bound(verdict, "upper"),
        lower=_bound(verdict, "lower"),
        limit=f"{limit} {number(verdict, verdict['limit'], 'zh')}",
    )
    if canary["value"] is None:
        return f"{title(verdict, 'zh')}：{judged}"
    space = "" if against_stable else " "  # none after a full-width bracket
    seen = f"{title(verdict, 'zh')}{space}{number(verdict, canary['value'], 'zh')}"
    if verdict["stable"] is None:
        seen += f"（{_counted_zh(verdict)}）"
    else:
        seen += f"，稳定版本 {number(verdict, verdict['stable']['value'], 'zh')}"
    return f"{seen}，{judged}"


def _counted_zh(verdict: Mapping[str, Any]) -> str:
    n, n_events = verdict["canary"]["n"], verdict["canary"]["n_events"]
    match verdict["quantity"]:
        case "cost":
            return f"{n:,} 个请求的平均值"
        case "score_lost":
            return f"{n:,} 个评分的平均值"
        case "unparsed_rate":
            return f"{n:,} 个回答中 {n_events:,} 个无法解析"
        case "latency":
            slow = f"慢于 {number(verdict, verdict['limit'], 'zh')}"
            return f"{n:,} 个请求中 {n_events:,} 个{slow}"
        case _:
            return f"{n:,} 个请求中 {n_events:,} 个出错"


def _bound(verdict: Mapping[str, Any], side: str) -> str:
    value = verdict["interval"][side]
    return "未知" if value is None else f" {number(verdict, value, 'zh')}"

"""How a verdict is drawn and said: its interval against the limit, its sentence in a language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_HEADROOM = 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """An interval on a scale from 0 to 100, with the limit and the estimate on the same scale."""

    lower: float
    upper: float
    limit: float
    effect: float | None
    open_ended: bool


def bar(verdict: Mapping[str, Any]) -> Bar:
    """The picture of a verdict: the scale ends a little above the limit or the interval."""
    limit = float(verdict["limit"])
    lower = verdict["interval"]["lower"]
    upper = verdict["interval"]["upper"]
    effect = verdict["effect"]
    known = [abs(v) for v in (limit, lower, effect) if v is not None]
    end = _HEADROOM * max([*known, 1e-12])
    start = min(0.0, *(v for v in (lower, effect, 0.0) if v is not None))

    def place(value: float) -> float:
        share: float = (value - start) / (end - start)
        return min(100.0, max(0.0, 100.0 * share))

    return Bar(
        lower=0.0 if lower is None else place(lower),
        upper=100.0 if upper is None else place(upper),
        limit=place(limit),
        effect=None if effect is None else place(effect),
        open_ended=upper is None or upper > end,
    )


def sentence(verdict: Mapping[str, Any], language: str) -> str:
    """A verdict's reason for a person."""
    return _chinese(verdict) if language == "zh" else str(verdict["reason"])


def number(verdict: Mapping[str, Any], value: float | None) -> str:
    """A value of the verdict's quantity with its unit."""
    if value is None:
        return "–"
    if verdict["quantity"] == "error_rate":
        return f"{100 * value:.3g} %"
    return f"{value:.3g} ms"


_ZH = {
    "gate.under_limit": "上界 {upper}，低于上限 {limit}",
    "gate.over_limit": "下界 {lower}，超过上限 {limit}",
    "gate.more_requests": "上界 {upper}，尚未低于上限 {limit}",
    "gate.too_close": "上界 {upper}，按目前的情况无法低于上限 {limit}",
    "gate.no_requests": "还没有请求",
    "gate.no_stable_requests": "稳定版本还没有可比较的请求",
}


def _chinese(verdict: Mapping[str, Any]) -> str:
    canary = verdict["canary"]
    seen = (
        f"{number(verdict, canary['value'])}（{canary['n']:,} 个请求中 {canary['n_events']:,} 个）"
    )
    if verdict["stable"] is not None:
        seen += f"，稳定版本 {number(verdict, verdict['stable']['value'])}"
    judged = _ZH[verdict["code"]].format(
        upper=number(verdict, verdict["interval"]["upper"]),
        lower=number(verdict, verdict["interval"]["lower"]),
        limit=number(verdict, verdict["limit"]),
    )
    return f"{seen}，{judged}"

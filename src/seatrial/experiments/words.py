"""What reports of experiments say, in the languages of their readers."""

from __future__ import annotations

import math
from collections.abc import Mapping

from seatrial.experiments.design import Kind, Metric
from seatrial.experiments.tally import DAY_S
from seatrial.experiments.verdicts import Judgement, Reason, Why
from seatrial.kernel.duration import show_duration
from seatrial.stats.counts import Interval

_EN = {
    "title": "Experiment {name}",
    "colon": ": ",
    "space": " ",
    "ship": "Ship {winner}",
    "do_not_ship": "Do not ship",
    "inconclusive": "Not decided",
    "ship_variant": "ship",
    "do_not_ship_variant": "do not ship",
    "inconclusive_variant": "not decided",
    "stop": "The experiment can end.",
    "go_on": "Let it run on.",
    "running": "before its horizon",
    "at_horizon": "at its horizon",
    "open_ended": "without a horizon",
    "state": "{n} {units}, {state}{days}",
    "days": ", {days}",
    "user": "users",
    "session": "sessions",
    "hypothesis": "Hypothesis",
    "why.no_units": "{variant} has no {units} yet.",
    "why.mismatch": "The split is not the one that was asked for (p = {p_value}): {units} were "
    "lost or counted twice on one side, so no figure below can be trusted. Find the cause and "
    "start again.",
    "why.harm": "{variant} makes {metric} worse by more than is accepted: {change} "
    "({interval}), where {margin} is the most.",
    "why.better": "{variant} is better in {metric}: {change} ({interval}).",
    "why.guardrail_open": "{variant} is better in {primary}: {primary_change} "
    "({primary_interval}). But it is not yet shown that {metric} loses no more than {margin}: it "
    "may lose {loss}.",
    "why.worse": "{variant} is worse in {metric}: {change} ({interval}).",
    "why.too_small": "{variant} changes {metric} by less than what matters: {change} "
    "({interval}), where {effect} was asked for.",
    "why.running": "Nothing is shown yet of {variant}: {change} ({interval}) in {metric}. {left}",
    "why.undecided": "{variant} is not shown to be better or worse in {metric}: {change} "
    "({interval}).",
    "why.all_refused": "No variant is to be shipped.",
    "left_units": "{n} {units} are still to come.",
    "left_days": "{days} are still to come.",
    "left_none": "Its horizon is reached at the end of the day.",
    "effects": "Effects against {control}",
    "effects_note": "A dot is the best estimate, the bar where the true change lies: all bars of a "
    "group hold together in {level} of experiments. Right of the line is more, left is less; a "
    "colour says which is good.",
    "any_look": " They hold however often one looks.",
    "one_look": " They are for this one look, at the horizon.",
    "metric": "metric",
    "variant": "variant",
    "control": "control",
    "treated": "variant's",
    "change": "change",
    "relative": "relative",
    "p": "p, corrected",
    "primary": "decides",
    "guardrail": "guards",
    "secondary": "explains",
    "guard.kept": "kept",
    "guard.broken": "broken",
    "guard.open": "not shown yet",
    "verdicts": "Variants",
    "verdict": "decision",
    "reason": "because",
    "over_time": "How it became known: {metric}",
    "over_time_note": "The change as it was estimated day by day, and where it lay, by intervals "
    "that hold at every look. They narrow with more {units}; who stops at the first one that "
    "leaves out 0 is still wrong rarely.",
    "segments": "Where it differs: {metric}",
    "segments_note": "These tell where to look next and decide nothing; all bars hold together.",
    "segment": "segment",
    "n": "{units}",
    "checks": "Checks",
    "split": "Split",
    "split_right": "as asked for: {counts} (p = {p_value})",
    "split_wrong": "not as asked for: {counts}, asked {shares} (p = {p_value})",
    "crossed": "Left out",
    "crossed_said": "{n} {units} that met two variants",
    "unexposed": "Not counted",
    "unexposed_said": "{n} outcomes without an exposure before them",
    "after": "After the horizon",
    "after_said": "{n} {units}, not judged",
    "explained": "Covariates",
    "explained_said": "{metric}: {share} of the noise taken away",
    "points": "{value} points",
    "of_control": "{value} % of the control's",
    "unknown": "–",
    "semicolon": "; ",
}

_ZH = {
    "title": "实验 {name}",
    "colon": "：",
    "space": "",
    "ship": "上线 {winner}",
    "do_not_ship": "不上线",
    "inconclusive": "尚无结论",
    "ship_variant": "上线",
    "do_not_ship_variant": "不上线",
    "inconclusive_variant": "尚无结论",
    "stop": "实验可以结束。",
    "go_on": "让实验继续。",
    "running": "尚未到达终点",
    "at_horizon": "已到达终点",
    "open_ended": "没有预定终点",
    "state": "{n} {units}，{state}{days}",
    "days": "，{days}",
    "user": "个用户",
    "session": "个会话",
    "hypothesis": "假设",
    "why.no_units": "{variant} 还没有数据。",
    "why.mismatch": "实际分流与设定不符（p = {p_value}）：有一侧丢失或重复计数，"
    "下面的数字都不可信。请找出原因，重新开始。",
    "why.harm": "{variant} 使 {metric} 变差，超出允许范围：{change}（{interval}），"
    "最多允许 {margin}。",
    "why.better": "{variant} 的 {metric} 更好：{change}（{interval}）。",
    "why.guardrail_open": "{variant} 的 {primary} 更好：{primary_change}（{primary_interval}）。"
    "但尚不能说明 {metric} 的损失不超过 {margin}：可能损失 {loss}。",
    "why.worse": "{variant} 的 {metric} 更差：{change}（{interval}）。",
    "why.too_small": "{variant} 对 {metric} 的改变小于有意义的程度：{change}（{interval}），"
    "期望至少 {effect}。",
    "why.running": "{variant} 还看不出好坏：{metric} {change}（{interval}）。{left}",
    "why.undecided": "{variant} 的 {metric} 没有显示出更好或更差：{change}（{interval}）。",
    "why.all_refused": "没有可以上线的变体。",
    "left_units": "还需要 {n} {units}。",
    "left_days": "还需要 {days}。",
    "left_none": "今天结束时到达终点。",
    "effects": "与 {control} 相比的效果",
    "effects_note": "圆点是最佳估计，横条是真实变化所在的范围：同一组的横条在 {level} "
    "的实验中同时成立。竖线右侧是增加，左侧是减少；颜色表示哪一侧是好的。",
    "any_look": "无论查看多少次都成立。",
    "one_look": "只用于终点的这一次查看。",
    "metric": "指标",
    "variant": "变体",
    "control": "对照",
    "treated": "变体的值",
    "change": "变化",
    "relative": "相对变化",
    "p": "p 值（已校正）",
    "primary": "决定",
    "guardrail": "护栏",
    "secondary": "参考",
    "guard.kept": "已守住",
    "guard.broken": "已突破",
    "guard.open": "尚未证明",
    "verdicts": "变体",
    "verdict": "结论",
    "reason": "理由",
    "over_time": "逐日所知：{metric}",
    "over_time_note": "每天对变化的估计及其所在范围，区间在每次查看时都成立。"
    "数据越多区间越窄；在第一个不含 0 的区间处停下的人，也很少出错。",
    "segments": "分群：{metric}",
    "segments_note": "仅提示下一步看哪里，不作决定；所有横条同时成立。",
    "segment": "分群",
    "n": "数量",
    "checks": "检查",
    "split": "分流",
    "split_right": "与设定一致：{counts}（p = {p_value}）",
    "split_wrong": "与设定不符：{counts}，设定为 {shares}（p = {p_value}）",
    "crossed": "已排除",
    "crossed_said": "{n} {units}遇到过两个变体",
    "unexposed": "未计入",
    "unexposed_said": "{n} 个结果之前没有曝光",
    "after": "终点之后",
    "after_said": "{n} {units}，不参与判断",
    "explained": "协变量",
    "explained_said": "{metric}：消除了 {share} 的噪声",
    "points": "{value} 个百分点",
    "of_control": "对照值的 {value} %",
    "unknown": "–",
    "semicolon": "；",
}

_WORDS = {"en": _EN, "zh": _ZH}


def words(language: str) -> Mapping[str, str]:
    """The words of a language, ``en`` or ``zh``."""
    return _WORDS[language]


def said(judgement: Judgement, reason: Reason, language: str = "en") -> str:
    """Why, in a sentence or two, as plain text."""
    w = words(language)
    facts: dict[str, object] = {"units": w[judgement.experiment.unit.value], **reason.facts}
    compared = {(one.metric.name, one.variant): one for one in judgement.comparisons}
    variant = str(facts.get("variant", ""))
    primary = compared.get((judgement.experiment.primary.name, variant))
    named = reason.facts.get("metric", judgement.experiment.primary.name)
    one = compared.get((str(named), variant))
    if one is not None and primary is not None:
        metric = one.metric
        facts |= {
            "metric": metric.name,
            "change": change(metric, one.effect.difference, language),
            "interval": span(metric, one.effect.interval, language),
            "margin": amount(metric, metric.margin, language),
            "effect": amount(metric, metric.effect, language),
            "loss": amount(metric, None if one.gain_bound is None else -one.gain_bound, language),
            "primary": primary.metric.name,
            "primary_change": change(primary.metric, primary.effect.difference, language),
            "primary_interval": span(primary.metric, primary.effect.interval, language),
        }
    if "p_value" in facts:
        facts["p_value"] = p_said(float(str(facts["p_value"])))
    if reason.why is Why.RUNNING:
        facts["left"] = _left(reason, w, str(facts["units"]), language)
    return w[f"why.{reason.why.value}"].format(**facts)


def _left(reason: Reason, w: Mapping[str, str], units: str, language: str) -> str:
    n, days = reason.facts["n"], reason.facts["days"]
    assert isinstance(n, int)
    if n:
        return w["left_units"].format(n=f"{n:,}", units=units)
    if isinstance(days, float) and days > 0:
        return w["left_days"].format(days=days_said(days, language))
    return w["left_none"]


def days_said(days: float, language: str = "en") -> str:
    """A number of days; less than one as hours and minutes."""
    if days < 1:
        minutes = max(1, round(days * DAY_S / 60))
        return show_duration(60.0 * minutes, language=language)
    return f"{days:.3g} {'天' if language == 'zh' else 'day' if days == 1 else 'days'}"


def value(metric: Metric, number: float | None, language: str = "en") -> str:
    """A mean, share or ratio."""
    if number is None:
        return words(language)["unknown"]
    return f"{100 * number:.4g} %" if metric.kind is Kind.SHARE else f"{number:.4g}"


def amount(metric: Metric, number: float | None, language: str = "en") -> str:
    """An effect, margin or loss: of the control where the metric's are relative."""
    if metric.relative and number is not None and math.isfinite(number):
        return words(language)["of_control"].format(value=f"{100 * number:.3g}")
    return size(metric, number, language)


def size(metric: Metric, number: float | None, language: str = "en") -> str:
    """The size of a change, without a sign; of a share in points."""
    if number is None or math.isnan(number):
        return words(language)["unknown"]
    if math.isinf(number):
        return "∞"
    if metric.kind is Kind.SHARE:
        return words(language)["points"].format(value=f"{100 * number:.3g}")
    return f"{number:.3g}"


def change(metric: Metric, number: float | None, language: str = "en") -> str:
    """A change, with its sign."""
    if number is None:
        return words(language)["unknown"]
    shown = _signed(metric, number)
    if metric.kind is Kind.SHARE:
        return words(language)["points"].format(value=shown)
    return shown


def span(metric: Metric, interval: Interval, language: str = "en") -> str:
    """An interval of a change; open ends where nothing is known."""
    low, high = (_signed(metric, end) for end in (interval.lower, interval.upper))
    between = f"{low} … {high}"
    if metric.kind is Kind.SHARE:
        return words(language)["points"].format(value=between)
    return between


def percent(number: float | None, language: str = "en") -> str:
    """A relative change."""
    if number is None:
        return words(language)["unknown"]
    return _number(100 * number) + (" %" if math.isfinite(number) else "")


def p_said(p_value: float) -> str:
    """A p-value: two digits, and no more than can be meant."""
    if p_value < 1e-4:
        return "< 0.0001"
    return f"{p_value:.2g}"


def _signed(metric: Metric, number: float) -> str:
    return _number(100 * number if metric.kind is Kind.SHARE else number)


def _number(number: float) -> str:
    if math.isinf(number):
        return "+∞" if number > 0 else "−∞"
    return f"{number:+.3g}".replace("-", "−")

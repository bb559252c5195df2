"""Sentences that the watch writes in English, for a reader of Chinese.

Reports are kept for long and read in either language, so they hold one sentence and it is turned
here, by its form. One that has no form here is shown as it is.
"""

from __future__ import annotations

import re

from seatrial.monitoring.watching.sentence_forms import SentenceForms

_NUMBER = r"(\S+)"

_FORMS: tuple[tuple[str, str], ...] = (
    # Columns, see `monitoring.drift_verdict`.
    (rf"no evidence of a change \(adjusted p {_NUMBER}\)", r"没有变化的证据（校正后 p = \1）"),
    (r"no rows in the window", "窗口中没有数据"),
    (r"no rows in the reference", "参考数据中没有数据"),
    (r"nothing but missing values, as before", "与之前一样全部缺失"),
    (
        rf"too few rows to measure PSI \({_NUMBER} of the window, {_NUMBER} before\)",
        r"行数太少，无法计算 PSI（窗口 \1 行，参考 \2 行）",
    ),
    (r"moved, but by little: (.+)", r"有变化，但幅度很小：\1"),
    (rf"PSI {_NUMBER} ± {_NUMBER} \(warning from {_NUMBER}\)", r"PSI \1 ± \2（\3 起为警告）"),
    (rf"PSI {_NUMBER} ± {_NUMBER} \(critical from {_NUMBER}\)", r"PSI \1 ± \2（\3 起为严重）"),
    (
        rf"told apart with AUC {_NUMBER} ± {_NUMBER} \(warning from {_NUMBER}\)",
        r"分类器可以区分，AUC \1 ± \2（\3 起为警告）",
    ),
    (
        rf"told apart with AUC {_NUMBER} ± {_NUMBER} \(critical from {_NUMBER}\)",
        r"分类器可以区分，AUC \1 ± \2（\3 起为严重）",
    ),
    (rf"scores of a classifier moved, AUC {_NUMBER} ± {_NUMBER}", r"分类器得分有变化，AUC \1 ± \2"),
    (rf"{_NUMBER} missing instead of {_NUMBER}", r"缺失 \1，参考为 \2"),
    (rf"{_NUMBER} new values \((.*)\)", r"新取值占 \1（\2）"),
    # Data quality, see `monitoring.quality`.
    (r"no rows", "没有数据"),
    (r"at least one", "至少一行"),
    (rf"{_NUMBER} of rows repeat another", r"\1 的行与其他行重复"),
    (rf"about {_NUMBER}", r"约 \1"),
    (rf"{_NUMBER} of {_NUMBER} rows have no time", r"\2 行中有 \1 行没有时间"),
    (r"a time in every row", "每行都有时间"),
    (r"the latest row is of (.+)", r"最新一行的时间是 \1"),
    (r"not after (.+)", r"不晚于 \1"),
    (r"the latest row is (.+) old", r"最新一行是 \1前的"),
    (r"at most (\d+ (?:minutes|hours|days))", r"最多 \1"),
    (rf"not there in {_NUMBER} rows", r"\1 行中没有该列"),
    (r"there in every row", "每行都有"),
    (rf"there in {_NUMBER} rows", r"\1 行中出现了该列"),
    (r"not in the reference", "参考数据中没有"),
    (rf"vectors of {_NUMBER} in {_NUMBER} rows", r"\2 行是 \1 维向量"),
    (rf"(numbers|names|texts|vectors) in {_NUMBER} rows", r"\2 行是\1"),
    (rf"{_NUMBER} missing", r"缺失 \1"),
    (rf"{_NUMBER} of {_NUMBER} are infinite", r"\2 个值中有 \1 个为无穷"),
    (
        rf"{_NUMBER} of {_NUMBER} have a number that is not finite",
        r"\2 个向量中有 \1 个含有非有限数值",
    ),
    (r"none", "无"),
    (
        rf"{_NUMBER} to {_NUMBER}, {_NUMBER} of {_NUMBER} outside",
        r"\1 到 \2，\4 个值中有 \3 个超出范围",
    ),
    (rf"{_NUMBER} to {_NUMBER}", r"\1 到 \2"),
    (rf"always {_NUMBER}", r"恒为 \1"),
    (rf"{_NUMBER} with new values \((.*)\)", r"\1 为新取值（\2）"),
    # What to do about it.
    (
        r"Check that requests reach the endpoint and that its log is being read\.",
        "确认请求能够到达端点，且日志正在被读取。",
    ),
    (
        r"Look for a client that sends twice, or a join that multiplies rows\.",
        "检查是否有客户端重复发送，或是否有连接（join）使行数翻倍。",
    ),
    (r"Fill the time column where rows are written\.", "在写入数据的地方补上时间列。"),
    (
        r"Check the time zone and the clock of what writes the time column\.",
        "检查写入时间列的程序的时区和时钟。",
    ),
    (r"Check that the log is still written and read\.", "确认日志仍在写入和读取。"),
    (
        r"Send (.+) again, or deploy a model that does without\.",
        r"恢复发送 \1，或部署不需要它的模型。",
    ),
    (
        r"Leave (.+) out of the watch, or deploy a model with it\.",
        r"不再监控 \1，或部署使用它的模型。",
    ),
    (r"Send (.+) as it was when the model was made\.", r"按训练模型时的类型发送 \1。"),
    (
        r"Find out where (.+) gets lost on its way to the model\.",
        r"查明 \1 在到达模型之前丢失在哪里。",
    ),
    (
        r"Look for a division by zero or an overflow in what computes (.+)\.",
        r"检查计算 \1 的代码是否有除以零或溢出。",
    ),
    (r"Check the unit and the source of (.+)\.", r"检查 \1 的单位和来源。"),
    (
        r"Check whether the source of (.+) is stuck or filled with a default\.",
        r"检查 \1 的来源是否卡住，或是否被填成了默认值。",
    ),
    (
        r"Map the new values of (.+), or train on rows that have them\.",
        r"为 \1 的新取值建立映射，或用包含它们的数据训练。",
    ),
    # Why alerts end, and why nobody is told.
    (r"the trouble is gone", "问题已消失"),
    (r"closed in the console", "在控制台关闭"),
    (rf"version {_NUMBER} is not served any more", r"版本 \1 已不再提供服务"),
    (r"no version of (.+) is served any more", r"\1 已没有任何版本提供服务"),
    (r"the endpoint (.+) is not there any more", r"端点 \1 已不存在"),
    (r"silenced by (.+) until ([\d-]+ [\d:]+ \w+): (.+)", r"\1 设置了静默，到 \2 为止：\3"),
    (r"silenced by (.+) until ([\d-]+ [\d:]+ \w+)", r"\1 设置了静默，到 \2 为止"),
    (
        rf"inhibited while the release of version {_NUMBER} is under way",
        r"版本 \1 正在发布，期间不通知",
    ),
    (rf"inhibited by the critical alert {_NUMBER}", r"已有严重告警 \1，不再通知"),
    # What triggers ask for.
    (r"the schedule (.+) came at (.+)", r"定时计划 \1 于 \2 到期"),
    (rf"{_NUMBER} of {_NUMBER} new labelled rows", r"新增标注数据 \1 行（需要 \2 行）"),
    (
        rf"(\S+) was under {_NUMBER} in {_NUMBER} of the last {_NUMBER} windows",
        r"最近 \4 个窗口中有 \3 个的 \1 低于 \2",
    ),
    (
        rf"(\S+) was over {_NUMBER} in {_NUMBER} of the last {_NUMBER} windows",
        r"最近 \4 个窗口中有 \3 个的 \1 高于 \2",
    ),
    (
        rf"the PSI was over {_NUMBER} in {_NUMBER} of the last {_NUMBER} windows",
        r"最近 \3 个窗口中有 \2 个的 PSI 超过 \1",
    ),
)
_READ = SentenceForms(_FORMS)
_TERMS = {"numbers": "数值", "names": "类别", "texts": "文本", "vectors": "向量"}
_SPANS = {"minutes": "分钟", "hours": "小时", "days": "天"}


def said_as(text: str, language: str) -> str:
    """A sentence of the watch in a language; signs as print has them."""
    text = text.replace("+-", "±")
    if language != "zh" or not text:
        return text
    if text in _TERMS:
        return _TERMS[text]
    parts = [_turned(part) for part in text.removesuffix(".").split("; ")]
    if all(part is not None for part in parts):
        return "；".join(part for part in parts if part) + ("。" if text.endswith(".") else "")
    return _turned(text) or text


def _turned(text: str) -> str | None:
    fits = _READ.find(text)
    return None if fits is None else _inner(*fits)


def _inner(found: re.Match[str], said: str) -> str:
    turned = found.expand(said)
    if "\\1" not in said:
        return turned
    first = found[1]
    if first in _TERMS:
        return turned.replace(first, _TERMS[first])
    number, _, unit = first.partition(" ")
    if unit in _SPANS and number.isdecimal():
        return turned.replace(first, f"{number} {_SPANS[unit]}")
    if said.startswith("有变化"):  # the sentence holds another one
        return turned.replace(first, said_as(first, "zh"))
    return turned

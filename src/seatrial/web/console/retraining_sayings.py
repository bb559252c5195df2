"""Sentences that retraining writes in English, for a reader of Chinese.

Facts hold one sentence, which commands, logs and old stores have too; it is turned here, by its
form. What a person wrote, and what has no form here, is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from seatrial.monitoring.watching.sayings import said_as
from seatrial.monitoring.watching.sentence_forms import SentenceForms
from seatrial.training.evaluation.retold import retold
from seatrial.web.console.reason_words import reason_zh, waiting
from seatrial.web.console.retraining_words import ZH
from seatrial.web.console.trouble_words import coded

_N = r"([\d,.]+)"
_REST = r"(?P<rest>.+)"
"""A sentence within one, which is turned by itself."""

_FORMS: tuple[tuple[str, str], ...] = (
    # Why nothing begins, or what does: see `training.retraining.agenda`.
    (r"no trigger asks", "没有触发器请求"),
    (r"the run (\S+) is under way", r"运行 \1 正在进行"),
    (
        rf"{_N} of {_N} triggers asked within the span",
        r"规定时间内需要 \2 个触发器，已有 \1 个请求",
    ),
    (rf"the last run began {_N} s ago, within the cooldown", r"上一次运行在 \1 秒前开始，仍在冷却"),
    (rf"{_N} runs began within a day; the budget is {_N}", r"一天内已开始 \1 次，预算为 \2 次"),
    (rf"{_N} runs began within a week; the budget is {_N}", r"一周内已开始 \1 次，预算为 \2 次"),
    (
        rf"{_N} s were trained within a week, all of the budget",
        r"一周内已训练 \1 秒，预算已全部用完",
    ),
    # Who wants it.
    (r"console wants it", "在控制台请求"),
    (rf"console wants it: {_REST}", r"在控制台请求：\g<rest>"),
    (r"(\S+) wants it", r"\1 请求"),
    (rf"(\S+) wants it: {_REST}", r"\1 请求：\g<rest>"),
    # The look at production, see `wiring.retraining.look`.
    (
        rf"the model lost: (\S+) (\S+) over the newest {_N} labelled rows, (\S+) when it was "
        "packaged",
        r"模型变差：最新 \3 行标注数据上 \1 为 \2，打包时为 \4",
    ),
    (
        rf"the model did not lose: (\S+) (\S+) over the newest {_N} labelled rows, (\S+) when it "
        "was packaged",
        r"模型没有变差：最新 \3 行标注数据上 \1 为 \2，打包时为 \4",
    ),
    (
        r"version (\d+) was packaged without labelled rows: nothing says how well it did",
        r"版本 \1 打包时没有标注数据，无从得知它原来的表现",
    ),
    (rf"it cannot be measured: {_REST}", r"无法衡量：\g<rest>"),
    (r"(\S+) cannot be measured", r"无法计算 \1"),
    (r"no question: more than drift asks for it", "无需检查：请求者不只是漂移"),
    # What steps wait for.
    (rf"labels of rows that drifted: {_REST}", r"等待漂移数据的标签：\g<rest>"),
    (
        rf"There are {_N} labelled rows to train on; {_N} are needed\.",
        r"可用于训练的标注数据有 \1 行，需要 \2 行。",
    ),
    (
        rf"There are {_N} labelled rows kept back; {_N} are needed\.",
        r"留出的标注数据有 \1 行，需要 \2 行。",
    ),
    (
        rf"There are {_N} labelled rows since the drift; {_N} are needed\.",
        r"漂移以来的标注数据有 \1 行，需要 \2 行。",
    ),
    (r"No prediction of '(.+)' is in the log\.", r"日志中没有 \1 的预测。"),
    (r"a person's approval; first: (?P<rest>.+)", r"等待人工批准；\g<rest>"),
    (r"a person's approval; better: (?P<rest>.+)", r"等待人工批准；评估结果更好：\g<rest>"),
    (r"a person's approval; not_worse: (?P<rest>.+)", r"等待人工批准；评估结果没有更差：\g<rest>"),
    (r"there is no version in production to compare with", "线上没有可比较的版本"),
    (r"nobody is asked", "无需人工批准"),
    (r"the server has not seen the version yet", "服务器尚未看到该版本"),
    (rf"the release journey: {_REST}", r"发布流程：\g<rest>"),
    (r"the canary", "等待金丝雀阶段结束"),
    (r"Release '(.+)' of endpoint '(.+)' is still \w+\.", r"端点 \2 的发布 \1 尚未结束。"),
    (
        r"The experiment '(.+)' splits the requests of endpoint '(.+)'\.",
        r"实验 \1 正在为端点 \2 分流。",
    ),
    (rf"a person: {_REST}", r"等待人工决定：\g<rest>"),
    (r"bundle", "打包"),
    (r"staging", "预发布测试"),
    (r"evaluation", "评估"),
    (r"tell", "通知注册表"),
    (r"pending", "等待服务器"),
    # How it ended.
    (r"version (\d+) is in production already", r"版本 \1 已在线上"),
    (r"the retraining (\S+) was cancelled", r"重新训练 \1 已取消"),
    (
        r"The process of the step (?P<step>\w+) ended (\d+) times without a word\.",
        r"执行此步骤的进程 \2 次意外结束，没有留下任何信息。",
    ),
    # What is done now.
    (r"gathering rows: log", "从预测日志收集数据"),
    (r"gathering rows: features", "从特征库收集数据"),
    (r"gathering rows: table", "从数据表收集数据"),
)
_READ = SentenceForms(_FORMS)
_MOST = 4


def retraining_said(text: str, language: str, *, told: Mapping[str, str] | None = None) -> str:
    """A sentence of retraining in a language.

    Args: told: sentences of releases by their English, which retrainings take over.
    """
    if language != "zh" or not text:
        return text
    return _turned(text, told or {}, _MOST)


def step_failed(error: Mapping[str, Any], language: str) -> str:
    """Why a step failed: in Chinese what its code means, and what was said with its values."""
    problem = str(error["problem"])
    told = coded(str(error["code"]), problem, language=language)
    return told if told != problem else retraining_said(problem, language)


def _turned(text: str, told: Mapping[str, str], left: int) -> str:
    if text in told:
        return told[text]
    fits = _READ.find(text)
    if fits is not None:
        return _with_rest(*fits, told, left)
    step, colon, rest = text.partition(": ")
    if colon and f"step.{step}" in ZH and left:  # a step that failed, and what it said
        return f"{ZH[f'step.{step}']}：{_turned(rest, told, left - 1)}"
    again = retold(text, "zh")
    if again is not None:
        return again
    known = waiting("zh", reason_zh(text))
    return known if known != text else said_as(text, "zh")


def _with_rest(found: re.Match[str], said: str, told: Mapping[str, str], left: int) -> str:
    before, place, after = said.partition(r"\g<rest>")
    turned = found.expand(before)
    if place:
        rest = found["rest"]
        turned += (_turned(rest, told, left - 1) if left else rest) + found.expand(after)
    return turned

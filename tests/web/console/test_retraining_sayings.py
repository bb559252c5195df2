"""What retraining says of itself, on Chinese pages; each sentence from who writes it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.release.endpoint import EndpointState, check_free
from seatrial.release.rollout import Phase, RolloutConflict
from seatrial.stats.performance import Metric
from seatrial.training.retraining.agenda import Agenda, Begun, Cause, Limits, Says, decide
from seatrial.training.retraining.checks import TooFewRows, check_enough
from seatrial.web.console.retraining_sayings import retraining_said, step_failed
from seatrial.wiring.retraining.book import hand_cause
from seatrial.wiring.retraining.look import judged

NOW = datetime(2030, 1, 8, tzinfo=UTC)
ENGLISH = re.compile(r"[A-Za-z]{4,}")


def said(text: str, **told: str) -> str:
    return retraining_said(text, "zh", told=told)


def cause(rule: str = "late", age_s: float = 0.0) -> Cause:
    at = NOW - timedelta(seconds=age_s)
    return Cause(id=rule, rule=rule, reason="120 of 100 new labelled rows", at=at)


def begun(age_s: float, **more: Any) -> Begun:
    at = NOW - timedelta(seconds=age_s)
    known: dict[str, Any] = {"key": "churn-1", "at": at, "by": "x", "causes": (), "outcome": "ok"}
    return Begun(**known | more)


@pytest.mark.parametrize(
    ("agenda", "limits", "says", "expected"),
    [
        (Agenda(), Limits(k=2), Says.QUORUM, "规定时间内需要 2 个触发器，已有 1 个请求"),
        (
            Agenda(begun=(begun(60.0),)),
            Limits(),
            Says.COOLING,
            "上一次运行在 60 秒前开始，仍在冷却",
        ),
        (
            Agenda(begun=(begun(4000.0),)),
            Limits(runs_per_day=1),
            Says.BUDGET,
            "一天内已开始 1 次，预算为 1 次",
        ),
        (
            Agenda(begun=(begun(200_000.0),)),
            Limits(runs_per_week=1),
            Says.BUDGET,
            "一周内已开始 1 次，预算为 1 次",
        ),
        (
            Agenda(begun=(begun(4000.0, trained_s=500.0),)),
            Limits(training_s=300.0),
            Says.BUDGET,
            "一周内已训练 500 秒，预算已全部用完",
        ),
        (
            Agenda(begun=(begun(60.0, outcome=""),)),
            Limits(),
            Says.JOINS,
            "运行 churn-1 正在进行",
        ),
    ],
)
def test_why_nothing_begins(agenda: Agenda, limits: Limits, says: Says, expected: str) -> None:
    found = decide("churn", agenda, [cause()], limits, now=NOW)
    assert (found.says, said(found.reason)) == (says, expected)


def test_that_nothing_asks_and_what_asks() -> None:
    assert said(decide("churn", Agenda(), [], Limits(), now=NOW).reason) == "没有触发器请求"
    assert said(cause().reason) == "新增标注数据 120 行（需要 100 行）"


@pytest.mark.parametrize(
    ("by", "reason", "expected"),
    [
        ("console", "", "在控制台请求"),
        ("anna", "", "anna 请求"),
        ("anna", "新数据到了", "anna 请求：新数据到了"),
        ("console", "the data of May", "在控制台请求：the data of May"),
    ],
)
def test_who_wants_it(by: str, reason: str, expected: str) -> None:
    assert said(hand_cause(by=by, reason=reason, now=NOW, key="1").reason) == expected


@pytest.mark.parametrize("value", [0.7, 0.99, None])
def test_how_production_does(value: float | None) -> None:
    reference = Metric(name="auc", value=0.9, standard_error=0.01, n=1000)
    assert not ENGLISH.search(said(judged(reference, value, 1200).reason))


@pytest.mark.parametrize("what", ["to train on", "kept back", "since the drift"])
def test_too_few_rows_that_are_waited_for(what: str) -> None:
    with pytest.raises(TooFewRows) as few:
        check_enough(30, 1000, what)
    text = said(f"labels of rows that drifted: {few.value.problem}")
    assert not ENGLISH.search(text)
    assert "30" in text
    assert "1,000" in text


def test_sentences_within_sentences_are_told_too() -> None:
    better = "accuracy is 0.9 instead of 0.8: better by +0.1 (+0.05 … +0.15)."
    assert said(f"a person's approval; better: {better}") == (
        "等待人工批准；评估结果更好：准确率为 0.9，基线为 0.8：好 +0.1（+0.05 … +0.15）。"
    )
    assert said("the release journey: the staging tests") == "发布流程：预发布测试完成"
    assert said("the release journey: a person: p95 is odd") == "发布流程：等待人工决定：p95 is odd"
    assert said("train: The training used 2 GB.") == "训练：The training used 2 GB."


def test_who_has_the_endpoint_is_told() -> None:
    trial: Any = object()
    rollout: Any = SimpleNamespace(release="churn-2-4", phase=Phase.CANARY)
    for state, expected in (
        (EndpointState(name="churn", trials={"two": trial}), "实验 two 正在为端点 churn 分流。"),
        (EndpointState(name="churn", rollout=rollout), "端点 churn 的发布 churn-2-4 尚未结束。"),
    ):
        with pytest.raises(RolloutConflict) as busy:
            check_free(state)
        assert said(f"the release journey: {busy.value.problem}") == f"发布流程：{expected}"


def test_what_a_release_told_is_told_in_its_words() -> None:
    told = {"error rate 0 % is fine": "错误率没有问题"}
    assert retraining_said("error rate 0 % is fine", "zh", told=told) == "错误率没有问题"
    assert retraining_said("error rate 0 % is fine", "en", told=told) == "error rate 0 % is fine"


@pytest.mark.parametrize("text", ["", "she said: so", "the model lost", "rows: " * 100])
def test_what_has_no_form_is_left_and_ends(text: str) -> None:
    assert said(text).replace("收集并检查数据：", "rows: ") == text


def test_why_a_step_failed_is_told_by_its_code_with_its_values() -> None:
    error = {"code": "training.out_of_memory", "problem": "It took 3 GB."}
    assert step_failed(error, "zh") == "训练使用的内存超过了限制。（原文：It took 3 GB.）"
    assert step_failed(error, "en") == "It took 3 GB."
    assert step_failed({"code": "x.y", "problem": "Odd."}, "zh") == "Odd."

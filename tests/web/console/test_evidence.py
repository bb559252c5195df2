"""Pictures and sentences of verdicts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.web.console.evidence import bar, number, sentence, title


def verdict(
    *,
    quantity: str = "error_rate",
    lower: float | None = 0.0,
    upper: float | None = 0.002,
    limit: float = 0.001,
    effect: float | None = 0.0005,
    code: str = "gate.more_requests",
    stable: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "gate": "error_rate" if quantity == "error_rate" else "p95",
        "quantity": quantity,
        "interval": {"lower": lower, "upper": upper},
        "limit": limit,
        "effect": effect,
        "code": code,
        "canary": {"n": 1234, "n_events": 1, "value": effect},
        "stable": stable,
        "reason": "the English sentence",
    }


numbers = st.floats(-1e6, 1e6)


@given(
    st.none() | numbers,
    st.none() | st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.none() | numbers,
)
def test_everything_lies_on_the_scale_and_in_order(
    lower: float | None, width: float | None, limit: float, effect: float | None
) -> None:
    upper = None if lower is None or width is None else lower + width
    found = bar(verdict(lower=lower, upper=upper, limit=limit, effect=effect))
    for place in (found.lower, found.upper, found.limit):
        assert 0 <= place <= 100
    assert found.lower <= found.upper
    assert found.effect is None or 0 <= found.effect <= 100


@given(st.floats(1e-9, 1.0), st.floats(0, 2.0), st.floats(0, 2.0))
def test_the_picture_agrees_with_the_verdict(limit: float, lower: float, width: float) -> None:
    found = bar(verdict(lower=lower, upper=lower + width, limit=limit, effect=None))
    if lower + width < limit:
        assert found.upper <= found.limit
    if lower > limit:
        assert found.lower >= found.limit


def test_an_interval_that_goes_on_is_open_ended() -> None:
    assert bar(verdict(upper=None)).open_ended
    assert bar(verdict(upper=1.0)).open_ended
    assert not bar(verdict(upper=0.0011)).open_ended


@pytest.mark.parametrize(
    ("quantity", "value", "text"),
    [
        ("error_rate", 0.00123, "0.123 %"),
        ("error_rate", -0.0005, "−0.05 %"),
        ("latency", 12.345, "12.3 ms"),
        ("latency", None, "–"),
    ],
)
def test_numbers_have_their_unit(quantity: str, value: float | None, text: str) -> None:
    assert number(verdict(quantity=quantity), value, "en") == text
    assert number(verdict(quantity=quantity), value, "zh") == text.replace(" %", "%")


def test_titles() -> None:
    stable = {"n": 9, "n_events": 0, "value": 0.0}
    assert title(verdict(), "en") == "Error rate"
    assert title(verdict(stable=stable), "en") == "Error rate against stable"
    assert title(verdict(quantity="latency"), "zh") == "p95 延迟"


def test_english_is_the_stored_sentence() -> None:
    assert sentence(verdict(), "en") == "the English sentence"


def test_chinese_says_what_was_seen_and_how_it_was_judged() -> None:
    assert sentence(verdict(), "zh") == (
        "错误率 0.05%（1,234 个请求中 1 个出错），上界 0.2%，尚未低于上限 0.1%"
    )


def test_chinese_against_stable_names_both() -> None:
    said = sentence(
        verdict(code="gate.over_limit", stable={"n": 9, "n_events": 0, "value": 0.0001}), "zh"
    )
    assert "稳定版本 0.01%" in said
    assert said.endswith("差值的下界 0%，超过允许的差值 0.1%")


def test_nothing_seen_is_said_without_numbers() -> None:
    found = verdict(lower=None, upper=None, effect=None, code="gate.no_requests")
    assert sentence(found, "zh") == "错误率：还没有请求"


def test_chinese_latencies_are_not_said_to_be_differences() -> None:
    stable = {"n": 9, "n_events": 0, "value": 3.83}
    absolute = verdict(
        quantity="latency", upper=6.91, limit=100.0, effect=4.4, code="gate.under_limit"
    )
    assert sentence(absolute, "zh") == (
        "p95 延迟 4.4 ms（1,234 个请求中 1 个慢于 100 ms），上界 6.91 ms，低于上限 100 ms"
    )
    compared = {**absolute, "limit": 8.17, "stable": stable}
    assert sentence(compared, "zh") == (
        "p95 延迟（相对稳定版本）4.4 ms，稳定版本 3.83 ms，上界 6.91 ms，低于允许值 8.17 ms"
    )


def test_a_bound_that_is_not_known_yet_is_said_to_be_unknown() -> None:
    assert "上界未知" in sentence(verdict(upper=None), "zh")


@pytest.mark.parametrize(
    ("quantity", "english", "shown", "chinese"),
    [
        ("cost", "Cost of a request", "0.0005 USD", "1,234 个请求的平均值"),
        ("score_lost", "Score lost", "0.05 %", "1,234 个评分的平均值"),
        ("unparsed_rate", "Unparsed answers", "0.05 %", "1,234 个回答中 1 个无法解析"),
    ],
)
def test_what_is_asked_of_answers_has_its_unit_and_words(
    quantity: str, english: str, shown: str, chinese: str
) -> None:
    asked = verdict(quantity=quantity)
    assert title(asked, "en") == english
    assert number(asked, 0.0005, "en") == shown
    assert chinese in sentence(asked, "zh")


def test_a_small_cost_is_written_out() -> None:
    assert number(verdict(quantity="cost"), 6.45e-06, "en") == "0.00000645 USD"

"""How amounts, shares and budgets are said."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.web.console.spending import money, seconds, share_said, trouble_said, whose


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "$0"),
        ("1234.5", "$1,234.50"),
        ("5", "$5"),
        ("0.5", "$0.50"),
        ("0.02", "$0.02"),
        ("0.0134", "$0.013"),
        ("0.0006", "$0.0006"),
        ("0.0000015", "$0.0000015"),
        ("0.999", "$1.00"),
    ],
)
def test_amounts_are_cents_or_two_digits(amount, shown):
    assert money(amount) == shown


@given(st.decimals(min_value=0, max_value=10**7, places=12))
def test_what_is_shown_is_near_what_is_meant(amount):
    shown = Decimal(money(str(amount)).lstrip("$").replace(",", ""))
    assert (
        abs(shown - amount) <= max(Decimal("0.005"), 0)
        if amount >= 1
        else abs(shown - amount) <= amount * Decimal("0.06")
    )


def test_latencies_and_shares_are_short():
    assert [seconds(one) for one in (None, 0.0624, 1.474, 61.0)] == ["–", "62 ms", "1.47 s", "61 s"]
    assert [share_said(n, 300, language="en") for n in (0, 1, 100)] == ["0 %", "0.33 %", "33 %"]
    assert share_said(1, 0, language="zh") == "0%"


def budget(**facts):
    return {
        "scope": "key",
        "who": "k1",
        "key_name": "search",
        "tag": None,
        "window": "month",
        "limit_usd": "5",
        "left_usd": "0.2",
        "ends_at": "2026-12-01T00:00:00+00:00",
        "runs_out_at": "2026-11-26T15:00:00+00:00",
    } | facts


def test_a_budget_is_called_by_whom_it_bounds():
    def called(**facts):
        return whose(budget(**facts), language="en")

    assert called() == "Key search"
    assert called(key_name=None) == "Key k1"
    assert called(who="") == "Calls without a key"
    assert called(who=None) == "Each key"
    assert called(scope="total", who=None) == "All calls"
    assert called(scope="tag", tag="team", who="ads", key_name=None) == "Tag team=ads"
    assert called(scope="tag", tag="team", who="") == "Calls without the tag team"


@pytest.mark.parametrize(
    ("kind", "en", "zh"),
    [
        (
            "budget_runs_out",
            "Key search: $5 a month is used up in about 3 h at the present pace, before its "
            "window ends.",
            "密钥 search：每月 $5 按目前速度约 3 小时后用完，早于周期结束。",
        ),
        (
            "budget_scarce",
            "Key search: of $5 a month, $0.20 is left.",
            "密钥 search：每月 $5 只剩 $0.20。",
        ),
        (
            "budget_used_up",
            "Key search: $5 a month is used up; calls are refused for 4 d 12 h.",
            "密钥 search：每月 $5 已用完，调用会被拒绝，直到 4 天 12 小时后周期结束。",
        ),
    ],
)
def test_troubles_of_budgets_are_sentences(kind, en, zh):
    trouble = {"kind": kind, "level": "warning", "budget": budget()}
    at = "2026-11-26T12:00:00+00:00"
    assert trouble_said(trouble, at, language="en") == en
    assert trouble_said(trouble, at, language="zh") == zh


def test_other_troubles_name_numbers_and_names():
    fails = {
        "kind": "provider_fails",
        "level": "critical",
        "name": "a/m\u202e",
        "n": 2000,
        "n_failed": 1000,
        "share": 0.5,
    }
    said = trouble_said(fails, "2026-11-26T12:00:00+00:00", language="en")
    assert said == "a/m� fails: 1,000 of 2,000 attempts in the last 10 minutes (50 %)."

"""Which accounts a call is charged to."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.ledger.budget import (
    Budget,
    BudgetInvalid,
    Charge,
    Payer,
    Scope,
    Window,
    charges,
    payer_of,
    plain_name,
    said_account,
    window_of,
)

AT_S = datetime(2026, 11, 26, 23, 59, 59, tzinfo=UTC).timestamp()
PAYER = Payer(provider="openai", model="gpt-4o", key="k1", user="ana", tags={"team": "search"})
DOLLAR = 10**12
NAMES = st.text(st.characters(), max_size=300)


def budget(limit=1, window=Window.DAY, scope=Scope.TOTAL, **facts):
    return Budget(limit_usd=Decimal(limit), window=window, scope=scope, **facts)


def accounts(*budgets, payer=PAYER, at_s=AT_S, **facts):
    return [charge.account for charge in charges(budgets, payer, at_s=at_s, **facts)]


def test_each_scope_and_window_has_an_account():
    assert accounts(
        budget(),
        budget(window=Window.MONTH, scope=Scope.KEY),
        budget(window=Window.TOTAL, scope=Scope.USER),
        budget(scope=Scope.MODEL),
        budget(scope=Scope.TAG, tag="team"),
    ) == [
        "2026-11-26/total/",
        "2026-11/key/k1",
        "ever/user/ana",
        "2026-11-26/model/gpt-4o",
        "2026-11-26/tag/team=search",
    ]


def test_a_charge_has_the_limit_and_the_end_of_its_window():
    (charge,) = charges([budget("0.5", Window.MONTH)], PAYER, at_s=AT_S)
    end = datetime(2026, 12, 1, tzinfo=UTC)
    assert charge == Charge("2026-11/total/", DOLLAR // 2, int(end.timestamp()) * 10**6)
    assert charges([budget(window=Window.TOTAL)], PAYER, at_s=AT_S)[0].ends_us is None


@given(st.integers(0, 40_000))
def test_windows_follow_each_other_without_a_gap(day):
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    for window, form in ((Window.DAY, "%Y-%m-%d"), (Window.MONTH, "%Y-%m")):
        name, ends_us = window_of(window, day)
        assert name == at.strftime(form)
        assert ends_us is not None
        next_name, _ = window_of(window, ends_us // 86_400_000_000)
        last_name, _ = window_of(window, ends_us // 86_400_000_000 - 1)
        assert (last_name, next_name != name) == (name, True)


def test_a_budget_with_a_name_applies_to_that_one():
    named = budget(scope=Scope.KEY, name="k1"), budget(scope=Scope.KEY, name="k2")
    assert accounts(*named) == ["2026-11-26/key/k1"]
    nobody = Payer(provider="openai", model="gpt-4o")
    assert accounts(*named, payer=nobody) == []


def test_a_key_is_named_by_its_name_too():
    """Symptom: a budget of the key ``search`` bounded nobody, as calls bring the key's id."""
    named = budget(scope=Scope.KEY, name="search")
    assert accounts(named, key_name="search") == ["2026-11-26/key/k1"]
    assert accounts(named, key_name="other") == []
    assert accounts(budget(scope=Scope.USER, name="search"), key_name="search") == []


def test_accounts_are_called_as_people_know_them():
    for scope, facts, said in (
        (Scope.TOTAL, {}, "budget of all calls for 2026-11-26"),
        (Scope.KEY, {}, "budget of the key 'search' for 2026-11-26"),
        (Scope.USER, {}, "budget of the user 'ana' for 2026-11-26"),
        (Scope.TAG, {"tag": "team"}, "budget of the tag team=search for 2026-11-26"),
        (Scope.TAG, {"tag": "org"}, "budget of calls without the tag org for 2026-11-26"),
    ):
        (account,) = accounts(budget(scope=scope, **facts))
        assert said_account(account, "search") == said
    assert said_account("ever/key/k1", None) == "budget of the key 'k1'"
    assert said_account("2026-11/user/", None) == "budget of calls without a user for 2026-11"


@given(NAMES)
def test_a_budget_finds_the_user_it_names_whatever_the_name(name):
    call = Call(id="c", deadline=0.0, journal=Journal(), user=name)
    payer = payer_of(call, "openai", "gpt-4o")
    assert len(accounts(budget(scope=Scope.USER, name=name), payer=payer)) == 1
    assert accounts(budget(scope=Scope.USER, name=f"{name}!"), payer=payer) == []


def test_who_has_no_name_shares_one_account():
    nobody = Payer(provider="openai", model="gpt-4o")
    budgets = (budget(scope=Scope.USER), budget(scope=Scope.TAG, tag="team"))
    assert accounts(*budgets, payer=nobody) == ["2026-11-26/user/", "2026-11-26/tag/team="]


def test_of_several_limits_of_one_account_the_lowest_counts():
    limits = [
        budget(3, scope=Scope.KEY),
        budget(1, scope=Scope.KEY, name="k1"),
        budget(2, scope=Scope.KEY),
    ]
    assert [charge.limit for charge in charges(limits, PAYER, at_s=AT_S)] == [DOLLAR]


@given(NAMES, NAMES, NAMES, NAMES)
def test_different_payers_have_different_accounts(tag, value, other_tag, other_value):
    def account(name, held):
        payer = Payer(provider="", model="", tags={name: held})
        (found,) = accounts(budget(scope=Scope.TAG, tag=name), payer=payer)
        return found

    same = (tag, value) == (other_tag, other_value)
    assert (account(tag, value) == account(other_tag, other_value)) == same


@given(NAMES)
def test_names_are_such_as_every_database_keeps(name):
    plain = plain_name(name)
    assert len(plain) <= 200
    assert plain.isprintable()
    assert plain.encode().decode() == plain
    assert plain_name(plain) == plain or plain.startswith("sha256:")


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"limit": -1}, "is -1 USD"),
        ({"limit": "NaN"}, "is NaN USD"),
        ({"limit": 9_000_001}, "is 9000001 USD"),
        ({"tag": "team"}, "has the tag 'team'"),
        ({"scope": Scope.TAG}, "has the tag None"),
        ({"name": "k1"}, "has the name 'k1'"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(facts, problem):
    with pytest.raises(BudgetInvalid, match=problem):
        budget(**facts)

"""Budgets with what is spent of them, and where they lead."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from seatrial.gateway.ledger.budget import Payer, Scope, Window
from seatrial.gateway.policies.kept_names import kept_name
from seatrial.gateway.routes.keys import Key, KeyRing
from seatrial.gateway.spend.budgets import SHOWN, budget_records

DOLLAR = 10**12


def records(books, *budgets):
    return budget_records(books.ledger, budgets, books.ring, now_us=int(books.now_s * 1e6))


def test_a_budget_tells_what_is_spent_reserved_and_left_and_when_its_window_ends(books):
    day = books.budget("10")
    books.spend(4 * DOLLAR, budgets=[day], ago_s=3 * 3600)
    books.spend(1 * DOLLAR, budgets=[day], settled=False)
    (one,) = records(books, day)
    assert (one["spent_usd"], one["reserved_usd"], one["left_usd"]) == ("4", "1", "5")
    assert (one["used_share"], one["reserved_share"]) == (0.4, 0.1)
    assert one["ends_at"] == "2026-11-27T00:00:00+00:00"
    assert (one["level"], one["runs_out_at"], one["usd_per_day"]) == ("clear", None, "0")


def test_the_last_hour_tells_whether_a_day_lasts(books):
    day = books.budget("10")
    books.spend(1 * DOLLAR, budgets=[day], ago_s=2 * 3600)
    books.spend(3 * DOLLAR, budgets=[day], ago_s=3600)
    (one,) = records(books, day)
    assert one["runs_out_at"] == "2026-11-26T14:30:00+00:00"  # 6 dollars left, 3 an hour
    assert (one["level"], one["used_up"], one["usd_per_day"]) == ("warning", False, "72")


def test_a_day_tells_whether_a_month_lasts_but_no_longer_than_there_were_calls(books):
    month = books.budget("100", Window.MONTH)
    books.spend(1 * DOLLAR, budgets=[month], ago_s=1800)
    (one,) = records(books, month)
    assert one["usd_per_day"] == "48"
    assert one["runs_out_at"] == "2026-11-28T14:00:00+00:00"


def test_each_who_has_a_budget_has_an_entry_the_most_used_first(books):
    each = books.budget("10", scope=Scope.USER)
    for n in range(SHOWN + 5):
        payer = Payer(provider="p", model="m", user=f"u{n:02}")
        books.spend(n * DOLLAR // 10, budgets=[each], payer=payer)
    books.spend(9 * DOLLAR, budgets=[each], payer=Payer(provider="p", model="m"))
    found = records(books, each)
    assert len(found) == SHOWN
    assert [one["who"] for one in found][:3] == ["", "u24", "u23"]
    assert all(one["each"] for one in found)


def test_a_budget_of_each_that_nobody_used_is_shown_without_anybody(books):
    (one,) = records(books, books.budget("10", scope=Scope.TAG, tag="team"))
    assert (one["who"], one["tag"], one["spent_usd"], one["level"]) == (None, "team", "0", "clear")


def test_named_budgets_find_their_account_also_where_it_is_masked(books):
    user = books.budget("1", scope=Scope.USER, name="ana@example.com")
    kept = kept_name("ana@example.com")
    payer = Payer(provider="p", model="m", user=kept)
    books.spend(DOLLAR // 2, budgets=[msgspec.structs.replace(user, name=kept)], payer=payer)
    (one,) = records(books, user)
    assert (one["who"], one["spent_usd"], one["each"]) == (kept, "0.5", False)


def test_keys_are_named_and_bring_their_own_budgets(books):
    key = Key(id="k1", name="search", digest="00" * 32, budget_usd=Decimal(5))
    gone = Key(id="k2", name="old", digest="00" * 32, budget_usd=Decimal(5), revoked=True)
    books.ring = KeyRing({"k1": key, "k2": gone})
    named = books.budget("1", scope=Scope.KEY, name="search")
    books.spend(DOLLAR // 2, budgets=[books.budget("1", scope=Scope.KEY, name="k1"), key.budget])
    found = records(books, named)
    assert [(one["key_name"], one["window"], one["spent_usd"]) for one in found] == [
        ("search", "day", "0.5"),
        ("search", "month", "0.5"),
    ]

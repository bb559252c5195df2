"""The view of all that is spent."""

from __future__ import annotations

from decimal import Decimal

import pytest

from seatrial.gateway.chat.response import Usage
from seatrial.gateway.ledger.budget import Payer
from seatrial.gateway.ledger.usage import By
from seatrial.gateway.routes.keys import Key, KeyRing
from seatrial.gateway.spend.desk import MOST_ROWS, SPANS, SpanUnknown

DOLLAR = 10**12
USAGE = Usage(input_tokens=100, output_tokens=10)


def payer(**facts):
    return Payer(**({"provider": "openai", "model": "gpt-4o", "key": "k1"} | facts))


def test_an_empty_ledger_has_a_whole_view(books):
    view = books.desk().view()
    assert (view["level"], view["troubles"], view["budgets"]) == ("clear", [], [])
    assert (view["total"]["n"], view["total"]["p95_s"], view["total"]["n_fallbacks"]) == (
        0,
        None,
        0,
    )
    assert len(view["series"]) == 24
    assert (view["failures"], view["fallbacks"]) == ([], [])


@pytest.mark.parametrize("span", SPANS)
def test_bins_add_up_to_the_total_and_end_now(books, span):
    width_s = SPANS[span].bin_us / 1e6
    for n in range(SPANS[span].n_bins + 3):
        books.spend(DOLLAR, ago_s=n * width_s)
    view = books.desk().view(span)
    assert len(view["series"]) == SPANS[span].n_bins
    assert all(one["n"] == 1 for one in view["series"])
    assert view["total"]["n"] == SPANS[span].n_bins
    assert view["total"]["cost_usd"] == str(SPANS[span].n_bins)
    assert view["since"] == view["series"][0]["at"]


def test_rows_are_the_costliest_first_and_the_rest_is_what_is_missing(books):
    for n in range(MOST_ROWS + 4):
        books.spend((n + 1) * DOLLAR, payer=payer(user=f"u{n}", tags={"team": f"t{n}"}))
    books.count(5, cost=DOLLAR, payer=payer(user="u23"))
    books.ring = KeyRing({"k1": Key(id="k1", name="search", digest="00" * 32)})
    by = books.desk().view()["by"]
    users = by["user"]
    assert [row["user"] for row in users["rows"]][:2] == ["u23", "u22"]
    assert users["rows"][0]["n_hits"] == 5
    assert (users["rest"]["n"], users["rest"]["cost_usd"]) == (4, str(1 + 2 + 3 + 4))
    assert [(row["key_name"], row["saved_usd"]) for row in by["key"]["rows"]] == [("search", "1")]
    assert by["key"]["rest"] is None
    assert list(by["tags"]) == ["team"]
    assert len(by["tags"]["team"]["rows"]) == MOST_ROWS


def test_latency_is_of_answers_by_model_by_provider_and_in_all(books):
    for model, latency_us in (("a", 100_000), ("b", 900_000)):
        for _ in range(10):
            books.spend(1, payer=payer(model=model), latency_us=latency_us)
    books.spend(1, payer=payer(model="a"), latency_us=60_000_000, failure="gateway.timed_out")
    view = books.desk().view()
    p95 = {row["model"]: row["p95_s"] for row in view["by"]["model"]["rows"]}
    assert p95 == {"a": pytest.approx(0.11, abs=0.01), "b": pytest.approx(0.91, abs=0.01)}
    (openai,) = view["by"]["provider"]["rows"]
    assert openai["p50_s"] == pytest.approx(0.11, abs=0.01)
    assert openai["p95_s"] == view["total"]["p95_s"] == pytest.approx(0.91, abs=0.01)


def test_failures_refusals_and_fallbacks_say_who(books):
    books.spend(0, failure="gateway.provider_fault")
    books.spend(9, payer=payer(provider="b", model="m"), instead_of="openai/gpt-4o")
    books.spend(
        0,
        payer=payer(provider="c", model="m"),
        instead_of="openai/gpt-4o",
        failure="gateway.timed_out",
    )
    books.count(7, failure="gateway.budget_exceeded")
    view = books.desk().view()
    assert [(one["code"], one["n_failed"], one["n_refused"]) for one in view["failures"]] == [
        ("gateway.budget_exceeded", 0, 7),
        ("gateway.provider_fault", 1, 0),
        ("gateway.timed_out", 1, 0),
    ]
    assert view["fallbacks"] == [
        {"asked": "openai/gpt-4o", "answered": "b/m", "n": 1, "n_failed": 0},
        {"asked": "openai/gpt-4o", "answered": "c/m", "n": 0, "n_failed": 1},
    ]
    assert view["total"]["n_fallbacks"] == 1
    assert [one["kind"] for one in view["troubles"]] == ["refused"]


def test_what_was_never_settled_is_said(books):
    books.spend(5 * DOLLAR, settled=False)
    books.ledger.sweep(now_us=int((books.now_s + 10**4) * 1e6), keep_since_us=0)
    view = books.desk().view()
    assert (view["total"]["n_lapsed"], view["total"]["unconfirmed_usd"]) == (1, "5")
    assert [one["kind"] for one in view["troubles"]] == ["lapsed"]


def test_a_view_is_kept_for_a_while_and_then_made_anew(books):
    desk = books.desk()
    first = desk.view()
    books.spend(DOLLAR)
    books.now_s += 1
    assert desk.view() is first
    assert desk.view("1h")["total"]["n"] == 1
    books.now_s += 2
    assert desk.view()["total"]["n"] == 1


def test_an_unknown_span_is_refused_with_those_there_are(books):
    with pytest.raises(SpanUnknown, match="1h, 24h, 7d, 30d"):
        books.desk().view("2w")


def test_usage_names_keys_and_agrees_with_the_view(books):
    books.ring = KeyRing(
        {"k1": Key(id="k1", name="search", digest="00" * 32, budget_usd=Decimal(9))}
    )
    books.spend(3 * DOLLAR, payer=payer(tags={"team": "a"}), usage=USAGE)
    books.spend(2 * DOLLAR, payer=payer(key=None), usage=USAGE)
    desk = books.desk()
    found = desk.usage((By.KEY,), since_s=3600)
    assert [(one["key"], one["key_name"], one["cost_usd"]) for one in found] == [
        (None, None, "2"),
        ("k1", "search", "3"),
    ]
    (model,) = desk.usage((By.PROVIDER, By.MODEL), since_s=86_400)
    (row,) = desk.view()["by"]["model"]["rows"]
    assert model == row
    assert [one["tag"] for one in desk.usage((By.TAG,), since_s=60.5, tag="team")] == [None, "a"]

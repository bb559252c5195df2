"""What every ledger must do; see `gateway.ledger.ledger.Ledger`."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from seatrial.gateway.chat.call import CacheUse
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.ledger.budget import Charge, Payer
from seatrial.gateway.ledger.ledger import (
    Balance,
    Closed,
    Count,
    Granted,
    Lapsed,
    Ledger,
    Operation,
    Refused,
    Release,
    Repeated,
    Reserve,
    Settle,
    attempt_id,
)
from seatrial.gateway.ledger.usage import By, Record, UsageQuestion, UsageSum
from seatrial.kernel.errors import Unavailable
from seatrial.testing.concurrency import at_once
from seatrial.testing.ledger_model import (
    ALL,
    DAY_US,
    PAYER,
    START_US,
    balance,
    histories,
    play,
    total,
)

DOLLAR = 10**12
DAY = Charge("2024-10-04/key/k1", DOLLAR, START_US + DAY_US)
MONTH = Charge("2024-10/total/", 10 * DOLLAR, START_US + 28 * DAY_US)


def reservation(
    name: str,
    most: int,
    *,
    least: int | None = None,
    charges: tuple[Charge, ...] = (DAY, MONTH),
    at_us: int = START_US,
    payer: Payer = PAYER,
) -> Reserve:
    """A reservation that expires a minute later."""
    return Reserve(
        id=attempt_id(at_us, name, 1),
        payer=payer,
        charges=charges,
        most=most,
        least=most if least is None else least,
        at_us=at_us,
        expires_us=at_us + 60_000_000,
        owner="suite",
    )


def settlement(reserve: Reserve, cost: int | None, **facts: object) -> Settle:
    """What closes a reservation; ``facts`` are of its Record."""
    return Settle(
        Record(id=reserve.id, at_us=reserve.at_us, payer=reserve.payer, cost=cost, **facts)  # type: ignore[arg-type]
    )


class LedgerSuite:
    """Subclass it as ``Test...`` with a fixture ``ledger``: an empty one."""

    def test_what_was_reserved_is_set_aside_in_every_account(self, ledger: Ledger) -> None:
        """And comes back but for what the attempt cost."""
        asked = reservation("a", 300)
        assert ledger.apply([asked]) == [Granted(300)]
        assert (balance(ledger, DAY.account), balance(ledger, MONTH.account)) == (
            (0, 300),
            (0, 300),
        )
        assert ledger.apply([settlement(asked, 120)]) == [Closed(changed=True)]
        assert (balance(ledger, DAY.account), balance(ledger, MONTH.account)) == (
            (120, 0),
            (120, 0),
        )

    def test_one_account_without_room_refuses_for_all(self, ledger: Ledger) -> None:
        """The refusal names it; nothing is set aside in the others."""
        small = Charge("2024-10-04/user/ana", 100)
        ledger.apply([reservation("a", 60, charges=(small,))])
        refused = ledger.apply([reservation("b", 50, charges=(DAY, small, MONTH))])
        assert refused == [Refused(small.account, 100, 0, 60)]
        assert (balance(ledger, DAY.account), balance(ledger, small.account)) == ((0, 0), (0, 60))

    def test_what_is_left_is_granted_where_it_is_enough(self, ledger: Ledger) -> None:
        """To the last unit."""
        small = (Charge("x", 100), MONTH)
        first, second = ledger.apply(
            [
                reservation("a", 70, least=10, charges=small),
                reservation("b", 70, least=30, charges=small),
            ]
        )
        assert (first, second) == (Granted(70), Granted(30))
        assert ledger.apply([reservation("c", 1, charges=small)]) == [Refused("x", 100, 0, 100)]
        assert balance(ledger, MONTH.account) == (0, 100)

    def test_everything_counts_once(self, ledger: Ledger) -> None:
        """In one batch, and in several."""
        asked = reservation("a", 300)
        assert ledger.apply([asked, asked]) == [Granted(300), Repeated()]
        assert ledger.apply([asked]) == [Repeated()]
        paid = settlement(asked, 100)
        assert ledger.apply([paid, paid]) == [Closed(changed=True), Closed(changed=False)]
        assert ledger.apply([settlement(asked, 200), Release(asked.id), asked]) == [
            Closed(changed=False),
            Closed(changed=False),
            Repeated(),
        ]
        assert (balance(ledger, DAY.account), total(ledger).cost) == ((100, 0), 100)

    def test_what_was_released_was_never_there(self, ledger: Ledger) -> None:
        """Before or after it was reserved, any number of times."""
        asked = reservation("a", 300)
        assert ledger.apply([Release(asked.id)]) == [Closed(changed=False)]
        ledger.apply([asked])
        assert ledger.apply([Release(asked.id), Release(asked.id)]) == [
            Closed(changed=True),
            Closed(changed=False),
        ]
        assert (balance(ledger, DAY.account), total(ledger).n) == ((0, 0), 0)
        assert ledger.apply([asked, Release(asked.id), asked]) == [
            Granted(300),
            Closed(changed=True),
            Granted(300),
        ]
        assert balance(ledger, DAY.account) == (0, 300)

    def test_a_call_is_paid_from_the_windows_it_was_reserved_in(self, ledger: Ledger) -> None:
        """However late it is settled."""
        asked = reservation("a", 300)
        later = reservation(
            "b", 1, charges=(Charge("2024-10-05/key/k1", 5), MONTH), at_us=START_US + DAY_US
        )
        ledger.apply([asked])
        ledger.apply([later, settlement(asked, 200)])
        assert balance(ledger, DAY.account) == (200, 0)
        assert balance(ledger, later.charges[0].account) == (0, 1)

    def test_a_limit_lowered_below_what_is_spent_refuses(self, ledger: Ledger) -> None:
        """And one that is raised allows again."""
        asked = reservation("a", 300)
        ledger.apply([asked, settlement(asked, 300)])
        lower = (Charge(DAY.account, 100, DAY.ends_us),)
        assert ledger.apply([reservation("b", 0, charges=lower)]) == [
            Refused(DAY.account, 100, 300, 0)
        ]
        assert ledger.apply([reservation("c", 50)]) == [Granted(50)]

    def test_what_costs_more_than_was_reserved_is_paid_in_full(self, ledger: Ledger) -> None:
        """It is told, and blocks what comes after."""
        asked = reservation("a", 100)
        ledger.apply([asked])
        paid = ledger.apply([settlement(asked, DOLLAR + 7)])
        assert paid == [Closed(changed=True, beyond=DOLLAR - 93)]
        assert ledger.apply([reservation("b", 1)]) == [Refused(DAY.account, DOLLAR, DOLLAR + 7, 0)]

    def test_nobody_settled_in_time_is_settled_at_the_worst(self, ledger: Ledger) -> None:
        """By whoever sweeps, once; and it is shown."""
        asked = reservation("a", 300)
        ledger.apply([asked])
        assert ledger.sweep(now_us=asked.expires_us - 1, keep_since_us=0) == []
        assert ledger.sweep(now_us=asked.expires_us, keep_since_us=0) == [
            Lapsed(id=asked.id, owner="suite", amount=300)
        ]
        assert ledger.sweep(now_us=asked.expires_us, keep_since_us=0) == []
        assert balance(ledger, DAY.account) == (300, 0)
        found = total(ledger)
        assert (found.n, found.n_lapsed, found.n_failed, found.n_estimated) == (1, 1, 1, 1)
        assert (found.cost, found.unconfirmed) == (300, 300)

    def test_a_late_settlement_corrects_the_worst_case(self, ledger: Ledger) -> None:
        """And so does a late release."""
        late, never = reservation("a", 300), reservation("b", 40)
        ledger.apply([late, never])
        ledger.sweep(now_us=late.expires_us, keep_since_us=0)
        assert ledger.apply([settlement(late, 120), settlement(late, 120)]) == [
            Closed(changed=True),
            Closed(changed=False),
        ]
        assert ledger.apply([Release(never.id)]) == [Closed(changed=True)]
        assert (balance(ledger, DAY.account), total(ledger).cost) == ((120, 0), 120)
        assert (total(ledger).n_lapsed, total(ledger).unconfirmed) == (0, 0)

    def test_an_allowance_pays_for_attempts_and_keeps_the_rest(self, ledger: Ledger) -> None:
        """Each counts once, and is use; what is left is given back."""
        held = replace(reservation("held", 10**9, least=1), ahead=True)
        assert ledger.apply([held]) == [Granted(10**9)]
        first, second = reservation("a", 5), reservation("b", 5)
        paid = [replace(settlement(one, cost=7), allowance=held.id) for one in (first, second)]
        assert ledger.apply([*paid, paid[0]]) == [
            Closed(changed=True),
            Closed(changed=True),
            Closed(changed=False),
        ]
        assert balance(ledger, DAY.account) == (14, 10**9 - 14)
        beyond = replace(settlement(reservation("c", 5), cost=10**9), allowance=held.id)
        assert ledger.apply([beyond]) == [Closed(changed=True, beyond=14)]
        assert balance(ledger, MONTH.account) == (10**9 + 14, 0)
        assert ledger.apply([Release(held.id)]) == [Closed(changed=True)]
        assert (total(ledger).n, total(ledger).cost) == (3, 10**9 + 14)

    def test_an_allowance_is_a_small_part_of_what_is_left(self, ledger: Ledger) -> None:
        """A hundredth of it, and nothing where a tenth is reserved already."""
        held = replace(reservation("a", DOLLAR, least=1), ahead=True)
        assert ledger.apply([held]) == [Granted(DOLLAR // 100)]
        ledger.apply([reservation("b", DOLLAR // 12)])
        more = replace(reservation("c", DOLLAR, least=1), ahead=True)
        assert ledger.apply([more]) == [
            Refused(DAY.account, DOLLAR, 0, DOLLAR // 100 + DOLLAR // 12)
        ]

    def test_an_allowance_that_lapsed_counts_less_by_what_it_pays(self, ledger: Ledger) -> None:
        """The sum of what is used stays."""
        held = replace(reservation("held", 1_000, least=1), ahead=True)
        ledger.apply([held])
        ledger.sweep(now_us=held.expires_us, keep_since_us=0)
        assert balance(ledger, DAY.account) == (1_000, 0)
        late = replace(settlement(reservation("a", 5), cost=300), allowance=held.id)
        assert ledger.apply([late]) == [Closed(changed=True)]
        assert balance(ledger, DAY.account) == (1_000, 0)
        assert (total(ledger).n, total(ledger).cost, total(ledger).unconfirmed) == (2, 1_000, 700)

    def test_old_records_and_windows_are_forgotten(self, ledger: Ledger) -> None:
        """What is open or without end stays."""
        for_ever = Charge("ever/total/", DOLLAR)
        old = reservation("a", 10, charges=(DAY, for_ever))
        waits = reservation("b", 10, charges=(for_ever,))
        new = reservation("c", 10, at_us=START_US + 40 * DAY_US, charges=(for_ever,))
        ledger.apply([old, waits, new, settlement(old, 5), settlement(new, 6)])
        ledger.sweep(now_us=START_US, keep_since_us=START_US + 40 * DAY_US)
        assert ledger.balances("") == [Balance(account="ever/total/", spent=11, reserved=10)]
        assert total(ledger).cost == 6

    def test_money_is_exact_beyond_what_a_float_holds(self, ledger: Ledger) -> None:
        """Up to the largest budget."""
        large = Charge("ever/total/", 9_000_000 * DOLLAR)
        asked = reservation("a", large.limit - 1, charges=(large,))
        ledger.apply([asked, settlement(asked, 8_999_999_999_999_999_999)])
        assert balance(ledger, large.account) == (8_999_999_999_999_999_999, 0)
        assert ledger.apply([reservation("b", 2, charges=(large,))]) == [
            Refused(large.account, large.limit, 8_999_999_999_999_999_999, 0)
        ]
        assert ledger.apply([reservation("c", 1, charges=(large,))]) == [Granted(1)]
        more = settlement(reservation("d", 0), 8_999_999_999_999_999_999)
        ledger.apply([more])
        assert total(ledger).cost == 2 * 8_999_999_999_999_999_999

    def test_records_are_kept_whole(self, ledger: Ledger) -> None:
        """Of attempts that nothing was reserved for, too."""
        usage = Usage(
            input_tokens=100,
            output_tokens=50,
            cached_tokens=30,
            cache_write_tokens=20,
            cache_write_1h_tokens=10,
            reasoning_tokens=5,
            input_audio_tokens=2,
            output_audio_tokens=1,
        )
        free = reservation("a", 0)
        failed = reservation("b", 0)
        paid = ledger.apply(
            [
                settlement(
                    free,
                    70,
                    usage=usage,
                    price_version="p1",
                    latency_us=1500,
                    first_token_us=700,
                    cache=CacheUse.MISS,
                ),
                settlement(failed, 3, estimated=True, failure="gateway.stream_cut", latency_us=500),
                settlement(reservation("c", 0), None, usage=usage),
            ]
        )
        assert paid == [Closed(changed=True)] * 3
        assert ledger.balances("") == []
        assert total(ledger) == UsageSum(
            n=3,
            n_failed=1,
            n_estimated=1,
            n_unpriced=1,
            input_tokens=200,
            output_tokens=100,
            cached_tokens=60,
            cache_write_tokens=40,
            reasoning_tokens=10,
            cost=73,
            unconfirmed=3,
            latency_us=2000,
        )

    def test_use_is_summed_by_day_key_user_provider_model_and_tag(self, ledger: Ledger) -> None:
        """One or several of them, within a span of time, in order."""
        bob = Payer(provider="anthropic", model="claude", user="bob 模型", tags={"team": "ads"})
        other = Payer(provider="openai", model="gpt-4o", key="k1", tags={"org": "x"})
        records = [
            settlement(reservation("a", 0), 1),
            settlement(reservation("b", 0, payer=bob), 2),
            settlement(reservation("c", 0, payer=other, at_us=START_US + DAY_US - 1), 4),
            settlement(reservation("d", 0, payer=other, at_us=START_US + DAY_US), 8),
        ]
        ledger.apply(records)

        def by(*names: By) -> dict[tuple[str | None, ...], int]:
            question = replace(ALL, by=names, tag="team")
            return {one.group: one.cost for one in ledger.usage(question)}

        assert by(By.DAY) == {("2024-10-04",): 7, ("2024-10-05",): 8}
        assert by(By.KEY) == {(None,): 2, ("k1",): 13}
        assert by(By.USER) == {(None,): 12, ("ana",): 1, ("bob 模型",): 2}
        assert by(By.PROVIDER) == {("anthropic",): 2, ("openai",): 13}
        assert by(By.TAG) == {(None,): 12, ("ads",): 2, ("search",): 1}
        assert list(by(By.MODEL, By.DAY).items()) == [
            (("claude", "2024-10-04"), 2),
            (("gpt-4o", "2024-10-04"), 5),
            (("gpt-4o", "2024-10-05"), 8),
        ]
        span = UsageQuestion(since_us=START_US + 1, until_us=START_US + DAY_US)
        assert [one.cost for one in ledger.usage(span)] == [4]
        assert ledger.usage(UsageQuestion(since_us=0, until_us=1)) == []

    def test_failures_fallbacks_latencies_and_all_tags_tell_apart_too(self, ledger: Ledger) -> None:
        """By hour and by minute, as well."""
        bare = Payer(provider="openai", model="gpt-4o")
        records = [
            settlement(reservation("a", 0), 1, latency_us=99),
            settlement(reservation("b", 0, at_us=START_US + 3_660_000_000), 2, latency_us=123_456),
            settlement(reservation("c", 0, payer=bare), 4, failure="gateway.timed_out"),
            settlement(reservation("d", 0), 8, instead_of="x/y", latency_us=1_299_999),
        ]
        ledger.apply(records)
        names = (By.FAILURE, By.INSTEAD_OF, By.LATENCY, By.TAGS, By.HOUR, By.MINUTE)
        found = ledger.usages([replace(ALL, by=(name,)) for name in names])
        assert [[(one.group[0], one.cost) for one in some] for some in found] == [
            [(None, 11), ("gateway.timed_out", 4)],
            [(None, 7), ("x/y", 8)],
            [(None, 4), ("120000", 2), ("1200000", 8), ("99", 1)],
            [(None, 4), ('{"team":"search"}', 11)],
            [("2024-10-04T00", 13), ("2024-10-04T01", 2)],
            [("2024-10-04T00:00", 13), ("2024-10-04T01:01", 2)],
        ]
        assert ledger.usages([]) == []

    def test_those_that_cost_most_are_enough_where_that_is_asked(self, ledger: Ledger) -> None:
        """However many users callers made up; among equals, those with most calls."""
        names = ["a", "b", "c", "d", "d", "e"]
        ledger.apply(
            [
                settlement(reservation(f"{n}", 0, payer=replace(PAYER, user=name)), cost)
                for n, (name, cost) in enumerate(zip(names, (5, 9, 0, 0, 0, 7), strict=True))
            ]
        )
        question = replace(ALL, by=(By.USER,), most=4)
        assert [one.group for one in ledger.usage(question)] == [("a",), ("b",), ("d",), ("e",)]
        tagged = replace(ALL, by=(By.TAG, By.USER), tag="team", most=1)
        assert [(one.group, one.cost) for one in ledger.usage(tagged)] == [(("search", "b"), 9)]
        accounts = [Charge(f"2024-10/user/{name}", 100) for name in "abc"]
        for account, most in zip(accounts, (5, 9, 7), strict=True):
            ledger.apply([reservation(account.account, most, charges=(account,))])
        found = ledger.balances("2024-10/user/", most=2)
        assert [one.account for one in found] == ["2024-10/user/b", "2024-10/user/c"]

    def test_calls_without_an_attempt_are_counted_and_paid_by_nobody(self, ledger: Ledger) -> None:
        """The last word on a count stands; it is forgotten with what is as old."""
        hits = Record(
            id=attempt_id(START_US, "w/1", 0),
            at_us=START_US,
            payer=PAYER,
            cost=40,
            cache=CacheUse.SEMANTIC,
            n=2,
        )
        refused = Record(
            id=attempt_id(START_US, "w/2", 0), at_us=START_US, payer=PAYER, failure="no", n=3
        )
        more = replace(hits, n=5, cost=100)
        paid = settlement(reservation("a", 0), 7, failure="no", latency_us=10)
        assert ledger.apply([Count(hits), Count(refused), paid]) == [Closed(changed=True)] * 3
        assert ledger.apply([Count(more), Count(more)]) == [Closed(changed=True)] * 2
        assert total(ledger) == UsageSum(
            n=1, n_failed=1, cost=7, latency_us=10, n_hits=5, n_semantic=5, saved=100, n_refused=3
        )
        by = [replace(ALL, by=(name,)) for name in (By.FAILURE, By.KEY, By.LATENCY)]
        failures, keys, latencies = ledger.usages(by)
        assert [(one.group, one.n_calls) for one in failures] == [((None,), 5), (("no",), 4)]
        assert [(one.group, one.saved) for one in keys] == [(("k1",), 100)]
        assert [(one.group, one.n) for one in latencies] == [((None,), 0), (("10",), 1)]
        assert ledger.balances("") == []
        ledger.sweep(now_us=START_US, keep_since_us=START_US + DAY_US)
        assert ledger.usage(ALL) == []

    def test_open_reservations_are_not_use(self, ledger: Ledger) -> None:
        """They stand in the balances alone."""
        ledger.apply([reservation("a", 5)])
        assert ledger.usage(ALL) == []

    def test_balances_are_found_by_the_beginning_of_their_names(self, ledger: Ledger) -> None:
        """Whatever characters these have."""
        names = ["2024-10/key/a", "2024-10/key/a%", "2024-10/key/ab", "2024-10/key/模", "2024-11/x"]
        asked = reservation("a", 1, charges=tuple(Charge(name, 5) for name in names))
        ledger.apply([asked])
        assert [one.account for one in ledger.balances("2024-10/")] == names[:4]
        assert [one.account for one in ledger.balances("2024-10/key/a%")] == [names[1]]
        assert ledger.balances("2025") == []

    def test_nothing_at_all_is_done_gladly(self, ledger: Ledger) -> None:
        """An empty batch."""
        assert ledger.apply([]) == []

    def test_large_batches_are_done_in_order(self, ledger: Ledger) -> None:
        """More than any database takes in one statement."""
        charge = (Charge("ever/total/", 500),)
        asked = [reservation(f"{i}", 1, charges=charge) for i in range(600)]
        outcomes = ledger.apply(asked)
        assert outcomes == [Granted(1)] * 500 + [Refused("ever/total/", 500, 0, 500)] * 100
        paid = ledger.apply([settlement(one, 1) for one in asked[:500]])
        assert paid == [Closed(changed=True)] * 500
        assert balance(ledger, charge[0].account) == (500, 0)

    def test_many_at_once_never_pass_the_limit(self, ledger: Ledger) -> None:
        """Threads that reserve, settle and release against money for ten."""
        charge = (Charge("ever/total/", 100),)

        def spend(me: int) -> int:
            asked = reservation(f"{me}", 10, charges=charge)
            if not isinstance(ledger.apply([asked])[0], Granted):
                return 0
            assert sum(balance(ledger, charge[0].account)) <= 100
            if me % 3 == 0:
                ledger.apply([Release(asked.id)])
                return 0
            ledger.apply([settlement(asked, 10)])
            return 10

        paid = sum(at_once(spend, 40))
        assert paid <= 100
        assert balance(ledger, charge[0].account) == (paid, 0)
        rest = [reservation(f"rest{i}", 10, charges=charge) for i in range((100 - paid) // 10)]
        assert ledger.apply(rest) == [Granted(10)] * len(rest)

    def test_a_closed_ledger_says_so(self, ledger: Ledger) -> None:
        """It can be closed twice."""
        ledger.close()
        ledger.close()
        with pytest.raises(Unavailable, match="closed"):
            ledger.apply([reservation("a", 1)])

    def test_an_attempt_that_lapsed_may_be_released_and_made_again(self, ledger: Ledger) -> None:
        """In one batch, too: its old record was left beside the new reservation."""
        asked = Reserve(
            id=attempt_id(START_US, "p", 1),
            payer=PAYER,
            charges=(),
            most=1,
            least=1,
            at_us=START_US,
            expires_us=START_US + 1,
            owner="suite",
        )
        play(ledger, [[asked, START_US + 1], [Release(asked.id), asked]])

    def test_any_history_agrees_with_the_model(self, ledger: Ledger) -> None:
        """Outcomes, balances and records, however operations are cut into batches."""

        @settings(max_examples=60)
        @given(histories())
        def agree(history: list[list[Operation | int]]) -> None:
            play(ledger, history)

        agree()

"""What every ledger must tell of use; part of `ledger_suite.LedgerSuite`."""

from __future__ import annotations

from msgspec.structs import replace

from seatrial.gateway.chat.call import CacheUse
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.ledger.budget import Charge, Payer
from seatrial.gateway.ledger.ledger import Closed, Count, Ledger, attempt_id
from seatrial.gateway.ledger.usage import By, Record, UsageQuestion, UsageSum
from seatrial.testing.ledger_entries import reservation, settlement
from seatrial.testing.ledger_model import ALL, DAY_US, PAYER, START_US, total


class LedgerUsageSuite:
    """Needs a fixture ``ledger``: an empty one."""

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

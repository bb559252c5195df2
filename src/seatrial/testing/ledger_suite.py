"""What every ledger must do; see `gateway.ledger.ledger.Ledger`."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from seatrial.gateway.ledger.budget import Charge
from seatrial.gateway.ledger.ledger import (
    Balance,
    Closed,
    Granted,
    Lapsed,
    Ledger,
    Operation,
    Refused,
    Release,
    Repeated,
    Reserve,
    attempt_id,
)
from seatrial.kernel.errors import Unavailable
from seatrial.testing.concurrency import at_once
from seatrial.testing.ledger_entries import DAY, DOLLAR, MONTH, reservation, settlement
from seatrial.testing.ledger_model import DAY_US, PAYER, START_US, balance, histories, play, total
from seatrial.testing.ledger_usage_suite import LedgerUsageSuite


class LedgerSuite(LedgerUsageSuite):
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

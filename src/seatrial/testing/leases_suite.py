"""What leases must do: the suite for `kernel.store.Leases`."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from seatrial.kernel.errors import Invalid
from seatrial.kernel.store import Lease, Leases
from seatrial.testing.concurrency import at_once

_SHORT_S = 0.02


class LeasesSuite:
    """Subclass it as ``Test...`` with a fixture ``store`` that yields an empty one."""

    def pass_time(self, seconds: float) -> None:
        """Let time pass on the store's clock; override it when the clock is a fake."""
        time.sleep(seconds)

    def test_a_free_lease_is_granted_to_who_asks_first(self, store: Leases) -> None:
        """And to nobody else while it lasts."""
        lease = store.acquire("controller", "ana", ttl_s=60)
        assert lease is not None
        assert (lease.name, lease.holder) == ("controller", "ana")
        assert store.acquire("controller", "bob", ttl_s=60) is None

    def test_renewing_keeps_the_token(self, store: Leases) -> None:
        """A holder stays the same holder."""
        first = store.acquire("controller", "ana", ttl_s=60)
        assert store.acquire("controller", "ana", ttl_s=60) == first

    def test_leases_of_other_names_are_independent(self, store: Leases) -> None:
        """One holder may have several, several holders one each."""
        assert store.acquire("a", "ana", ttl_s=60)
        assert store.acquire("b", "bob", ttl_s=60)
        assert store.acquire("c", "ana", ttl_s=60)

    def test_an_expired_lease_goes_to_the_next_with_a_greater_token(self, store: Leases) -> None:
        """The token tells late writes of the former holder apart."""
        first = store.acquire("controller", "ana", ttl_s=_SHORT_S)
        self.pass_time(_SHORT_S * 1.5)
        second = store.acquire("controller", "bob", ttl_s=60)
        assert first
        assert second
        assert second.token > first.token
        assert store.acquire("controller", "ana", ttl_s=60) is None

    def test_renewing_makes_it_last_longer(self, store: Leases) -> None:
        """The new span counts from the renewal."""
        store.acquire("controller", "ana", ttl_s=_SHORT_S)
        store.acquire("controller", "ana", ttl_s=60)
        self.pass_time(_SHORT_S * 1.5)
        assert store.acquire("controller", "bob", ttl_s=60) is None

    def test_a_lease_given_back_is_free_and_its_token_is_not_used_again(
        self, store: Leases
    ) -> None:
        """Tokens grow over the whole life of the name."""
        first = store.acquire("controller", "ana", ttl_s=60)
        assert first
        store.release(first)
        second = store.acquire("controller", "bob", ttl_s=60)
        assert second
        assert second.token > first.token

    def test_giving_back_what_another_holds_does_nothing(self, store: Leases) -> None:
        """Neither a stale token, nor another holder, nor an unknown name ends a lease."""
        lease = store.acquire("controller", "ana", ttl_s=60)
        assert lease
        store.release(replace(lease, token=lease.token - 1))
        store.release(replace(lease, holder="bob"))
        store.release(Lease(name="unknown", holder="bob", token=1))
        assert store.acquire("controller", "bob", ttl_s=60) is None

    @pytest.mark.parametrize("ttl_s", [0, -1, float("nan"), float("inf"), 1e6])
    def test_a_lease_lasts_more_than_nothing_and_at_most_a_day(
        self, store: Leases, ttl_s: float
    ) -> None:
        """Anything else would be a lock that outlives its holder."""
        with pytest.raises(Invalid):
            store.acquire("controller", "ana", ttl_s=ttl_s)

    @pytest.mark.parametrize(("name", "holder"), [("", "ana"), ("controller", ""), ("a\0", "b")])
    def test_names_are_printable_text(self, store: Leases, name: str, holder: str) -> None:
        """As everywhere in the store."""
        with pytest.raises(Invalid):
            store.acquire(name, holder, ttl_s=1)

    def test_of_many_at_once_one_gets_it(self, store: Leases) -> None:
        """Eight threads ask for one lease: one holder, one token."""
        granted = at_once(lambda me: store.acquire("c", f"p{me}", ttl_s=60), 8)
        assert len([lease for lease in granted if lease]) == 1

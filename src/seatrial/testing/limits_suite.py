"""What every LimitStore must do."""

from __future__ import annotations

import math

import pytest

from seatrial.gateway.policies.gcra import Limits, Rate
from seatrial.gateway.policies.limit_store import LimitStore

_SIX = Limits(requests=Rate(per_minute=6), tokens=Rate(per_minute=600))


class LimitStoreSuite:
    """Subclass it, with a fixture ``limits`` that gives an empty store.

    Where processes share a store, override `other` to open the same one again.
    """

    @pytest.fixture
    def other(self, limits: LimitStore) -> LimitStore:
        """Another door to the same store."""
        return limits

    async def test_a_new_key_has_full_buckets(self, limits: LimitStore) -> None:
        """So many at once, and no more."""
        taken = [await limits.take("a", _SIX, 1, 1000.0) for _ in range(7)]
        assert taken[:6] == [None] * 6
        refusal = taken[6]
        assert refusal is not None
        assert refusal.what == "requests"
        assert refusal.wait_s == pytest.approx(10)

    async def test_keys_do_not_know_each_other(self, limits: LimitStore) -> None:
        """What one takes is not missing to another."""
        assert await limits.take("a", _SIX, 600, 1000.0) is None
        assert await limits.take("b", _SIX, 600, 1000.0) is None

    async def test_what_is_refused_is_not_taken(self, limits: LimitStore) -> None:
        """Neither the tokens nor the request."""
        assert await limits.take("a", _SIX, 500, 1000.0) is None
        for _ in range(20):
            assert await limits.take("a", _SIX, 200, 1000.0) is not None
        assert await limits.take("a", _SIX, 100, 1000.0) is None

    async def test_time_gives_it_back(self, limits: LimitStore) -> None:
        """At the rate of the limit."""
        assert await limits.take("a", _SIX, 600, 1000.0) is None
        assert await limits.take("a", _SIX, 100, 1009.0) is not None
        assert await limits.take("a", _SIX, 100, 1010.0) is None

    async def test_more_than_there_can_ever_be_is_refused_for_ever(
        self, limits: LimitStore
    ) -> None:
        """And says so."""
        refusal = await limits.take("a", _SIX, 601, 1000.0)
        assert refusal is not None
        assert math.isinf(refusal.wait_s)

    async def test_corrections_go_both_ways(self, limits: LimitStore) -> None:
        """Tokens come back, or are owed."""
        assert await limits.take("a", _SIX, 600, 1000.0) is None
        await limits.correct("a", _SIX, -200, 1000.0)
        assert await limits.take("a", _SIX, 200, 1000.0) is None
        await limits.correct("a", _SIX, 100, 1000.0)
        refusal = await limits.take("a", _SIX, 100, 1000.0)
        assert refusal is not None
        assert refusal.wait_s == pytest.approx(20)

    async def test_all_who_open_it_share_it(self, limits: LimitStore, other: LimitStore) -> None:
        """Whoever asks, it is the same bucket."""
        for n in range(6):
            assert await (limits if n % 2 else other).take("a", _SIX, 1, 1000.0) is None
        assert await limits.take("a", _SIX, 1, 1000.0) is not None
        assert await other.take("a", _SIX, 1, 1000.0) is not None

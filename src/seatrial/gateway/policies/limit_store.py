"""The port: where the buckets of keys are kept. The suite is `seatrial.testing.LimitStoreSuite`.

`LocalLimits` is for one process. Several on one machine share one `adapters.llm.limits_shared`.
"""

from __future__ import annotations

from typing import Protocol

from seatrial.gateway.policies.gcra import Buckets, Limits, Refusal, correct, take

_PRUNE_AT = 10_000


class LimitStore(Protocol):
    """The buckets of all keys. ``now`` is monotonic, in s, on one clock for all who share them."""

    async def take(self, key: str, limits: Limits, n_tokens: float, now: float) -> Refusal | None:
        """Take one request and its tokens, or nothing and say why; a new key has full buckets."""
        ...

    async def correct(self, key: str, limits: Limits, n_tokens: float, now: float) -> None:
        """Take more tokens, or give some back (negative); never refused."""
        ...


class LocalLimits:
    """See LimitStore; in memory. Keys whose buckets are full again are forgotten in time."""

    def __init__(self) -> None:
        self._buckets: dict[str, Buckets] = {}
        self._prune_at = _PRUNE_AT

    async def take(self, key: str, limits: Limits, n_tokens: float, now: float) -> Refusal | None:
        """See LimitStore."""
        buckets, refusal = take(self._buckets.get(key, Buckets()), now, limits, n_tokens)
        if refusal is None:
            self._keep(key, buckets, now)
        return refusal

    async def correct(self, key: str, limits: Limits, n_tokens: float, now: float) -> None:
        """See LimitStore."""
        buckets = self._buckets.get(key, Buckets())
        self._keep(key, correct(buckets, now, limits, n_tokens), now)

    def _keep(self, key: str, buckets: Buckets, now: float) -> None:
        self._buckets[key] = buckets
        if len(self._buckets) > self._prune_at:
            self._buckets = {
                key: kept
                for key, kept in self._buckets.items()
                if kept.requests > now or kept.tokens > now
            }
            self._prune_at = max(_PRUNE_AT, 2 * len(self._buckets))

"""Counts calls that made no attempt: the cache answered them, or they were refused before.

Such a call shall cost no write that anybody waits for: counts are added up in memory, by minute and
by who asks, and handed to the ledger every few seconds. What a killed process had not handed over
is not counted; money is never in these counts.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from seatrial.gateway.chat.call import CacheUse, Call
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.ledger.budget import Payer, payer_of
from seatrial.gateway.ledger.ledger import Count, attempt_id
from seatrial.gateway.ledger.usage import MINUTE_US, Record
from seatrial.gateway.policies.kept_names import kept_name

EVERY_S: Final = 5.0
"""How long counts stay in memory at most: what a kill may lose."""

_MOST_GROUPS: Final = 10_000
_MOST_COSTS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferred:
    """Who answers for a route if the cache does not.

    Args:
        provider, model: as of a Payer.
        cost: of a call with this usage, in units; None where no price is known.
    """

    provider: str
    model: str
    cost: Callable[[Usage], int | None]


@dataclass(slots=True)
class _Group:
    """Calls of one minute that differ in nothing but their cost, in units."""

    id: str
    payer: Payer
    n: int = 0
    saved: int = 0
    due: bool = False


_Key: TypeAlias = tuple[
    str, str, str | None, str | None, tuple[tuple[str, str], ...], CacheUse, str | None
]


class Tallies:
    """Counts of one process, for one event loop.

    Args:
        post: hands a count to the ledger, soon and surely.
        owner: the process, unlike all others.
        wall: seconds since 1970.
        every_s: how long counts wait, > 0.
    """

    def __init__(
        self,
        post: Callable[[Count], None],
        *,
        owner: str,
        wall: Callable[[], float],
        every_s: float = EVERY_S,
    ) -> None:
        self._post, self._owner, self._wall, self._every_s = post, owner, wall, every_s
        self._minute = -1
        self._groups: dict[_Key, _Group] = {}
        self._costs: dict[tuple[str, str, Usage], int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(
        self, preferred: Preferred, call: Call, *, usage: Usage | None, failure: str | None
    ) -> None:
        """Count a call that made no attempt.

        Args:
            usage: of the answer that was given again; None where nobody told it.
            failure: code of the error it ended with; None for an answer.
        """
        minute = int(self._wall() // 60)
        if minute != self._minute:
            self._turn(minute)
        tags = tuple(call.tags.items()) if call.tags else ()
        use = _use(call, failure)
        key = (preferred.provider, preferred.model, call.key, call.user, tags, use, failure)
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= _MOST_GROUPS:  # callers make up users and tags without end
                call = msgspec.structs.replace(call, user=None, tags={})
                key = (*key[:3], None, (), use, failure)
            group = self._groups.setdefault(key, self._new(preferred, call, key))
        group.n += 1
        group.due = True
        if usage is not None:
            group.saved += self._cost(preferred, usage)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every_s, self.flush)

    def flush(self) -> None:
        """Hand over what was counted and is not handed over yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for key, group in self._groups.items():
            if group.due:
                group.due = False
                self._post(Count(self._record(group, use=key[-2], failure=key[-1])))

    def _turn(self, minute: int) -> None:
        self.flush()
        self._minute = minute
        self._groups.clear()
        self._costs.clear()  # prices may change

    def _new(self, preferred: Preferred, call: Call, key: _Key) -> _Group:
        name = hashlib.sha256(repr(key).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return _Group(
            attempt_id(self._minute * MINUTE_US, f"{self._owner}/{name}", 0),
            payer_of(call, preferred.provider, preferred.model, kept=kept_name),
        )

    def _cost(self, preferred: Preferred, usage: Usage) -> int:
        key = (preferred.provider, preferred.model, usage)
        cost = self._costs.get(key)
        if cost is None:
            if len(self._costs) >= _MOST_COSTS:
                self._costs.clear()
            cost = self._costs[key] = preferred.cost(usage) or 0
        return cost

    def _record(self, group: _Group, *, use: CacheUse, failure: str | None) -> Record:
        return Record(
            id=group.id,
            at_us=self._minute * MINUTE_US,
            payer=group.payer,
            cost=group.saved,
            cache=use,
            failure=failure,
            n=group.n,
        )


def _use(call: Call, failure: str | None) -> CacheUse:
    if failure is not None:
        return CacheUse.NONE
    semantic = call.journal.cache is CacheUse.SEMANTIC
    return CacheUse.SEMANTIC if semantic else CacheUse.HIT

"""Who calls, by when an answer is due, and what became of the call on its way."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

import msgspec

from seatrial.gateway.chat.response import Usage

_NOTHING = Decimal(0)


class CacheUse(StrEnum):
    """What the cache did for a call."""

    NONE = "none"
    HIT = "hit"
    MISS = "miss"
    SEMANTIC = "semantic"
    """A question that says the same in other words had an answer."""
    JOINED = "joined"
    """An equal call was under way, and its answer serves both."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request sent to a provider.

    Args:
        provider, model: as the provider knows it.
        began, ended: monotonic, in s.
        first_token: monotonic, in s; None for an answer that came whole or not at all.
        failure: code of the error it ended with; None where it was answered.
        usage: None where the provider did not say.
        cost_usd: what it costs at ``price_version``; None where it is not known.
        estimated: whether the usage is the gateway's own estimate.
    """

    provider: str
    model: str
    began: float
    ended: float
    first_token: float | None = None
    failure: str | None = None
    usage: Usage | None = None
    cost_usd: Decimal | None = None
    price_version: str | None = None
    estimated: bool = False


class Journal:
    """What became of one call; policies write it, the reply, the usage table and spans read it."""

    __slots__ = ("_n_begun", "attempts", "beside", "cache", "notes")

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.beside: list[Attempt] = []
        """Requests that were no attempt at an answer, such as for the vector of a question."""
        self.cache = CacheUse.NONE
        self.notes: dict[str, object] = {}
        """By dotted name what policies changed, such as ``fit.dropped_messages``."""
        self._n_begun = 0

    def begin_attempt(self) -> int:
        """The number of a new attempt, from 1; no two of a call have the same, even where they are
        under way together."""
        self._n_begun += 1
        return self._n_begun

    @property
    def cost_usd(self) -> Decimal:
        """What all attempts and what was asked beside them cost together; those of unknown cost
        count nothing."""
        if len(self.attempts) == 1 and not self.beside:  # as with most
            return self.attempts[0].cost_usd or _NOTHING
        total = _NOTHING
        for attempt in (*self.attempts, *self.beside):
            if attempt.cost_usd is not None:
                total += attempt.cost_usd
        return total


class Call(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The circumstances of one request. A policy may pass it on with less time; the journal stays.

    Args:
        id: unique.
        deadline: monotonic, in s; nothing is waited for beyond it.
        first_by: monotonic, in s, at most the deadline: by when a whole answer, or the first piece
            of a stream, must be there, because others shall have their turn. None for the deadline.
        key: id of the caller's key, never the key itself; None where none is asked for.
        tenant: whose answers may be shared from the cache.
        user, tags: for cost and budgets.
        journal: of this call alone.
    """

    id: str
    deadline: float
    journal: Journal
    key: str | None = None
    tenant: str = ""
    user: str | None = None
    tags: Mapping[str, str] = {}
    first_by: float | None = None

    @property
    def first_due(self) -> float:
        """By when a whole answer, or the first piece of a stream, must be there."""
        return self.deadline if self.first_by is None else self.first_by

"""Records of use: what every attempt was, and what it cost; and their sums."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec

from seatrial.gateway.chat.call import CacheUse
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.ledger.budget import Payer
from seatrial.gateway.ledger.money import usd

_DAY_US = 86_400_000_000


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt, as it is kept.

    Args:
        id: of the attempt.
        at_us: when it began, in microseconds since 1970.
        cost: in units, at the prices of ``price_version``; None where no price is known.
        usage: None where nobody knows it.
        estimated: whether the usage is not the provider's own word.
        latency_us: from sending to the last of the answer.
        first_token_us: from sending to the first of a streamed answer.
        cache: what the cache did before.
        failure: code of the error it ended with.
    """

    id: str
    at_us: int
    payer: Payer
    cost: int | None = None
    usage: Usage | None = None
    price_version: str | None = None
    estimated: bool = False
    latency_us: int | None = None
    first_token_us: int | None = None
    cache: CacheUse = CacheUse.NONE
    failure: str | None = None


class State(StrEnum):
    """What became of an attempt."""

    OPEN = "open"
    """Money is reserved for it."""
    SETTLED = "settled"
    LAPSED = "lapsed"
    """Nobody settled it in time: it counts at its worst case until somebody does."""


class By(StrEnum):
    """What sums are told apart by."""

    DAY = "day"
    KEY = "key"
    USER = "user"
    PROVIDER = "provider"
    MODEL = "model"
    TAG = "tag"


class UsageQuestion(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which records to sum, and how.

    Args:
        since_us, until_us: begin of the attempts, the second exclusive, in microseconds since 1970.
        by: what to tell apart, in the order of the answer's ``group``; empty for one sum of all.
        tag: name of the tag that TAG stands for.
    """

    since_us: int
    until_us: int
    by: tuple[By, ...] = ()
    tag: str = ""


class UsageSum(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Records added up; those of reservations that are still open are not among them.

    Args:
        group: a value for each of the question's ``by``, days as ``2026-11-26``; None for records
            that have none.
        n: how many attempts; ``n_failed``, ``n_estimated``, ``n_lapsed`` and ``n_unpriced`` of
            them ended with an error, were not measured by the provider, were never settled, and
            have no known price.
        cost: in units; ``unconfirmed`` of it are estimates and worst cases.
        latency_us: of all together.
    """

    group: tuple[str | None, ...] = ()
    n: int = 0
    n_failed: int = 0
    n_estimated: int = 0
    n_lapsed: int = 0
    n_unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost: int = 0
    unconfirmed: int = 0
    latency_us: int = 0

    @property
    def cost_usd(self) -> Decimal:
        """The cost in USD, exactly."""
        return usd(self.cost)

    @property
    def unconfirmed_usd(self) -> Decimal:
        """What of the cost is an estimate or a worst case, in USD."""
        return usd(self.unconfirmed)


_SUMMED = tuple(name for name in UsageSum.__struct_fields__ if name != "group")


def summed(records: Iterable[tuple[State, Record]], question: UsageQuestion) -> list[UsageSum]:
    """The sums of records, sorted by group; see UsageQuestion."""
    return merged(
        _single(state, record, question)
        for state, record in records
        if state is not State.OPEN and question.since_us <= record.at_us < question.until_us
    )


def merged(sums: Iterable[UsageSum]) -> list[UsageSum]:
    """Sums of equal groups added up, sorted by group."""
    totals: dict[tuple[str | None, ...], list[int]] = {}
    for one in sums:
        total = totals.setdefault(one.group, [0] * len(_SUMMED))
        for place, name in enumerate(_SUMMED):
            total[place] += getattr(one, name)
    return [
        UsageSum(group=group, **dict(zip(_SUMMED, totals[group], strict=True)))
        for group in sorted(totals, key=_none_first)
    ]


def day_name(day: int) -> str:
    """A number of days since 1970 as ``2026-11-26``."""
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day):%Y-%m-%d}"


def _none_first(group: tuple[str | None, ...]) -> list[tuple[bool, str]]:
    return [(value is not None, value or "") for value in group]


def _single(state: State, record: Record, question: UsageQuestion) -> UsageSum:
    usage = record.usage or Usage(input_tokens=0, output_tokens=0)
    cost = record.cost or 0
    confirmed = state is State.SETTLED and not record.estimated
    return UsageSum(
        group=tuple(_values(record, question)),
        n=1,
        n_failed=record.failure is not None,
        n_estimated=record.estimated,
        n_lapsed=state is State.LAPSED,
        n_unpriced=record.cost is None,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cost=cost,
        unconfirmed=0 if confirmed else cost,
        latency_us=record.latency_us or 0,
    )


def _values(record: Record, question: UsageQuestion) -> Iterator[str | None]:
    payer = record.payer
    for by in question.by:
        match by:
            case By.DAY:
                yield day_name(record.at_us // _DAY_US)
            case By.KEY:
                yield payer.key
            case By.USER:
                yield payer.user
            case By.PROVIDER:
                yield payer.provider
            case By.MODEL:
                yield payer.model
            case By.TAG:
                yield payer.tags.get(question.tag)

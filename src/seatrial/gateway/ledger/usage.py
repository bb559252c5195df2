"""Records of use: what every attempt was, and what it cost; and their sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from heapq import nlargest
from typing import Final

import msgspec

from seatrial.gateway.chat.call import CacheUse
from seatrial.gateway.chat.money import usd
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.ledger.budget import Payer

MINUTE_US = 60_000_000
_HOUR_US = 60 * MINUTE_US
_DAY_US = 24 * _HOUR_US


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt, as it is kept; or, with `State.COUNTED`, calls of one minute that made none.

    Args:
        id: of the attempt.
        at_us: when it began, in microseconds since 1970.
        cost: in units, at the prices of ``price_version``; None where no price is known. Of calls
            that made no attempt, what the provider would have taken for them.
        usage: None where nobody knows it.
        estimated: whether the usage is not the provider's own word.
        latency_us: from sending to the last of the answer.
        first_token_us: from sending to the first of a streamed answer.
        cache: what the cache did before.
        failure: code of the error it ended with.
        instead_of: the candidate, as ``provider/model``, that was to answer before this one.
        n: how many calls; 1 for an attempt.
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
    instead_of: str | None = None
    n: int = 1


class State(StrEnum):
    """What became of an attempt."""

    OPEN = "open"
    """Money is reserved for it."""
    SETTLED = "settled"
    LAPSED = "lapsed"
    """Nobody settled it in time: it counts at its worst case until somebody does."""
    COUNTED = "counted"
    """Calls that the cache answered, or, with a failure, that ended before any attempt."""


class By(StrEnum):
    """What sums are told apart by."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    KEY = "key"
    USER = "user"
    PROVIDER = "provider"
    MODEL = "model"
    TAG = "tag"
    TAGS = "tags"
    """All tags together, as a JSON object with its names in order."""
    FAILURE = "failure"
    INSTEAD_OF = "instead_of"
    LATENCY = "latency"
    """Microseconds, cut to two digits as `two_digits` does."""


class UsageQuestion(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which records to sum, and how.

    Args:
        since_us, until_us: begin of the attempts, the second exclusive, in microseconds since 1970.
        by: what to tell apart, in the order of the answer's ``group``; empty for one sum of all.
        tag: name of the tag that TAG stands for.
        most: groups of the answer, >= 1: those that cost most, and among equals have most calls;
            None for all, however many callers made.
    """

    since_us: int
    until_us: int
    by: tuple[By, ...] = ()
    tag: str = ""
    most: int | None = None


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
        n_hits: calls that the cache answered, or an equal call under way; they made no attempt.
        n_semantic: those of them whose answer had been given to other words.
        saved: what providers would have taken for them, in units, as far as that is known.
        n_refused: calls that ended with an error and made no attempt of their own.
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
    n_hits: int = 0
    n_semantic: int = 0
    saved: int = 0
    n_refused: int = 0

    @property
    def n_calls(self) -> int:
        """Attempts, hits and refusals together."""
        return self.n + self.n_hits + self.n_refused

    @property
    def saved_usd(self) -> Decimal:
        """What hits of the cache would have cost, in USD."""
        return usd(self.saved)

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
    return summed_each(records, [question])[0]


def summed_each(
    records: Iterable[tuple[State, Record]], questions: Sequence[UsageQuestion]
) -> list[list[UsageSum]]:
    """The sums of each question, of records that are looked at once and not kept."""
    totals: list[_Totals] = [{} for _ in questions]
    for state, record in records:
        if state is State.OPEN:
            continue
        for question, total in zip(questions, totals, strict=True):
            if question.since_us <= record.at_us < question.until_us:
                _add(total, _single(state, record, question))
    return [
        most_of(_sorted(total), question) for total, question in zip(totals, questions, strict=True)
    ]


def merged(sums: Iterable[UsageSum]) -> list[UsageSum]:
    """Sums of equal groups added up, sorted by group."""
    totals: _Totals = {}
    for one in sums:
        _add(totals, one)
    return _sorted(totals)


def most_of(sums: list[UsageSum], question: UsageQuestion) -> list[UsageSum]:
    """Those that the question asks for, in the same order."""
    if question.most is None or len(sums) <= question.most:
        return sums
    kept = nlargest(question.most, sums, key=lambda one: (one.cost, one.n_calls))
    return sorted(kept, key=lambda one: _none_first(one.group))


_Totals = dict[tuple[str | None, ...], list[int]]


def _add(totals: _Totals, one: UsageSum) -> None:
    total = totals.setdefault(one.group, [0] * len(_SUMMED))
    for place, name in enumerate(_SUMMED):
        total[place] += getattr(one, name)


def _sorted(totals: _Totals) -> list[UsageSum]:
    return [
        UsageSum(group=group, **dict(zip(_SUMMED, totals[group], strict=True)))
        for group in sorted(totals, key=_none_first)
    ]


def day_name(day: int) -> str:
    """A number of days since 1970 as ``2026-11-26``."""
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day):%Y-%m-%d}"


def hour_name(hour: int) -> str:
    """A number of hours since 1970 as ``2026-11-26T09``, in UTC."""
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hour):%Y-%m-%dT%H}"


def minute_name(minute: int) -> str:
    """A number of minutes since 1970 as ``2026-11-26T09:30``, in UTC."""
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minute):%Y-%m-%dT%H:%M}"


def two_digits(number: int) -> int:
    """A whole number >= 0 with all but its first two digits set to 0: less than a tenth smaller."""
    unit: int = 10 ** max(0, len(str(number)) - 2)
    return number // unit * unit


def _none_first(group: tuple[str | None, ...]) -> list[tuple[bool, str]]:
    return [(value is not None, value or "") for value in group]


def _single(state: State, record: Record, question: UsageQuestion) -> UsageSum:
    cost = record.cost or 0
    group = tuple(_VALUES[by](record, question.tag) for by in question.by)
    if state is State.COUNTED:
        refused = record.failure is not None
        return UsageSum(
            group=group,
            n_hits=0 if refused else record.n,
            n_semantic=record.n if record.cache is CacheUse.SEMANTIC else 0,
            n_refused=record.n if refused else 0,
            saved=cost,
        )
    usage = record.usage or Usage(input_tokens=0, output_tokens=0)
    confirmed = state is State.SETTLED and not record.estimated
    return UsageSum(
        group=group,
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


def tags_text(tags: Mapping[str, str]) -> str:
    """Tags as a JSON object, with its names in order; "" for none."""
    return msgspec.json.encode(dict(sorted(tags.items()))).decode() if tags else ""


_VALUES: Final[Mapping[By, Callable[[Record, str], str | None]]] = {
    By.MINUTE: lambda record, _: minute_name(record.at_us // MINUTE_US),
    By.HOUR: lambda record, _: hour_name(record.at_us // _HOUR_US),
    By.DAY: lambda record, _: day_name(record.at_us // _DAY_US),
    By.KEY: lambda record, _: record.payer.key,
    By.USER: lambda record, _: record.payer.user,
    By.PROVIDER: lambda record, _: record.payer.provider,
    By.MODEL: lambda record, _: record.payer.model,
    By.TAG: lambda record, tag: record.payer.tags.get(tag),
    By.TAGS: lambda record, _: tags_text(record.payer.tags) or None,
    By.FAILURE: lambda record, _: record.failure,
    By.INSTEAD_OF: lambda record, _: record.instead_of,
    By.LATENCY: lambda record, _: _cut(record.latency_us),
}


def _cut(latency_us: int | None) -> str | None:
    return None if latency_us is None else str(two_digits(latency_us))

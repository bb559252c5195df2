"""Where people and programs look at what is spent: command, API and console."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from seatrial.gateway.ledger.budget import Budget
from seatrial.gateway.ledger.ledger import Ledger
from seatrial.gateway.ledger.usage import MINUTE_US, By, UsageQuestion, UsageSum, merged
from seatrial.gateway.routes.keys import KeyRing
from seatrial.gateway.spend.budgets import budget_records, moment
from seatrial.gateway.spend.outlook import DAY_US, HOUR_US
from seatrial.gateway.spend.records import (
    Record,
    coarser,
    latencies_of,
    usage_record,
    usage_records,
)
from seatrial.gateway.spend.troubles import RECENT_S, troubles, worst
from seatrial.kernel.errors import Invalid


class SpanUnknown(Invalid):
    """Spending was asked for over a time that is not offered."""

    code = "gateway.span_unknown"


class Span(msgspec.Struct, frozen=True):
    """How far back one looks.

    Args:
        n_bins: bars over time, the last one under way.
        bin_us: microseconds that each spans.
        by: what the ledger tells bins apart by; several of these may make one bin.
    """

    n_bins: int
    bin_us: int
    by: By


SPANS: Final = {
    "1h": Span(60, MINUTE_US, By.MINUTE),
    "24h": Span(24, HOUR_US, By.HOUR),
    "7d": Span(28, 6 * HOUR_US, By.HOUR),
    "30d": Span(30, DAY_US, By.DAY),
}
DEFAULT_SPAN: Final = "24h"

MOST_ROWS: Final = 20
_MOST_KEYS: Final = 100
_MOST_TAGS: Final = 5
_FEW_TAGS: Final = 50

_AT_LEAST_S: Final = 2.0
_REST: Final = 20.0
"""A view is shown for so many times as long as it took: however many look, and however large the
ledger is, looking takes no more than a twentieth of a processor of each worker."""


class SpendDesk:
    """Reads one ledger. All calls block; thread-safe.

    Args:
        ledger: stays the caller's to close.
        budgets: as configured.
        keys: all keys there are, read after those that were known.
        wall: seconds since 1970.
        now: monotonic, in s.
    """

    def __init__(
        self,
        ledger: Ledger,
        budgets: Sequence[Budget],
        keys: Callable[[KeyRing], KeyRing],
        *,
        wall: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self._ledger, self._budgets, self._keys = ledger, tuple(budgets), keys
        self._wall, self._now = wall, now
        self._ring = KeyRing()
        self._lock = threading.Lock()
        self._views: dict[str, tuple[float, Record]] = {}

    def usage(self, by: tuple[By, ...], *, since_s: float, tag: str = "") -> list[Record]:
        """Records summed, with the names of keys; see `usage_records`.

        Args:
            since_s: how far back, > 0.
            tag: with `By.TAG`, its name.
        """
        now_us = int(self._wall() * 1e6)
        question = UsageQuestion(
            since_us=now_us - int(since_s * 1e6), until_us=now_us + 1, by=by, tag=tag
        )
        records = usage_records(self._ledger, question)
        if By.KEY in by:
            _name_keys(records, self._read_keys())
        return records

    def view(self, span: str = DEFAULT_SPAN) -> Record:
        """Everything about what is spent, as a JSON-able record.

        ``total`` of the span, its ``series`` over time, and ``by`` provider, model, key, user and
        tag, the costliest first, each with the ``rest`` of what is not shown; ``budgets`` as they
        stand now; ``failures`` by code, ``fallbacks`` by who was asked and who answered;
        ``troubles``, the worst first, and their worst ``level``.

        Args:
            span: one of `SPANS`.
        Raises: SpanUnknown; what the ledger and the store of keys raise.
        """
        if span not in SPANS:
            raise SpanUnknown(
                f"Spending over {span[:20]!r} is not kept ready.",
                remedy=f"Ask for one of {', '.join(SPANS)}.",
                span=span[:20],
            )
        with self._lock:  # whoever comes meanwhile gets the same view
            kept = self._views.get(span)
            began = self._now()
            if kept is None or began >= kept[0]:
                view = self._seen(span)
                took_s = self._now() - began
                kept = (began + max(_AT_LEAST_S, _REST * took_s), view)
                self._views[span] = kept
            return kept[1]

    def _read_keys(self) -> KeyRing:
        self._ring = self._keys(self._ring)
        return self._ring

    def _seen(self, name: str) -> Record:
        span, now_us = SPANS[name], int(self._wall() * 1e6)
        ring = self._read_keys()
        since_us = (now_us // span.bin_us - span.n_bins + 1) * span.bin_us
        sums = _Sums(self._ledger, span, since_us=since_us, now_us=now_us)
        budgets = budget_records(self._ledger, self._budgets, ring, now_us=now_us)
        rows = sums.rows()
        _name_keys(rows["key"]["rows"], ring)
        found = troubles(
            budgets, attempts=sums.recent, refusals=sums.refusals, total=sums.total_record
        )
        return {
            "span": name,
            "at": moment(now_us),
            "since": moment(since_us),
            "bin_s": span.bin_us // 1_000_000,
            "recent_s": RECENT_S,
            "level": worst(found),
            "troubles": found,
            "total": sums.total_record,
            "budgets": budgets,
            "series": sums.series(),
            "by": rows,
            "failures": sums.failures(),
            "fallbacks": sums.fallbacks(),
        }


class _Sums:
    """Answers of the ledger to all that one view asks."""

    def __init__(self, ledger: Ledger, span: Span, *, since_us: int, now_us: int) -> None:
        self._ledger, self._span, self._since_us = ledger, span, since_us
        until_us = now_us + 1

        def ask(*by: By, most: int | None = None, since_us: int = since_us) -> UsageQuestion:
            return UsageQuestion(since_us=since_us, until_us=until_us, by=by, most=most)

        self._ask = ask
        recent_us = now_us - RECENT_S * 1_000_000
        (
            self._fine,
            self._bins,
            self._keys,
            self._users,
            self._tags,
            self._failures,
            self._fallbacks,
            self.recent,
            self.refusals,
        ) = ledger.usages(
            [
                ask(By.PROVIDER, By.MODEL, By.LATENCY),
                ask(span.by),
                ask(By.KEY, most=_MOST_KEYS),
                ask(By.USER, most=MOST_ROWS),
                ask(By.TAGS, most=_FEW_TAGS),
                ask(By.FAILURE, By.PROVIDER, By.MODEL),
                ask(By.INSTEAD_OF, By.PROVIDER, By.MODEL),
                ask(By.PROVIDER, By.MODEL, since_us=recent_us),
                ask(By.FAILURE, since_us=recent_us),
            ]
        )
        self._models = coarser(self._fine)
        self._total = _whole(self._models)
        self.total_record = {
            **usage_record(self._total, (), _whole_latencies(self._fine, 0).get((), {})),
            "n_fallbacks": sum(one.n - one.n_failed for one in self._fallbacks if one.group[0]),
        }

    def series(self) -> list[Record]:
        """A record for each bin, the oldest first, those without a call included."""
        span, since_us = self._span, self._since_us
        bins: list[list[UsageSum]] = [[] for _ in range(span.n_bins)]
        for one in self._bins:
            place = (_started_us(one.group[0] or "") - since_us) // span.bin_us
            if 0 <= place < span.n_bins:
                bins[place].append(replace(one, group=()))
        return [
            {"at": moment(since_us + place * span.bin_us), **usage_record(_whole(some), ())}
            for place, some in enumerate(bins)
        ]

    def rows(self) -> dict[str, Any]:
        """By what sums are told apart: ``rows``, the costliest first, and the ``rest``."""
        models = (By.PROVIDER, By.MODEL)
        return {
            "model": self._told_apart(self._models, models, _whole_latencies(self._fine, 2)),
            "provider": self._told_apart(
                coarser(self._models), models[:1], _whole_latencies(self._fine, 1)
            ),
            "key": self._told_apart(self._keys, (By.KEY,)),
            "user": self._told_apart(self._users, (By.USER,)),
            "tags": self._by_tag(),
        }

    def failures(self) -> list[Record]:
        """Attempts and calls that failed, by code and who was to answer, the most first."""
        found = [
            {
                "code": one.group[0],
                "provider": one.group[1],
                "model": one.group[2],
                "n_failed": one.n_failed,
                "n_refused": one.n_refused,
            }
            for one in self._failures
            if one.group[0] is not None
        ]
        return sorted(found, key=lambda one: -one["n_failed"] - one["n_refused"])

    def fallbacks(self) -> list[Record]:
        """Who was asked in vain, who was asked instead, and how often that one answered."""
        found = [
            {
                "asked": one.group[0],
                "answered": f"{one.group[1]}/{one.group[2]}",
                "n": one.n - one.n_failed,
                "n_failed": one.n_failed,
            }
            for one in self._fallbacks
            if one.group[0] is not None
        ]
        return sorted(found, key=lambda one: (-one["n"], -one["n_failed"]))

    def _by_tag(self) -> dict[str, Any]:
        """By the values of each tag that costly calls have."""
        names: dict[str, None] = {}
        for one in sorted(self._tags, key=lambda one: -one.cost):
            if one.group[0]:
                names |= dict.fromkeys(msgspec.json.decode(one.group[0], type=dict[str, str]))
        tags = list(names)[:_MOST_TAGS]
        questions = [replace(self._ask(By.TAG, most=MOST_ROWS), tag=name) for name in tags]
        return {
            name: self._told_apart(found, (By.TAG,))
            for name, found in zip(tags, self._ledger.usages(questions), strict=True)
        }

    def _told_apart(
        self,
        sums: Iterable[UsageSum],
        by: tuple[By, ...],
        latencies: dict[tuple[str | None, ...], dict[int, int]] | None = None,
    ) -> Record:
        ordered = sorted(sums, key=lambda one: (-one.cost, -one.n_calls))
        first = ordered[:MOST_ROWS]
        rest = _less(self._total, first)
        return {
            "rows": [
                usage_record(one, by, None if latencies is None else latencies.get(one.group, {}))
                for one in first
            ],
            "rest": usage_record(rest, ()) if rest.n_calls else None,
        }


def _whole(sums: Iterable[UsageSum]) -> UsageSum:
    return next(iter(merged(replace(one, group=()) for one in sums)), UsageSum())


def _less(whole: UsageSum, parts: Iterable[UsageSum]) -> UsageSum:
    """What is in none of the parts."""
    shown = _whole(parts)
    names = [name for name in UsageSum.__struct_fields__ if name != "group"]
    left = {name: max(0, getattr(whole, name) - getattr(shown, name)) for name in names}
    return UsageSum(**left)


def _whole_latencies(
    fine: Iterable[UsageSum], n: int
) -> dict[tuple[str | None, ...], dict[int, int]]:
    """Latencies by the first ``n`` parts of groups."""
    cut = merged(replace(one, group=(*one.group[:n], one.group[-1])) for one in fine)
    return latencies_of(cut)


def _started_us(name: str) -> int:
    """When a minute, an hour or a day of this name began."""
    return int(datetime.fromisoformat(name).replace(tzinfo=UTC).timestamp() * 1e6)


def _name_keys(records: Iterable[Record], ring: KeyRing) -> None:
    for record in records:
        key = ring.get(record["key"] or "")
        record["key_name"] = None if key is None else key.name

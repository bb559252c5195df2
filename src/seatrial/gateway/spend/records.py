"""Sums of the ledger as plain records: what command, API and console show are the same ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from msgspec.structs import replace

from seatrial.gateway.chat.money import plain_usd
from seatrial.gateway.ledger.ledger import Ledger
from seatrial.gateway.ledger.usage import By, UsageQuestion, UsageSum, merged

Record: TypeAlias = dict[str, Any]
Latencies: TypeAlias = Mapping[int, int]
"""How many attempts were answered in so many microseconds, cut to two digits."""

COLUMNS: Final = (
    "n",
    "n_failed",
    "n_hits",
    "n_semantic",
    "n_refused",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_usd",
    "unconfirmed_usd",
    "saved_usd",
    "n_estimated",
    "n_lapsed",
    "n_unpriced",
)
QUANTILES: Final = {"p50_s": 0.5, "p95_s": 0.95, "p99_s": 0.99}

_WITHOUT_END: Final = frozenset({By.USER, By.TAG, By.TAGS, By.LATENCY})
"""Callers make as many of these as they like: each has no distribution of its own."""


def usage_records(ledger: Ledger, question: UsageQuestion) -> list[Record]:
    """The answer to a question; with latencies where its groups are few."""
    if question.most is not None or not _WITHOUT_END.isdisjoint(question.by):
        return [usage_record(one, question.by) for one in ledger.usage(question)]
    fine = ledger.usage(replace(question, by=(*question.by, By.LATENCY)))
    latencies = latencies_of(fine)
    return [usage_record(one, question.by, latencies.get(one.group, {})) for one in coarser(fine)]


def usage_record(one: UsageSum, by: Sequence[By], latencies: Latencies | None = None) -> Record:
    """A sum as a record.

    Costs are texts, exact; latencies are of attempts that were answered, in s, None where there are
    none, and left out with ``latencies`` None.
    """
    group = dict(zip((str(name) for name in by), one.group, strict=True))
    record = {**group, **{name: getattr(one, name) for name in COLUMNS}}
    for name in ("cost_usd", "unconfirmed_usd", "saved_usd"):
        record[name] = plain_usd(record[name])
    record["mean_latency_s"] = round(one.latency_us / one.n / 1e6, 4) if one.n else None
    if latencies is not None:
        for name, q in QUANTILES.items():
            record[name] = quantile_s(latencies, q)
    return record


def coarser(sums: Iterable[UsageSum]) -> list[UsageSum]:
    """Sums without the last part of their groups, sorted by group."""
    return merged(replace(one, group=one.group[:-1]) for one in sums)


def latencies_of(sums: Iterable[UsageSum]) -> dict[tuple[str | None, ...], dict[int, int]]:
    """How long answered attempts took, by group.

    Args:
        sums: of a question with `By.LATENCY` last.
    """
    found: dict[tuple[str | None, ...], dict[int, int]] = defaultdict(dict)
    for one in sums:
        low, n = one.group[-1], one.n - one.n_failed
        if low is not None and n:
            found[one.group[:-1]][int(low)] = n
    return found


def quantile_s(latencies: Latencies, q: float) -> float | None:
    """The latency that a share ``q`` of attempts does not exceed, in s; within a twentieth or so.

    Args:
        q: in (0, 1).
    """
    n = sum(latencies.values())
    if not n:
        return None
    rank, below = q * n, 0
    for low in sorted(latencies):
        more = latencies[low]
        if below + more >= rank:
            width = 10 ** max(0, len(str(low)) - 2)
            return float(f"{(low + width * (rank - below) / more) / 1e6:.3g}")
        below += more
    raise AssertionError(q)  # the last bucket reaches n >= rank

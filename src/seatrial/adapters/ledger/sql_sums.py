"""What a ledger's usage is in SQL: what it is grouped by, what is summed, and the sums read."""

from __future__ import annotations

from typing import Any

from seatrial.adapters.ledger.sql_rows import Row
from seatrial.gateway.chat.call import CacheUse
from seatrial.gateway.ledger.usage import (
    By,
    UsageQuestion,
    UsageSum,
    day_name,
    hour_name,
    minute_name,
)

GROUPS = {
    By.MINUTE: "at_us / 60000000",
    By.HOUR: "at_us / 3600000000",
    By.DAY: "at_us / 86400000000",
    By.KEY: "key_id",
    By.USER: "user_id",
    By.PROVIDER: "provider",
    By.MODEL: "model",
    By.TAGS: "nullif(tags, '')",
    By.FAILURE: "failure",
    By.INSTEAD_OF: "instead_of",
    By.LATENCY: "CASE "
    + " ".join(
        f"WHEN latency_us < {10 ** (n + 2)} THEN latency_us / {10**n} * {10**n}" for n in range(10)
    )
    + f" ELSE latency_us / {10**10} * {10**10} END",
}


def _halves(condition: str) -> tuple[str, str]:
    """The sum of costs, in two columns: SQLite refuses a sum beyond 64 bits."""
    return (
        f"coalesce(sum(CASE WHEN {condition} THEN cost / 1000000 END), 0)",
        f"coalesce(sum(CASE WHEN {condition} THEN cost - cost / 1000000 * 1000000 END), 0)",
    )


COST = "coalesce(sum(CASE WHEN state < 3 THEN cost * 1.0 END), 0)"

SUMS = (
    "count(CASE WHEN state < 3 THEN 1 END)",
    "count(CASE WHEN state < 3 THEN failure END)",
    "coalesce(sum(estimated), 0)",
    "count(CASE WHEN state = 2 THEN 1 END)",
    "count(CASE WHEN state < 3 AND cost IS NULL THEN 1 END)",
    "coalesce(sum(input_tokens), 0)",
    "coalesce(sum(output_tokens), 0)",
    "coalesce(sum(cached_tokens), 0)",
    "coalesce(sum(cache_write_tokens), 0)",
    "coalesce(sum(reasoning_tokens), 0)",
    *_halves("state < 3"),
    *_halves("state = 2 OR state = 1 AND estimated = 1"),
    "coalesce(sum(latency_us), 0)",
    "coalesce(sum(CASE WHEN state = 3 AND failure IS NULL THEN n END), 0)",
    *_halves("state = 3"),
    "coalesce(sum(CASE WHEN state = 3 AND failure IS NOT NULL THEN n END), 0)",
    f"coalesce(sum(CASE WHEN state = 3 AND cache = '{CacheUse.SEMANTIC}' THEN n END), 0)",
)


def sum_of(row: Row, question: UsageQuestion) -> UsageSum:
    """Read a row of what a question is grouped by, followed by `SUMS`."""
    n_groups = len(question.by)
    numbers = [int(value) for value in row[n_groups:]]
    return UsageSum(
        group=tuple(
            _value(by, value) for by, value in zip(question.by, row[:n_groups], strict=True)
        ),
        n=numbers[0],
        n_failed=numbers[1],
        n_estimated=numbers[2],
        n_lapsed=numbers[3],
        n_unpriced=numbers[4],
        input_tokens=numbers[5],
        output_tokens=numbers[6],
        cached_tokens=numbers[7],
        cache_write_tokens=numbers[8],
        reasoning_tokens=numbers[9],
        cost=numbers[10] * 1_000_000 + numbers[11],
        unconfirmed=numbers[12] * 1_000_000 + numbers[13],
        latency_us=numbers[14],
        n_hits=numbers[15],
        saved=numbers[16] * 1_000_000 + numbers[17],
        n_refused=numbers[18],
        n_semantic=numbers[19],
    )


def _value(by: By, value: Any) -> str | None:
    name = _TIMES.get(by)
    if name is not None:
        return name(int(value))
    return None if value is None else str(value)


_TIMES = {By.MINUTE: minute_name, By.HOUR: hour_name, By.DAY: day_name}

"""The world of the replay: the days of a market, and a feed that says late what came true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

ROWS = 48
"""Half hours of a day."""

LABEL = "up"
FEATURES = ["weekday", "period", "price", "demand"]

LEARNED, FIRST, LAST = 48, 60, 156
"""The first model learns on the days before LEARNED and is held against those before FIRST; then it
answers, until the day before LAST."""


def read_days(folder: Path) -> pd.DataFrame:
    """All half hours, in the order of time: the row of a day and period is day * ROWS + period."""
    return pd.read_parquet(folder / "electricity.parquet")


def name_of(day: int, period: int) -> str:
    """The id of a prediction."""
    return f"day{day}-{period}"


@dataclass(frozen=True, kw_only=True)
class Feed:
    """Says what came true.

    Args:
        truth: the labels, by row.
        late_days: how late it is.
        down: days on which nothing comes: from the first to before the second. On the second all
            that was missed comes at once.
        damaged: days whose labels were stored with times in UTC when they came, in a market that
            is ten hours ahead: each half hour has the label of ten hours later.
    """

    truth: Any
    late_days: int = 3
    down: tuple[int, int] = (116, 144)
    damaged: tuple[int, int] = (116, 136)
    shifted_rows: int = 20

    def of_day(self, day: int) -> list[dict[str, object]]:
        """What it sends at the end of a day: the prediction's id, and the label."""
        return [
            {"id": name_of(told, period), "label": self._label(told, period)}
            for told in self._told(day)
            for period in range(ROWS)
        ]

    def _told(self, day: int) -> Iterator[int]:
        first, end = self.down
        if first <= day < end:
            return
        newest = day - self.late_days
        oldest = first - self.late_days if day == end else newest
        yield from range(newest, max(oldest, FIRST) - 1, -1)  # the newest first

    def _label(self, day: int, period: int) -> int:
        first, end = self.damaged
        shift = self.shifted_rows if first <= day < end else 0
        return int(self.truth[day * ROWS + period + shift])

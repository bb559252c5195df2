"""Sums of whole numbers that are enough for a mean and its error: small, exact, mergeable."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from seatrial.stats.counts import BadStatistic


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """How many values there were, their sum and the sum of their squares.

    Values are whole numbers of some small unit, so that ``+`` is exact in every order.

    Args:
        n: values, >= 0.
        total: their sum, >= 0; 0 without a value.
        squares: the sum of their squares, at least ``total ** 2 / n``.

    Raises:
        BadStatistic: the sums contradict each other.
    """

    n: int = 0
    total: int = 0
    squares: int = 0

    def __post_init__(self) -> None:
        if min(self.n, self.total) < 0 or self.total**2 > self.n * self.squares:
            raise BadStatistic(
                f"{self.n} values cannot add up to {self.total}, and their squares to "
                f"{self.squares}.",
                remedy="Add each value to all three sums.",
                n=self.n,
            )

    @classmethod
    def of(cls, values: Iterable[int]) -> Moments:
        """The sums of some values, each >= 0."""
        given = list(values)
        return cls(n=len(given), total=sum(given), squares=sum(x * x for x in given))

    @property
    def mean(self) -> float | None:
        """In the unit of the values; None without one."""
        return self.total / self.n if self.n else None

    @property
    def deviation(self) -> float:
        """Standard deviation in the unit of the values, divided by n; 0 without a value."""
        if not self.n:
            return 0.0
        return math.sqrt(self.n * self.squares - self.total**2) / self.n

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            n=self.n + other.n,
            total=self.total + other.total,
            squares=self.squares + other.squares,
        )

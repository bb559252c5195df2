"""What a rate is judged from, and what the judgement looks like: counts and intervals."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.kernel.errors import Invalid


class BadStatistic(Invalid):
    """A number outside the range a formula is defined for."""

    code = "stats.bad_statistic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Trials, and how many of them were events (errors, slow answers).

    What holds of events holds of quantities in [0, 1], added up: see `stats/sequential.py`.

    Args:
        n: trials, >= 0.
        k: events among them, or such a sum; 0 <= k <= n.

    Raises:
        BadStatistic: the counts contradict each other.
    """

    n: int
    k: float

    def __post_init__(self) -> None:
        if not 0 <= self.k <= self.n:
            raise BadStatistic(
                f"{self.k} events in {self.n} trials is impossible.",
                remedy="Count every event as a trial too, and neither below 0.",
                n=self.n,
                k=self.k,
            )

    def __add__(self, other: Counts) -> Counts:
        return Counts(n=self.n + other.n, k=self.k + other.k)

    @property
    def rate(self) -> float | None:
        """Share of events in [0, 1]; None without a trial."""
        return self.k / self.n if self.n else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Where a quantity lies, in its own unit: ``lower <= upper``, either may be infinite."""

    lower: float
    upper: float


def check_share(name: str, value: float) -> None:
    """Refuse a probability that is not strictly between 0 and 1.

    Raises:
        BadStatistic: naming ``name`` and the value.
    """
    if not 0.0 < value < 1.0:
        raise BadStatistic(
            f"{name} is {value!r}, not strictly between 0 and 1.",
            remedy=f"Give {name} as a share, such as 0.05 for 5 %.",
            field=name,
        )

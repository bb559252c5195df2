"""What an experiment is to find out, and how: fixed before it starts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from seatrial.kernel.errors import Invalid


class BadExperiment(Invalid):
    """An experiment that cannot be run or judged as it is described."""

    code = "experiment.bad_design"


class Kind(StrEnum):
    """What a metric is made of.

    ``MEAN`` a number of each unit, ``SHARE`` 0 or 1 of each unit, ``RATIO`` the sum of one number
    over the sum of another, such as clicks per view.
    """

    MEAN = "mean"
    SHARE = "share"
    RATIO = "ratio"


class Direction(StrEnum):
    """Which way is good."""

    UP = "up"
    DOWN = "down"


class Role(StrEnum):
    """What a metric is there for.

    ``PRIMARY`` decides, ``GUARDRAIL`` must not become worse by its margin, ``SECONDARY`` explains.
    """

    PRIMARY = "primary"
    GUARDRAIL = "guardrail"
    SECONDARY = "secondary"


class Unit(StrEnum):
    """Whom the split is by: a user stays with a variant, a session may meet another one."""

    USER = "user"
    SESSION = "session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A quantity of every unit.

    Args:
        name: also of its column or of the outcomes that it sums.
        kind: what it is made of.
        role: what it is for.
        direction: which way is good.
        effect: the smallest change that matters, > 0, in the metric's unit; for the primary one.
        margin: the largest loss that is accepted, > 0, in the metric's unit; for guardrails.
        relative: whether effect and margin are shares of the control's value instead.
        denominator: name of what a ratio is over.
        covariate: name of a quantity from before the experiment that predicts it, or None.
    Raises: BadExperiment.
    """

    name: str
    kind: Kind = Kind.MEAN
    role: Role = Role.SECONDARY
    direction: Direction = Direction.UP
    effect: float | None = None
    margin: float | None = None
    relative: bool = False
    denominator: str | None = None
    covariate: str | None = None

    def __post_init__(self) -> None:
        for field, value in (("effect", self.effect), ("margin", self.margin)):
            if value is not None and not 0 < value < math.inf:
                raise BadExperiment(
                    f"The {field} of {self.name!r} is {value!r}.",
                    remedy="Give its size as a number above 0; the direction says which way.",
                    field=field,
                )
        if (self.role is Role.GUARDRAIL) != (self.margin is not None):
            raise BadExperiment(
                f"{self.name!r} is a {self.role.value} metric with a margin of {self.margin}.",
                remedy="Give every guardrail, and no other metric, the loss that is accepted.",
                field="margin",
            )
        if (self.kind is Kind.RATIO) != (self.denominator is not None):
            raise BadExperiment(
                f"{self.name!r} is a {self.kind.value} over {self.denominator!r}.",
                remedy="Name a denominator for a ratio, and for nothing else.",
                field="denominator",
            )

    @property
    def sign(self) -> int:
        """1 where more is good, -1 where less is."""
        return 1 if self.direction is Direction.UP else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One of the things compared.

    Args: share: of the units in the experiment, in any unit, > 0.
    """

    name: str
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """When the experiment ends as planned: when both are reached.

    Args:
        units: in all variants together, > 0, or None.
        days: since it began, > 0, or None.
    """

    units: int | None = None
    days: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """A place in an exclusion group: whoever is in one experiment of a group is in no other.

    Args: start, end: of the group's units, in [0, 1], start < end.
    """

    group: str
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """An experiment as planned.

    Args:
        name: also what the split depends on.
        hypothesis: what is expected and why, in a sentence.
        variants: the control first, two or more.
        metrics: one primary, the others in the order of reading.
        alpha: in (0, 0.5), the chance of shipping what is no better, all looks together.
        power: in (0, 1), the chance of finding the primary metric's effect at the horizon.
        early_part: share of alpha for decisions before the horizon, in [0, 1); 0 waits for it.
        traffic: share of the units that could be in it that are, in (0, 1].
        unit: whom the split is by.
        slots: its place among experiments that exclude each other, or None.
        horizon: when it is over; without one it is judged by what holds at any look, for ever.
        window_s: how long after its first exposure a unit's outcomes count; None for ever.
    Raises: BadExperiment.
    """

    name: str
    variants: tuple[Variant, ...]
    metrics: tuple[Metric, ...]
    hypothesis: str = ""
    alpha: float = 0.05
    power: float = 0.8
    early_part: float = 0.2
    traffic: float = 1.0
    unit: Unit = Unit.USER
    slots: Slots | None = None
    horizon: Horizon = Horizon()
    window_s: float | None = None

    def __post_init__(self) -> None:
        self._check_names()
        bounds = (
            ("alpha", 0 < self.alpha < 0.5, "between 0 and 0.5"),
            ("power", 0 < self.power < 1, "between 0 and 1"),
            ("early_part", 0 <= self.early_part < 1, "from 0 to below 1"),
            ("traffic", 0 < self.traffic <= 1, "above 0, up to 1"),
            ("window_s", self.window_s is None or 0 < self.window_s < math.inf, "above 0"),
            ("horizon.units", _positive(self.horizon.units), "above 0"),
            ("horizon.days", _positive(self.horizon.days), "above 0"),
        )
        for field, holds, range_ in bounds:
            if not holds:
                raise BadExperiment(
                    f"{field} of {self.name!r} is out of range.",
                    remedy=f"Give a number {range_}.",
                    field=field,
                )
        if self.slots is not None and not 0 <= self.slots.start < self.slots.end <= 1:
            raise BadExperiment(
                f"The slots of {self.name!r} are from {self.slots.start} to {self.slots.end}.",
                remedy="Give two shares in [0, 1], the smaller one first.",
                field="slots",
            )

    def _check_names(self) -> None:
        names = [variant.name for variant in self.variants]
        if len(names) < 2 or len(set(names)) < len(names):
            raise BadExperiment(
                f"{self.name!r} has the variants {', '.join(names) or 'none'}.",
                remedy="Give two or more of different names, the control first.",
                field="variants",
            )
        odd = next((v for v in self.variants if not 0 < v.share < math.inf), None)
        if odd is not None:
            raise BadExperiment(
                f"The share of {odd.name!r} is {odd.share!r}.",
                remedy="Give each variant a share above 0.",
                field="variants",
            )
        metrics = [metric.name for metric in self.metrics]
        primary = [metric.name for metric in self.metrics if metric.role is Role.PRIMARY]
        if len(primary) != 1 or len(set(metrics)) < len(metrics):
            raise BadExperiment(
                f"{self.name!r} has {len(primary)} primary metrics among {len(metrics)}.",
                remedy="Name exactly one primary metric, and each metric once.",
                field="metrics",
            )

    @property
    def primary(self) -> Metric:
        """The metric that decides."""
        return self.of_role(Role.PRIMARY)[0]

    def of_role(self, role: Role) -> list[Metric]:
        """Metrics of a role, in order."""
        return [metric for metric in self.metrics if metric.role is role]

    @property
    def shares(self) -> tuple[float, ...]:
        """Shares of the variants among units in the experiment; they add up to 1."""
        return normalised([variant.share for variant in self.variants])

    @property
    def has_horizon(self) -> bool:
        """Whether it was said beforehand when it is over."""
        return self.horizon != Horizon()

    @property
    def early_alpha(self) -> float:
        """The chance of a wrong decision at looks before the horizon; all of alpha without one."""
        return self.alpha * self.early_part if self.has_horizon else self.alpha

    @property
    def final_alpha(self) -> float:
        """The chance of a wrong decision at the horizon; what looks before it left."""
        return self.alpha * (1 - self.early_part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """How a metric is today.

    Args:
        mean: a mean, share or ratio.
        deviation: standard deviation among units, of a ratio by `ratio_variance`; None for shares.
        explained: share of the variance that the covariate explains, in [0, 1).
    """

    mean: float
    deviation: float | None = None
    explained: float = 0.0


def normalised(shares: Sequence[float]) -> tuple[float, ...]:
    """Shares that add up to 1."""
    total = sum(shares)
    if math.isinf(total):  # each is finite, and only their sum is too large
        largest = max(shares)
        return normalised([share / largest for share in shares])
    return tuple(share / total for share in shares)


def _positive(value: float | None) -> bool:
    return value is None or 0 < value < math.inf

"""The section ``service`` of `monitoring.yaml`: levels, error budget, spans of time."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from seatrial.kernel.config import ConfigModel
from seatrial.release.config import Duration
from seatrial.stats.burnrate import CREEPING, FAST, SLOW, BurnRule

_OpenShare = Annotated[float, Field(gt=0, lt=1)]


class Levels(ConfigModel):
    """Two limits; a value over the first is a warning, over the second critical."""

    warning: float = Field(gt=0, description="Over this it is a warning.")
    critical: float = Field(gt=0, description="Over this it is critical.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.critical < self.warning:
            raise ValueError(f"critical {self.critical:g} is under warning {self.warning:g}")
        return self


class Shares(Levels):
    """Two limits of a share."""

    warning: float = Field(gt=0, lt=1, description="Over this share it is a warning.")
    critical: float = Field(gt=0, lt=1, description="Over this share it is critical.")


class BurnConfig(ConfigModel):
    """One pair of windows over which the error budget is watched."""

    long: Duration = Field(description="The long window, such as 1h.")
    short: Duration = Field(description="The short window, such as 5m.")
    factor: float = Field(gt=0, description="Burn rate that both windows must reach.")
    critical: bool = Field(default=True, description="Whether it is critical, or a warning.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not 0 < self.short < self.long:
            raise ValueError("the short window must be shorter than the long one, and above 0")
        return self

    def rule(self) -> BurnRule:
        """The rule this stands for."""
        return BurnRule(long_s=self.long, short_s=self.short, factor=self.factor)


def _pair(rule: BurnRule, *, critical: bool) -> BurnConfig:
    return BurnConfig(long=rule.long_s, short=rule.short_s, factor=rule.factor, critical=critical)


class BudgetConfig(ConfigModel):
    """The share of requests that may fail, and how soon overspending it is an alarm."""

    share: _OpenShare = Field(default=0.001, description="Share of requests that may fail.")
    period: Duration = Field(
        default=30 * 86_400.0, gt=0, description="The time the budget is meant for."
    )
    windows: tuple[BurnConfig, ...] = Field(
        default=(
            _pair(FAST, critical=True),
            _pair(SLOW, critical=True),
            _pair(CREEPING, critical=False),
        ),
        description="Pairs of windows and the burn rate that both must reach.",
    )

    @model_validator(mode="after")
    def _apart(self) -> Self:
        longs = [pair.long for pair in self.windows]
        if len(set(longs)) < len(longs):
            raise ValueError("two pairs have the same long window, which names their alerts")
        return self


class ThroughputConfig(ConfigModel):
    """Requests a second against what is usual."""

    warning: _OpenShare = Field(
        default=0.8, description="Under this share of the baseline it is a warning."
    )
    critical: _OpenShare | None = Field(
        default=None, description="Under this share it is critical; null: never."
    )
    recent: Duration = Field(
        default=3600.0,
        gt=0,
        description="The time before now whose median is the baseline of a young endpoint.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.critical is not None and self.critical > self.warning:
            raise ValueError(f"critical {self.critical:g} is over warning {self.warning:g}")
        return self


class ServiceConfig(ConfigModel):
    """When a service is unwell; null switches a level off."""

    p50_ms: Levels | None = Field(default=None, description="Levels of the median latency.")
    p95_ms: Levels | None = Field(
        default=Levels(warning=100, critical=200),
        description="Levels of the 95th percentile of the latency.",
    )
    p99_ms: Levels | None = Field(
        default=None, description="Levels of the 99th percentile of the latency."
    )
    error_rate: Shares | None = Field(
        default=Shares(warning=0.001, critical=0.01),
        description="Levels of the error rate, of all kinds together and of each.",
    )
    shed_share: Shares | None = Field(
        default=Shares(warning=0.001, critical=0.01),
        description="Levels of the share of requests refused because the queue was full.",
    )
    queue_share: Shares | None = Field(
        default=Shares(warning=0.5, critical=0.8), description="Levels of how full a queue is."
    )
    cpu_share: Shares | None = Field(
        default=Shares(warning=0.8, critical=0.95),
        description="Levels of the share of the processors in use.",
    )
    memory_share: Shares | None = Field(
        default=Shares(warning=0.8, critical=0.9),
        description="Levels of the share of the memory in use.",
    )
    error_budget: BudgetConfig | None = Field(
        default_factory=BudgetConfig, description="How fast errors may be made."
    )
    throughput: ThroughputConfig | None = Field(
        default_factory=ThroughputConfig, description="Requests a second against what is usual."
    )
    window: Duration = Field(
        default=300.0, gt=0, description="The time before now that levels are judged over."
    )
    trend: Duration = Field(
        default=3600.0, gt=0, description="The time before now that forecasts are made from."
    )
    ahead: Duration = Field(
        default=3600.0,
        description="A critical level that will be crossed within this time is a warning already.",
    )
    alpha: _OpenShare = Field(
        default=0.001, description="Chance that a look finds a level broken that is not."
    )

    def of_others(self) -> ServiceConfig:
        """The same for what is no model: its latency and errors have other levels, which are those
        of its gates, so what is told of it is its traffic."""
        unset = ("p50_ms", "p95_ms", "p99_ms", "error_rate", "error_budget")
        return self.model_copy(update=dict.fromkeys(unset))

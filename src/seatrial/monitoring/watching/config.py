"""What the watch is told: `monitoring.yaml`, and the section ``monitoring`` of `seatrial.yaml`.

Every command reads the configuration and few of them watch: the watch is loaded by who asks for its
rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from seatrial.kernel.config import ConfigModel, Names
from seatrial.monitoring.alerts.config import AlertsConfig
from seatrial.monitoring.alerts.notify_config import NotifyConfig
from seatrial.monitoring.lookups.config import LookupsConfig
from seatrial.monitoring.service.config import ServiceConfig
from seatrial.monitoring.triggers.config import TriggersConfig
from seatrial.release.config import Duration

if TYPE_CHECKING:
    from seatrial.monitoring.drift.alarm_state import AlarmSettings
    from seatrial.monitoring.drift.verdict import DriftLimits
    from seatrial.monitoring.performance.labels import Keeping
    from seatrial.monitoring.performance.verdict import PerformanceRules
    from seatrial.monitoring.watching.slice_windows import WindowRule
    from seatrial.monitoring.watching.watch import WatchRules


class WindowConfig(ConfigModel):
    """How long a window of a server is: the unit in which drift is judged and budgets count."""

    every: Duration = Field(
        default=600.0, gt=0, description="A window lasts at least so long, such as 10m."
    )
    least_rows: int = Field(
        default=500, ge=1, description="A window goes on until it has so many rows."
    )
    longest: Duration = Field(
        default=86_400.0, gt=0, description="A window with any row ends after this at the latest."
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.longest < self.every:
            raise ValueError("longest is shorter than every")
        return self

    def rule(self) -> WindowRule:
        """As windows are cut by."""
        from seatrial.monitoring.watching.slice_windows import WindowRule  # noqa: PLC0415

        return WindowRule(every_s=self.every, least_rows=self.least_rows, longest_s=self.longest)


class DriftConfig(ConfigModel):
    """When a column has moved, and when that is an alarm."""

    budget_windows: float = Field(
        default=10_000.0,
        ge=1,
        description="At most one false alarm in so many windows, over all columns together.",
    )
    effect_floor: float = Field(
        default=0.005, ge=0, description="PSI under which a shown change is no alarm."
    )
    psi_warning: float = Field(default=0.1, gt=0, description="PSI of a warning.")
    psi_critical: float = Field(default=0.2, gt=0, description="PSI that is critical.")

    def limits(self) -> DriftLimits:
        """Of one window."""
        from seatrial.monitoring.drift.verdict import DriftLimits  # noqa: PLC0415

        return DriftLimits(psi_warning=self.psi_warning, psi_critical=self.psi_critical)

    def alarm(self) -> AlarmSettings:
        """Over windows."""
        from seatrial.monitoring.drift.alarm_state import AlarmSettings  # noqa: PLC0415

        return AlarmSettings(
            budget=self.budget_windows,
            effect_floor=self.effect_floor,
        )


class PerformanceConfig(ConfigModel):
    """How well models do: estimated from their scores, and measured when labels come."""

    enabled: bool = Field(
        default=True, description="Whether the prediction log is followed for it."
    )
    window_rows: int = Field(
        default=1_000,
        ge=100,
        description="Logged predictions of a window; a version keeps the size it began with.",
    )
    warning_drop: float = Field(
        default=0.02,
        gt=0,
        lt=1,
        description="Drop of accuracy, or growth of the mean error relative to the reference's, "
        "that is a warning.",
    )
    critical_drop: float = Field(default=0.05, gt=0, lt=1, description="And one that is critical.")
    keep: Duration = Field(
        default=30 * 86_400.0, gt=0, description="How late labels may be, such as 30d."
    )
    max_rows: int = Field(
        default=1_000_000, ge=1_000, description="Most predictions of a version that wait for them."
    )
    wait: Duration = Field(
        default=3_600.0,
        gt=0,
        description="How long a label waits for its prediction to appear in the log.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.critical_drop < self.warning_drop:
            raise ValueError("critical_drop is smaller than warning_drop")
        return self

    def rules(self) -> PerformanceRules:
        """When a drop is one."""
        from seatrial.monitoring.performance.verdict import PerformanceRules  # noqa: PLC0415

        return PerformanceRules(warning_drop=self.warning_drop, critical_drop=self.critical_drop)

    def keeping(self) -> Keeping:
        """How long predictions wait for labels."""
        from seatrial.monitoring.performance.labels import Keeping  # noqa: PLC0415

        return Keeping(keep_s=self.keep, max_rows=self.max_rows)


class MonitoringConfig(ConfigModel):
    """What is watched and who is told."""

    enabled: bool = Field(default=True, description="Whether a server watches its endpoints.")
    segments: Names = Field(
        default=(),
        description="Columns whose values are also watched apart: names, booleans, or numbers by "
        "quarters.",
    )
    windows: WindowConfig = Field(
        default_factory=WindowConfig, description="How rows are cut into windows."
    )
    drift: DriftConfig = Field(default_factory=DriftConfig, description="When columns have moved.")
    performance: PerformanceConfig = Field(
        default_factory=PerformanceConfig, description="When a model does worse than it did."
    )
    service: ServiceConfig = Field(
        default_factory=ServiceConfig, description="When a service is unwell."
    )
    lookups: LookupsConfig = Field(
        default_factory=LookupsConfig,
        description="When features that are looked up are in trouble.",
    )
    alerts: AlertsConfig = Field(
        default_factory=AlertsConfig, description="How alerts live, and what mutes them."
    )
    notify: NotifyConfig = Field(
        default_factory=NotifyConfig, description="Who is told of alerts, and when."
    )
    triggers: TriggersConfig = Field(default=(), description="When a model is to be trained anew.")

    def rules(self) -> WatchRules:
        """What is asked of a window."""
        from seatrial.monitoring.drift.flaw import QualityLimits  # noqa: PLC0415
        from seatrial.monitoring.watching.watch import WatchRules  # noqa: PLC0415

        return WatchRules(
            drift=self.drift.limits(), quality=QualityLimits(), alarm=self.drift.alarm()
        )

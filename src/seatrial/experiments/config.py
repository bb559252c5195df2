"""The file `experiment.yaml`: an experiment as people write it down before it starts."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from seatrial.experiments.design import (
    Baseline,
    Direction,
    Experiment,
    Horizon,
    Kind,
    Metric,
    Role,
    Slots,
    Unit,
    Variant,
)
from seatrial.kernel.config import ConfigModel, Names
from seatrial.kernel.errors import SeatrialError
from seatrial.release.answer_gates import AnswerGateConfig
from seatrial.release.config import Duration

Amount = Annotated[float, Field(gt=0)] | Annotated[str, Field(pattern=r"^[0-9]+([.][0-9]+)? ?%$")]
"""A size in the metric's unit, or such as ``5%`` of the control's value."""


MAX_UNITS = 10**12
"""Units of a horizon: more than a hundred for everybody on earth."""
MAX_DAYS = 3650
"""Days of a horizon: ten years."""


def _counted(value: object) -> object:
    """A count as people write it, 1e6 too, which YAML takes for a text."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return value
    if number > MAX_UNITS:
        raise ValueError(f"no experiment comes to more than {MAX_UNITS:,} units")
    return int(number) if number.is_integer() else value


class BaselineConfig(ConfigModel):
    """How a metric is today; what a plan is made from."""

    mean: float = Field(description="A mean, a share or a ratio.")
    deviation: float | None = Field(
        default=None, ge=0, description="Standard deviation among units; a share needs none."
    )
    explained: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the variance that the covariate explains."
    )

    def baseline(self) -> Baseline:
        """As a plan takes it."""
        return Baseline(mean=self.mean, deviation=self.deviation, explained=self.explained)


class MetricConfig(ConfigModel):
    """A quantity of every unit."""

    name: str = Field(min_length=1, description="Also of its column, or of the outcomes it sums.")
    kind: Kind = Field(
        default=Kind.MEAN,
        description="A mean of a number of each unit, a share of units with an event, or a ratio "
        "of two sums, such as clicks over views.",
    )
    direction: Direction = Field(default=Direction.UP, description="Which way is good: up or down.")
    denominator: str | None = Field(default=None, description="Column that a ratio is over.")
    covariate: str | None = Field(
        default=None,
        description="Column from before the experiment that predicts it; empty where not known.",
    )
    baseline: BaselineConfig | None = Field(default=None, description="How it is today.")

    def metric(self, role: Role, **more: Any) -> Metric:
        """As an experiment has it.   Raises: BadExperiment."""
        return Metric(
            name=self.name,
            kind=self.kind,
            role=role,
            direction=self.direction,
            denominator=self.denominator,
            covariate=self.covariate,
            **more,
        )


class PrimaryConfig(MetricConfig):
    """The metric that decides."""

    effect: Amount | None = Field(
        default=None,
        description="The smallest change that matters, in the metric's unit, or such as `5%` of "
        "the control's value.",
    )


class GuardrailConfig(MetricConfig):
    """A metric that must not become worse."""

    margin: Amount = Field(
        description="The largest loss accepted, in the metric's unit, or such as `2%` of the "
        "control's value."
    )


class HorizonConfig(ConfigModel):
    """When the experiment ends as planned: when both are reached."""

    units: Annotated[int, Field(ge=2, le=MAX_UNITS), BeforeValidator(_counted)] | None = Field(
        default=None, description="Units in all variants; `seatrial experiment plan` says it."
    )
    days: float | None = Field(default=None, gt=0, le=MAX_DAYS, description="Days since it began.")


class SlotsConfig(ConfigModel):
    """A place among experiments that exclude each other."""

    group: str = Field(min_length=1, description="Name of the exclusion group.")
    start: float = Field(ge=0, le=1, description="Where its share of the group's units begins.")
    end: float = Field(ge=0, le=1, description="Where it ends.")


class UnitColumnsConfig(ConfigModel):
    """Columns of a file with one row for each unit."""

    variant: str = Field(default="variant", description="The variant that the unit met.")
    time: str | None = Field(default=None, description="When it met it first.")
    unit: str | None = Field(
        default=None, description="Its key; with it, units of two variants are found and left out."
    )
    segments: Names = Field(default=(), description="Columns whose values are looked at apart.")


class ExperimentFile(ConfigModel):
    """`experiment.yaml`: written before the experiment starts, and not changed after."""

    experiment: str = Field(min_length=1, description="Its name, which the split depends on.")
    hypothesis: str = Field(default="", description="What is expected, and why.")
    variants: dict[str, float] = Field(
        description="Share of each variant, in any unit; the first one is the control."
    )
    primary: PrimaryConfig = Field(description="The metric that decides.")
    guardrails: tuple[GuardrailConfig, ...] = Field(
        default=(), description="Metrics that must not become worse."
    )
    secondary: tuple[MetricConfig, ...] = Field(default=(), description="Metrics that explain.")
    alpha: float = Field(
        default=0.05,
        gt=0,
        lt=0.5,
        description="Chance of shipping what is no better, all looks together.",
    )
    power: float = Field(
        default=0.8, gt=0, lt=1, description="Chance of finding the effect at the horizon."
    )
    early_part: float = Field(
        default=0.2,
        ge=0,
        lt=1,
        description="Part of alpha for decisions before the horizon; 0 waits for it.",
    )
    traffic: float = Field(
        default=1.0, gt=0, le=1, description="Share of the units that are in the experiment."
    )
    unit: Unit = Field(default=Unit.USER, description="Whom the split is by.")
    slots: SlotsConfig | None = Field(
        default=None, description="Its place among experiments that exclude each other."
    )
    horizon: HorizonConfig = Field(
        default_factory=HorizonConfig,
        description="When it is over. Without one, only what holds at any look is ever said.",
    )
    window: Duration | None = Field(
        default=None,
        gt=0,
        description="How long after its first exposure a unit's outcomes count; by default for "
        "ever.",
    )
    columns: UnitColumnsConfig = Field(
        default_factory=UnitColumnsConfig,
        description="Columns of the data to analyze; `segments` also of what is said of users.",
    )
    endpoint: str | None = Field(
        default=None, description="Whose requests are split, once it is started."
    )
    versions: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="Version of the endpoint by variant; the control's is in production.",
    )
    gates: AnswerGateConfig | None = Field(
        default=None,
        description="What every variant's answers must keep to, as in a release, the control in "
        "the place of stable: one that is shown not to ends the experiment. By default nothing.",
    )
    promote: bool = Field(
        default=False, description="Give the winner all traffic when the experiment is decided."
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        try:
            self.design()
        except SeatrialError as problem:
            raise ValueError(f"{problem.problem} {problem.remedy}") from problem
        if self.versions and self.versions.keys() != self.variants.keys():
            raise ValueError(
                f"versions names {', '.join(self.versions)}, and variants "
                f"{', '.join(self.variants)}; name the same"
            )
        return self

    def design(self) -> Experiment:
        """The experiment.   Raises: BadExperiment."""
        slots, guardrails = self.slots, self.guardrails
        return Experiment(
            name=self.experiment,
            hypothesis=self.hypothesis,
            variants=tuple(Variant(name=name, share=s) for name, s in self.variants.items()),
            metrics=(
                self.primary.metric(Role.PRIMARY, **_sized("effect", self.primary.effect)),
                *(one.metric(Role.GUARDRAIL, **_sized("margin", one.margin)) for one in guardrails),
                *(one.metric(Role.SECONDARY) for one in self.secondary),
            ),
            alpha=self.alpha,
            power=self.power,
            early_part=self.early_part,
            traffic=self.traffic,
            unit=self.unit,
            slots=None
            if slots is None
            else Slots(group=slots.group, start=slots.start, end=slots.end),
            horizon=Horizon(units=self.horizon.units, days=self.horizon.days),
            window_s=self.window,
        )

    def baselines(self) -> dict[str, Baseline]:
        """How metrics are today, where that is said."""
        return {
            one.name: one.baseline.baseline()
            for one in (self.primary, *self.guardrails)
            if one.baseline is not None
        }


def _sized(name: str, amount: float | str | None) -> dict[str, Any]:
    """An effect or a margin as a metric takes it."""
    if isinstance(amount, str):
        return {name: float(amount.rstrip("% ")) / 100, "relative": True}
    return {name: amount}

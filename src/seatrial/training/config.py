"""The section `training` of seatrial.yaml: what can be trained, and who is told of it."""

from __future__ import annotations

import shlex
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    WithJsonSchema,
    model_validator,
)

from seatrial.kernel.config import ConfigModel
from seatrial.release.config import Duration
from seatrial.training.search.searcher import Plan, Pruner
from seatrial.training.search.space import Choice, Range, Real, Whole

Plain: TypeAlias = StrictBool | StrictInt | StrictFloat | StrictStr | None
Parameter: TypeAlias = Plain | list[Plain]


def _split(value: object) -> object:
    return shlex.split(value) if isinstance(value, str) else value


Command = Annotated[
    tuple[str, ...],
    Field(min_length=1),
    BeforeValidator(_split),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]}),
]
"""A program and its arguments: a list, or a text that is split as a shell does; none runs it."""


class WholeConfig(ConfigModel):
    """Whole numbers of a range."""

    kind: Literal["int"] = Field(description="Whole numbers.")
    low: int = Field(description="Least value.")
    high: int = Field(description="Greatest value.")
    step: int = Field(default=1, ge=1, description="Distance of neighbours.")
    log: bool = Field(default=False, description="Draw by the logarithm.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_range(self.low, self.high, log=self.log)
        if self.log and self.step != 1:
            raise ValueError("a range with log takes no step")
        return self

    def range(self) -> Range:
        """As a search takes it."""
        return Whole(low=self.low, high=self.high, step=self.step, log=self.log)


class RealConfig(ConfigModel):
    """Numbers of a range."""

    kind: Literal["float"] = Field(description="Numbers.")
    low: float = Field(description="Least value.")
    high: float = Field(description="Greatest value.")
    log: bool = Field(default=False, description="Draw by the logarithm.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_range(self.low, self.high, log=self.log)
        return self

    def range(self) -> Range:
        """As a search takes it."""
        return Real(low=self.low, high=self.high, log=self.log)


class ChoiceConfig(ConfigModel):
    """One of some values."""

    kind: Literal["choice"] = Field(description="One of some values.")
    values: tuple[Plain, ...] = Field(min_length=1, max_length=1_000, description="To choose from.")

    def range(self) -> Range:
        """As a search takes it."""
        return Choice(values=self.values)


SpaceConfig = Annotated[WholeConfig | RealConfig | ChoiceConfig, Field(discriminator="kind")]


def _check_range(low: float, high: float, *, log: bool) -> None:
    if low > high:
        raise ValueError(f"low is {low:g}, over high, which is {high:g}")
    if log and low <= 0:
        raise ValueError(f"low is {low:g}; with log it has to be over 0")


class SearchConfig(ConfigModel):
    """A search for hyperparameters, by Optuna."""

    metric: str = Field(min_length=1, max_length=200, description="The metric that is sought.")
    direction: Literal["minimize", "maximize"] = Field(
        default="minimize", description="Which way is better: minimize or maximize."
    )
    space: dict[str, SpaceConfig] = Field(
        min_length=1, description="What is tried, by the name of the hyperparameter."
    )
    trials: int = Field(default=20, ge=1, le=100_000, description="How many runs it is made of.")
    timeout: Duration | None = Field(
        default=None, gt=0, description="After which no further trial begins, such as 30m."
    )
    pruner: Pruner = Field(
        default=Pruner.MEDIAN,
        description="What ends trials that lead nowhere, by what they report step by step.",
    )
    warmup_steps: int = Field(
        default=0, ge=0, description="Steps of a trial before it may be ended early."
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="Of what is proposed.")

    def plan(self, name: str) -> Plan:
        """As a search takes it."""
        return Plan(
            name=name,
            metric=self.metric,
            maximize=self.direction == "maximize",
            space={key: one.range() for key, one in self.space.items()},
            n_trials=self.trials,
            timeout_s=self.timeout,
            pruner=self.pruner,
            warmup_steps=self.warmup_steps,
            seed=self.seed,
        )


class LimitsConfig(ConfigModel):
    """What a training may use."""

    time: Duration = Field(
        default=6 * 3600.0, gt=0, description="How long it may take, such as 90s or 6h."
    )
    memory_mib: int | None = Field(
        default=None,
        ge=64,
        description="Memory, in MiB, of it and the processes it starts; by default three quarters "
        "of the machine's.",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Threads of the numeric libraries; by default as many as they like.",
    )


class RecipeConfig(ConfigModel):
    """A training that can be run by its name."""

    function: str | None = Field(
        default=None,
        pattern=r"^[^:]+:[^\W\d]\w*$",
        description="What is called, as FILE:FUNCTION or MODULE:FUNCTION.",
    )
    command: Command | None = Field(
        default=None,
        description="Or a program with its arguments; {lr} in one is the hyperparameter lr, and "
        "{data}, {out}, {seed} and {label} are what their names say.",
    )
    folder: str | None = Field(
        default=None, description="Where it runs; by default the folder of the command."
    )
    python: str | None = Field(
        default=None, description="Interpreter that runs it; by default seatrial's own."
    )
    data: str | None = Field(default=None, description="File of the rows to train on.")
    label: str | None = Field(default=None, description="Column that is predicted.")
    holdout: str | None = Field(
        default=None, description="File of labelled rows that are kept from training."
    )
    parameters: dict[str, Parameter] = Field(
        default_factory=dict, description="Hyperparameters, by name, over the program's defaults."
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="Of everything that is drawn.")
    limits: LimitsConfig = Field(default_factory=LimitsConfig, description="What it may use.")
    search: SearchConfig | None = Field(
        default=None, description="What `seatrial train NAME --search` tries."
    )
    trust: bool = Field(
        default=False, description="Load the trained model whatever its file imports."
    )

    @model_validator(mode="after")
    def _one_program(self) -> Self:
        if (self.function is None) == (self.command is None):
            raise ValueError("give either function or command")
        return self


class MlflowConfig(ConfigModel):
    """MLflow's tracking."""

    uri: str = Field(
        default="",
        description="Of the server, such as http://127.0.0.1:5000, of a database, or a folder such "
        "as mlruns; by default mlflow.db in the home folder, and files beside it.",
    )
    experiment: str = Field(
        default="", description="Where runs are put; by default one for each recipe, by its name."
    )
    timeout: Duration = Field(
        default=10.0, gt=0, description="How long a request to a server may take."
    )


class WandbConfig(ConfigModel):
    """Weights & Biases."""

    mode: Literal["online", "offline"] = Field(
        default="offline",
        description="offline writes files in the home folder, which `wandb sync` sends; online "
        "needs WANDB_API_KEY.",
    )
    project: str = Field(default="seatrial", min_length=1, description="Where runs are put.")
    entity: str | None = Field(default=None, description="The team or user it belongs to.")


class TrainingConfig(ConfigModel):
    """What can be trained, and who is told of it."""

    recipes: dict[
        Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,51}[a-z0-9])?$")], RecipeConfig
    ] = Field(
        default_factory=dict,
        description="Trainings, by the name of the model that they make: a-z, 0-9 and -.",
    )
    trackers: tuple[Literal["mlflow", "wandb"], ...] | None = Field(
        default=None,
        description="Where runs are shown besides here: mlflow, wandb, or both. By default MLflow "
        "where it is installed; an empty list for none.",
    )
    mlflow: MlflowConfig = Field(default_factory=MlflowConfig, description="MLflow's tracking.")
    wandb: WandbConfig = Field(default_factory=WandbConfig, description="Weights & Biases.")

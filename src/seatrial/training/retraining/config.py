"""The section ``retraining`` of the configuration: what is trained anew, when, and on what."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from seatrial.kernel.config import ConfigModel
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.triggers.config import TriggersConfig, rules_of
from seatrial.monitoring.watching.config import MonitoringConfig
from seatrial.monitoring.watching.data_config import DataConfig
from seatrial.release.config import Duration
from seatrial.training.retraining.agenda import DAY_S, WEEK_S, Limits
from seatrial.training.retraining.demands import Demands

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]


class HoldoutConfig(ConfigModel):
    """The newest rows, which are kept back: the new model is never trained on them."""

    share: float | None = Field(
        default=None, gt=0, lt=1, description="Share of the rows; 0.2 unless span is given."
    )
    span: Duration | None = Field(
        default=None, gt=0, description="Or the rows of the newest so long, such as 7d."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.share is not None and self.span is not None:
            raise ValueError("give either share or span")
        return self


class RowsConfig(ConfigModel):
    """Where the labelled rows come from."""

    source: Literal["log", "features", "table"] = Field(
        default="log",
        description="`log`: the prediction log, joined with labels by prediction id. `features`: "
        "entities with a time and a label, joined with the feature store as of that time. "
        "`table`: a file or a database that has all of it.",
    )
    labels: DataConfig | None = Field(
        default=None,
        description="Of the log: a table of labels by prediction id; by default those that were "
        "handed in to the server.",
    )
    entities: Path | None = Field(
        default=None,
        description="Of features: a Parquet or CSV file of join keys, times and labels.",
    )
    time: str = Field(
        default="event_timestamp", description="Of features: the column of the times."
    )
    table: DataConfig | None = Field(default=None, description="The file or database.")
    window: Duration | None = Field(
        default=None,
        gt=0,
        description="Rows of the newest so long, such as 90d; by default all there are.",
    )
    max_rows: int = Field(
        default=1_000_000, ge=100, le=100_000_000, description="The newest so many at most."
    )
    holdout: HoldoutConfig = Field(
        default_factory=HoldoutConfig, description="What is kept back for the evaluation."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = {"features": "entities", "table": "table"}.get(self.source)
        if needed and getattr(self, needed) is None:
            raise ValueError(f"the source {self.source} needs {needed}")
        of = {"labels": "log", "entities": "features", "table": "table"}
        odd = [key for key, source in of.items() if getattr(self, key) and source != self.source]
        if odd:
            raise ValueError(f"{odd[0]} is for the source {of[odd[0]]}, and this is {self.source}")
        return self

    def columns(self, label: str) -> Columns:
        """The roles of a table's columns."""
        assert self.table is not None
        config = self.table.columns.model_copy(update={"label": label})
        return config.columns()


class ChecksConfig(ConfigModel):
    """What is asked of the rows before anything is trained on them."""

    min_rows: int = Field(default=200, ge=10, description="Rows to train on, at least.")
    min_holdout_rows: int = Field(
        default=100, ge=10, description="Rows that are kept back, at least."
    )
    max_missing: float = Field(
        default=0.5, ge=0, le=1, description="Most of a column that may be missing."
    )
    min_class_rows: int = Field(
        default=5,
        ge=0,
        description="Rows of each class that the model in production knows; 0 for any.",
    )
    ranges: dict[str, tuple[float, float]] = Field(
        default_factory=dict, description="Least and greatest value of a column, by its name."
    )
    max_outside: float = Field(
        default=0.0, ge=0, le=1, description="Share of values that may lie outside their range."
    )

    def demands(self) -> Demands:
        """As the checks take it."""
        return Demands(
            min_rows=self.min_rows,
            min_holdout_rows=self.min_holdout_rows,
            max_missing=self.max_missing,
            min_class_rows=self.min_class_rows,
            ranges=dict(self.ranges),
            max_outside=self.max_outside,
        )


class TogetherConfig(ConfigModel):
    """How many of the triggers must have asked."""

    k: int = Field(default=1, ge=1, le=100, description="So many different triggers.")
    span: Duration = Field(default=DAY_S, gt=0, description="Within so long.")


class BudgetConfig(ConfigModel):
    """What retraining may cost. What a person asks for counts, and is not held back."""

    runs_per_day: int = Field(default=4, ge=0, description="Runs begun within a day.")
    runs_per_week: int = Field(default=14, ge=0, description="Runs begun within a week.")
    training: Duration = Field(
        default=WEEK_S, ge=0, description="Time of training within a week, such as 6h."
    )


class RetrainedConfig(ConfigModel):
    """A model that is trained anew."""

    endpoint: str | None = Field(
        default=None, description="The endpoint it answers; by default of the same name."
    )
    training: str = Field(min_length=1, description="A name of training.recipes, or FILE:FUNCTION.")
    label: str = Field(min_length=1, description="Column that is predicted.")
    data: RowsConfig = Field(default_factory=RowsConfig, description="The rows.")
    checks: ChecksConfig = Field(default_factory=ChecksConfig, description="What is asked of them.")
    triggers: TriggersConfig = Field(
        default=(),
        description="When it is trained, beside the triggers of the section monitoring.",
    )
    quorum: TogetherConfig = Field(
        default_factory=TogetherConfig, description="How many triggers must have asked."
    )
    cooldown: Duration = Field(
        default=3600.0, ge=0, description="The least time between the begins of two runs."
    )
    budget: BudgetConfig = Field(
        default_factory=BudgetConfig, description="What it may cost by itself."
    )
    incremental: bool = Field(
        default=False,
        description="Go on from the model in production with the rows that came since: for "
        "trainings that declare warm_start.",
    )
    accept: Literal["better", "not_worse"] = Field(
        default="not_worse",
        description="What the evaluation must find for the new version to be released.",
    )
    approval: bool = Field(
        default=False, description="Whether a person approves before it is released."
    )

    def limits(self) -> Limits:
        """As the agenda takes it."""
        return Limits(
            k=self.quorum.k,
            span_s=self.quorum.span,
            cooldown_s=self.cooldown,
            runs_per_day=self.budget.runs_per_day,
            runs_per_week=self.budget.runs_per_week,
            training_s=self.budget.training,
        )


def check_retrainings(
    retrainings: Mapping[str, RetrainedConfig], monitoring: MonitoringConfig
) -> None:
    """Refuse retrainings that would take each other's place, or that nothing would trigger.

    Raises: ValueError: for a validator.
    """
    taken: dict[str, str] = {}
    for name, one in retrainings.items():
        endpoint = one.endpoint or name
        if endpoint in taken:
            raise ValueError(
                f"retraining: {taken[endpoint]!r} and {name!r} both train {endpoint!r} anew"
            )
        taken[endpoint] = name
        if one.triggers and not monitoring.enabled:
            raise ValueError(
                f"retraining.{name}.triggers: nothing looks at them; set monitoring.enabled"
            )
        general = {rule.name for rule in rules_of(monitoring.triggers, endpoint)}
        both = sorted(general & {trigger.name for trigger in one.triggers})
        if both:
            raise ValueError(
                f"retraining.{name}.triggers: {both[0]!r} is a trigger of monitoring too; "
                "give one of them another name"
            )


RetrainingConfig = dict[Name, RetrainedConfig]
"""The whole section."""

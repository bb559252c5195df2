"""The section ``triggers`` of `monitoring.yaml`: the rules that say when to retrain."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from seatrial.kernel.config import ConfigModel
from seatrial.monitoring.triggers.cron import BadCron, parse_cron
from seatrial.monitoring.triggers.rule import (
    DAY_S,
    DriftRule,
    Evidence,
    LabelsRule,
    PerformanceRule,
    Quorum,
    Rule,
    ScheduleRule,
)
from seatrial.release.config import Duration


def _cron(text: str) -> str:
    try:
        parse_cron(text)
    except BadCron as bad:
        raise ValueError(str(bad)) from bad
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        raise ValueError(f"{name!r} is no time zone, such as Europe/Berlin") from unknown
    return name


class QuorumConfig(ConfigModel):
    """How many of the latest windows must agree."""

    k: int = Field(default=2, ge=1, description="So many windows.")
    n: int = Field(default=3, ge=1, le=1000, description="Of so many.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.k > self.n:
            raise ValueError(f"{self.k} of {self.n} windows can never agree")
        return self

    def quorum(self) -> Quorum:
        """As the rules take it."""
        return Quorum(k=self.k, n=self.n)


class _Trigger(ConfigModel):
    """What all rules have."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", description="Unique among the triggers."
    )
    endpoints: tuple[str, ...] = Field(
        default=("*",), min_length=1, description="The endpoints it is for, as patterns."
    )


class ScheduleTrigger(_Trigger):
    """Retrain by the calendar."""

    kind: Literal["schedule"] = Field(description="Retrain by the calendar.")
    cron: Annotated[str, AfterValidator(_cron)] = Field(
        description="Minute, hour, day of month, month, day of week."
    )
    zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description="Whose clocks are meant."
    )
    cooldown: Duration = Field(default=0.0, description="The least time between two requests.")

    def rule(self) -> Rule:
        """As `trigger.look` takes it."""
        return ScheduleRule(
            name=self.name,
            cron=parse_cron(self.cron),
            zone=ZoneInfo(self.zone),
            cooldown_s=self.cooldown,
        )


class PerformanceTrigger(_Trigger):
    """Retrain when a metric is beyond a limit."""

    kind: Literal["performance"] = Field(description="Retrain when a metric is beyond a limit.")
    metric: str = Field(min_length=1, description="The metric, such as accuracy.")
    under: float | None = Field(default=None, description="Retrain when it is under this.")
    over: float | None = Field(default=None, description="Retrain when it is over this.")
    evidence: Evidence = Field(
        default=Evidence.CONFIRMED,
        description="What counts: labels, windows nearly all of whose rows have labels; confirmed, "
        "estimates that the newest labels agree with too; unverified, also those no label has "
        "checked. An estimate that labels contradict never counts.",
    )
    quorum: QuorumConfig = Field(
        default_factory=QuorumConfig, description="How many of the latest windows must agree."
    )
    cooldown: Duration = Field(default=DAY_S, description="The least time between two requests.")

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.under is None) == (self.over is None):
            raise ValueError("needs either under or over")
        return self

    def rule(self) -> Rule:
        """As `trigger.look` takes it."""
        limit = self.over if self.under is None else self.under
        assert limit is not None
        return PerformanceRule(
            name=self.name,
            metric=self.metric,
            limit=limit,
            high_is_good=self.under is not None,
            evidence=self.evidence,
            quorum=self.quorum.quorum(),
            cooldown_s=self.cooldown,
        )


class DriftTrigger(_Trigger):
    """Evaluate when inputs drift, then retrain if the model got worse."""

    kind: Literal["drift"] = Field(description="Evaluate when inputs drift, then retrain if worse.")
    psi: float = Field(default=0.2, gt=0, description="The PSI that is too much.")
    features: tuple[str, ...] = Field(
        default=("*",), min_length=1, description="The columns that count, as patterns."
    )
    quorum: QuorumConfig = Field(
        default_factory=QuorumConfig, description="How many of the latest windows must agree."
    )
    cooldown: Duration = Field(default=DAY_S, description="The least time between two requests.")

    def rule(self) -> Rule:
        """As `trigger.look` takes it."""
        return DriftRule(
            name=self.name,
            limit=self.psi,
            features=self.features,
            quorum=self.quorum.quorum(),
            cooldown_s=self.cooldown,
        )


class LabelsTrigger(_Trigger):
    """Retrain on new labelled rows."""

    kind: Literal["labels"] = Field(description="Retrain on new labelled rows.")
    rows: int = Field(ge=1, description="So many of them.")
    cooldown: Duration = Field(default=0.0, description="The least time between two requests.")

    def rule(self) -> Rule:
        """As `trigger.look` takes it."""
        return LabelsRule(name=self.name, n_rows=self.rows, cooldown_s=self.cooldown)


TriggerConfig = Annotated[
    ScheduleTrigger | PerformanceTrigger | DriftTrigger | LabelsTrigger, Field(discriminator="kind")
]


def _unique(triggers: tuple[TriggerConfig, ...]) -> tuple[TriggerConfig, ...]:
    names = [trigger.name for trigger in triggers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two triggers are named {twice[0]!r}")
    return triggers


TriggersConfig = Annotated[tuple[TriggerConfig, ...], AfterValidator(_unique)]
"""The whole section."""


def rules_of(triggers: Sequence[TriggerConfig], endpoint: str) -> list[Rule]:
    """The rules that are for an endpoint."""
    return [
        trigger.rule()
        for trigger in triggers
        if any(fnmatchcase(endpoint, pattern) for pattern in trigger.endpoints)
    ]


def named_endpoints(triggers: Sequence[TriggerConfig]) -> frozenset[str]:
    """The endpoints that triggers name in full, whether or not they are there yet."""
    patterns = (pattern for trigger in triggers for pattern in trigger.endpoints)
    return frozenset(one for one in patterns if not any(mark in one for mark in "*?["))

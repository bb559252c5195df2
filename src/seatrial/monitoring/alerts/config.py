"""The section ``alerts`` of `monitoring.yaml`: how patient alerts are, and what mutes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, WithJsonSchema

from seatrial.kernel.config import ConfigModel
from seatrial.monitoring.alerts.lifecycle import Timing
from seatrial.monitoring.alerts.routing import DuringRelease
from seatrial.monitoring.alerts.silence import NAMES, Matcher, Silence
from seatrial.release.config import Duration


def _listed(value: object) -> object:
    """A single pattern may be written without brackets."""
    if isinstance(value, Mapping):
        return {k: v if isinstance(v, list | tuple) else [str(v)] for k, v in value.items()}
    return value


def _known(value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    for name in value:
        if name not in NAMES:
            raise ValueError(f"{name!r} is no label of an alert; use one of {', '.join(NAMES)}")
    return value


Match = Annotated[
    dict[str, tuple[Annotated[str, Field(coerce_numbers_to_str=True)], ...]],
    BeforeValidator(_listed),
    AfterValidator(_known),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"enum": list(NAMES)},
            "additionalProperties": {
                "anyOf": [
                    {"type": ["string", "integer"]},
                    {"type": "array", "items": {"type": ["string", "integer"]}},
                ]
            },
        }
    ),
]
"""Patterns by label, such as ``{endpoint: "churn*", severity: critical}``; empty means all."""


class TimingConfig(ConfigModel):
    """How patient alerts of one kind are."""

    for_: Duration = Field(
        default=0.0,
        alias="for",
        description="How long trouble must last before the alert fires, such as 5m.",
    )
    keep: Duration = Field(
        default=900.0, description="How long it must be gone before the alert resolves."
    )

    def timing(self) -> Timing:
        """As the alerts take it."""
        return Timing(for_s=self.for_, keep_s=self.keep)


class SilenceConfig(ConfigModel):
    """Nobody is told of some alerts for a while."""

    match: Match = Field(description="Which alerts, as patterns by label.")
    until: AwareDatetime = Field(description="When it ends, with a zone: 2026-12-01T08:00+08:00.")
    since: AwareDatetime | None = Field(default=None, description="When it begins.")
    why: str = Field(default="", description="The reason, for whoever wonders.")

    def silence(self, number: int) -> Silence:
        """The ``number``-th of the configuration, as routing takes it."""
        until: datetime = self.until
        return Silence(
            id=f"config-{number}",
            matcher=Matcher(self.match),
            since=self.since,
            until=until,
            why=self.why,
        )


class AlertsConfig(ConfigModel):
    """How alerts live."""

    default: TimingConfig = Field(
        default_factory=TimingConfig, description="How patient alerts are."
    )
    kinds: dict[str, TimingConfig] = Field(
        default_factory=dict, description="How patient alerts of one kind are, by its name."
    )
    during_release: DuringRelease = Field(
        default=DuringRelease.WARNINGS,
        description="What nobody is told of while a release of the endpoint is under way.",
    )
    silences: tuple[SilenceConfig, ...] = Field(
        default=(), description="Alerts that nobody wants to hear of for a while."
    )

    def timing(self, kind: str) -> Timing:
        """How patient alerts of a kind are."""
        return self.kinds.get(kind, self.default).timing()

    def all_silences(self) -> tuple[Silence, ...]:
        """As routing takes them."""
        return tuple(one.silence(n) for n, one in enumerate(self.silences, 1))

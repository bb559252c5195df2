"""What `seatrial.yaml` says about releases: steps, gates, what to do without a verdict."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from seatrial.kernel.config import ConfigModel
from seatrial.kernel.duration import BadDuration, parse_duration
from seatrial.release.gate_config import GateConfig
from seatrial.release.gate_record import gates_to_dict
from seatrial.release.rollout import Plan, Step


def _duration(value: str | float) -> float:
    """`parse_duration` with the exception a validator has to raise to be reported with others."""
    try:
        return parse_duration(value)
    except BadDuration as bad:
        raise ValueError(str(bad)) from bad


Duration = Annotated[
    float,
    BeforeValidator(_duration),
    Field(ge=0),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}),
]
"""Seconds, or a text such as ``1h30m``."""

Share = Annotated[float, Field(ge=0, le=1)]


class StepConfig(ConfigModel):
    """One step: ``share`` of keys for at least ``watch``."""

    share: Share = Field(default=0.05, description="Share of keys the canary answers.")
    watch: Duration = Field(
        default=3600.0, description="How long the step is watched at least, such as 1h30m."
    )
    shadow: Share = Field(
        default=0.0, description="Share of keys copied to the canary without using its answers."
    )


class ReleaseConfig(ConfigModel):
    """How versions of an endpoint are released."""

    steps: tuple[StepConfig, ...] = Field(
        default=(StepConfig(),),
        min_length=1,
        description="The steps of a canary, one after the other; full traffic follows the last.",
    )
    gates: GateConfig = Field(
        default_factory=GateConfig, description="What a version must show in every step."
    )
    extend: Duration = Field(
        default=4 * 3600.0,
        description="How much longer an inconclusive step is watched before a person must decide.",
    )
    staging_load: Duration = Field(
        default=5.0,
        gt=0,
        description="How long the tests of staging load a version and watch its memory; a longer "
        "load finds slower leaks.",
    )

    def plan(self) -> Plan:
        """The plan a rollout keeps for its whole life, whatever the file says later."""
        return Plan(
            steps=tuple(Step(share=s.share, watch_s=s.watch, shadow=s.shadow) for s in self.steps),
            gates=gates_to_dict(self.gates.gates()),
            extend_s=self.extend,
        )

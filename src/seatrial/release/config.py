"""What `seatrial.yaml` says about releases: steps, gates, what to do without a verdict."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

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


Duration = Annotated[float, BeforeValidator(_duration), Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class StepConfig(ConfigModel):
    """One step: ``share`` of keys for at least ``watch``."""

    share: Share = 0.05
    watch: Duration = 3600.0
    shadow: Share = 0.0


class ReleaseConfig(ConfigModel):
    """How versions of an endpoint are released.

    Args:
        steps: one or more; the default is one step of 5 % for an hour.
        gates: what every step must show.
        extend: how much longer an inconclusive step is watched before it is held for a person.
    """

    steps: tuple[StepConfig, ...] = Field(default=(StepConfig(),), min_length=1)
    gates: GateConfig = GateConfig()
    extend: Duration = 4 * 3600.0

    def plan(self) -> Plan:
        """The plan a rollout keeps for its whole life, whatever the file says later."""
        return Plan(
            steps=tuple(Step(share=s.share, watch_s=s.watch, shadow=s.shadow) for s in self.steps),
            gates=gates_to_dict(self.gates.gates()),
            extend_s=self.extend,
        )

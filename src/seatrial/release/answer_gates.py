"""The gates of what answers in words: a prompt is slow, fails now and then, costs money, and its
answers have a form and a worth. The same gates as a model's, and those on parse rate, cost, score.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from seatrial.release.config import ReleaseConfig
from seatrial.release.gate import (
    CostAgainstStable,
    CostGate,
    Gate,
    Gates,
    ParseRateAgainstStable,
    ParseRateGate,
    ScoreAgainstStable,
    ScoreGate,
)
from seatrial.release.gate_config import AgainstStableConfig, GateConfig, GateName

_Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
_Usd = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Ratio = Annotated[float, Field(ge=1, allow_inf_nan=False)]

OF_FORM = (ParseRateGate, ParseRateAgainstStable)
OF_SCORE = (ScoreGate, ScoreAgainstStable)


class AnswersAgainstStableConfig(AgainstStableConfig):
    """Margins against the version in production; null switches a gate off."""

    error_rate: _Share | None = Field(
        default=0.02, description="How much higher the canary's error rate may be."
    )
    refused_rate: _Share | None = Field(
        default=0.02,
        description="How much higher the canary's share of requests refused as the client's "
        "fault may be; those that both versions refuse are not counted.",
    )
    p95_slack_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        default=500.0, description="A p95 higher by no more than this is always allowed."
    )
    parse_rate: _Share | None = Field(
        default=0.02,
        description="How much lower the share of answers that parse may be; judged where both "
        "versions have a schema of their answer.",
    )
    score: _Share | None = Field(
        default=0.05,
        description="How much lower the mean score may be; judged where both versions have a "
        "scorer.",
    )
    cost_ratio: _Ratio | None = Field(
        default=1.5,
        description="How many times stable's mean cost of a request the canary's may be.",
    )


class AnswerGateConfig(GateConfig):
    """What a version must show; null switches a gate off."""

    error_rate: _Share | None = Field(default=0.02, description="The error rate stays under this.")
    p95_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None, description="The 95th percentile of the latency stays under this."
    )
    parse_rate: _Share | None = Field(
        default=None, description="The share of answers that parse stays over this."
    )
    score: _Share | None = Field(default=None, description="The mean score stays over this.")
    cost_per_request_usd: _Usd | None = Field(
        default=None, description="The mean cost of a request stays under this, in USD."
    )
    against_stable: AnswersAgainstStableConfig | None = Field(
        default_factory=AnswersAgainstStableConfig,
        description="Gates against the version in production.",
    )

    def _switched_on(self) -> list[Gate]:
        return [*super()._switched_on(), *self._of_answers(), *self._of_answers_against()]

    def _of_answers(self) -> list[Gate]:
        gates: list[Gate] = []
        if self.parse_rate is not None:
            gates.append(
                ParseRateGate(least=self.parse_rate, dry_run=self._dry(GateName.PARSE_RATE))
            )
        if self.score is not None:
            gates.append(ScoreGate(least=self.score, dry_run=self._dry(GateName.SCORE)))
        if self.cost_per_request_usd is not None:
            dry_run = self._dry(GateName.COST_PER_REQUEST)
            gates.append(CostGate(limit_usd=self.cost_per_request_usd, dry_run=dry_run))
        return gates

    def _of_answers_against(self) -> list[Gate]:
        margins, gates = self.against_stable, list[Gate]()
        if margins is None:
            return gates
        if margins.parse_rate is not None:
            dry_run = self._dry(GateName.PARSE_RATE_AGAINST_STABLE)
            gates.append(ParseRateAgainstStable(margin=margins.parse_rate, dry_run=dry_run))
        if margins.score is not None:
            dry_run = self._dry(GateName.SCORE_AGAINST_STABLE)
            gates.append(ScoreAgainstStable(margin=margins.score, dry_run=dry_run))
        if margins.cost_ratio is not None:
            dry_run = self._dry(GateName.COST_PER_REQUEST_AGAINST_STABLE)
            gates.append(CostAgainstStable(ratio=margins.cost_ratio, dry_run=dry_run))
        return gates

    def _dry(self, name: GateName) -> bool:
        return name in self.dry_run


class AnswerReleaseConfig(ReleaseConfig):
    """How versions of an endpoint of prompts are released."""

    gates: AnswerGateConfig = Field(
        default_factory=AnswerGateConfig, description="What a version must show in every step."
    )

    @model_validator(mode="after")
    def _no_shadow(self) -> Self:
        if any(step.shadow for step in self.steps):
            raise ValueError("a prompt has no shadow: each copy would be paid for; leave it out")
        return self


def without(gates: Gates, kinds: tuple[type[Gate], ...]) -> Gates:
    """The gates but those of some kinds."""
    return Gates(gates=tuple(g for g in gates.gates if type(g) not in kinds), alpha=gates.alpha)

"""The section ``gates`` of the configuration, read into `release/gate.py`'s types."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from seatrial.release.gate import (
    ErrorRateAgainstStable,
    ErrorRateGate,
    Gate,
    Gates,
    LatencyAgainstStable,
    LatencyGate,
    RefusedAgainstStable,
)

_Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
_Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class GateName(StrEnum):
    """The gates that can be switched."""

    ERROR_RATE = "error_rate"
    P95 = "p95"
    P99 = "p99"
    ERROR_RATE_AGAINST_STABLE = "error_rate_against_stable"
    P95_AGAINST_STABLE = "p95_against_stable"
    REFUSED_RATE_AGAINST_STABLE = "refused_rate_against_stable"
    PARSE_RATE = "parse_rate"
    PARSE_RATE_AGAINST_STABLE = "parse_rate_against_stable"
    SCORE = "score"
    SCORE_AGAINST_STABLE = "score_against_stable"
    COST_PER_REQUEST = "cost_per_request"
    COST_PER_REQUEST_AGAINST_STABLE = "cost_per_request_against_stable"


class AgainstStableConfig(BaseModel):
    """Margins against the version in production; null switches a gate off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    error_rate: _Share | None = Field(
        default=0.001, description="How much higher the canary's error rate may be."
    )
    refused_rate: _Share | None = Field(
        default=0.01,
        description="How much higher the canary's share of requests refused as the client's "
        "fault may be; those that both versions refuse are not counted.",
    )
    p95_ratio: Annotated[float, Field(ge=1, allow_inf_nan=False)] | None = Field(
        default=1.5, description="How many times stable's p95 the canary's may be."
    )
    p95_slack_ms: _Milliseconds = Field(
        default=5.0, description="A p95 higher by no more than this is always allowed."
    )


class GateConfig(BaseModel):
    """What a version must show; null switches a gate off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alpha: _Share = Field(
        default=0.05,
        description="Chance that a bad canary passes, and chance that a good one is aborted.",
    )
    error_rate: _Share | None = Field(default=0.001, description="The error rate stays under this.")
    p95_ms: _Milliseconds | None = Field(
        default=100.0, description="The 95th percentile of the latency stays under this."
    )
    p99_ms: _Milliseconds | None = Field(
        default=None, description="The 99th percentile of the latency stays under this."
    )
    against_stable: AgainstStableConfig | None = Field(
        default_factory=AgainstStableConfig,
        description="Gates against the version in production.",
    )
    dry_run: frozenset[GateName] = Field(
        default=frozenset(), description="Gates that are judged and shown, but not counted."
    )

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        on = {GateName(gate.name) for gate in self._switched_on()}
        if idle := sorted(self.dry_run - on):
            raise ValueError(f"dry_run names {idle[0].value!r}, which is switched off")
        if not on - self.dry_run:
            raise ValueError("every gate is switched off or in dry_run, so nothing could ever pass")
        return self

    def gates(self) -> Gates:
        """The gates as the judge takes them."""
        return Gates(gates=tuple(self._switched_on()), alpha=self.alpha)

    def _switched_on(self) -> list[Gate]:
        gates: list[Gate] = []
        if self.error_rate is not None:
            dry_run = GateName.ERROR_RATE in self.dry_run
            gates.append(ErrorRateGate(limit=self.error_rate, dry_run=dry_run))
        for name, limit_ms in ((GateName.P95, self.p95_ms), (GateName.P99, self.p99_ms)):
            if limit_ms is not None:
                quantile = int(name[1:]) / 100
                dry_run = name in self.dry_run
                gates.append(LatencyGate(limit_ms=limit_ms, quantile=quantile, dry_run=dry_run))
        return gates + self._against_stable()

    def _against_stable(self) -> list[Gate]:
        margins = self.against_stable
        gates: list[Gate] = []
        if margins is None:
            return gates
        if margins.error_rate is not None:
            dry_run = GateName.ERROR_RATE_AGAINST_STABLE in self.dry_run
            gates.append(ErrorRateAgainstStable(margin=margins.error_rate, dry_run=dry_run))
        if margins.p95_ratio is not None:
            gates.append(
                LatencyAgainstStable(
                    ratio=margins.p95_ratio,
                    slack_ms=margins.p95_slack_ms,
                    dry_run=GateName.P95_AGAINST_STABLE in self.dry_run,
                )
            )
        if margins.refused_rate is not None:
            dry_run = GateName.REFUSED_RATE_AGAINST_STABLE in self.dry_run
            gates.append(RefusedAgainstStable(margin=margins.refused_rate, dry_run=dry_run))
        return gates

"""The section ``judge`` of the configuration: where counters of others' rollouts are read."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from seatrial.kernel.config import ConfigModel
from seatrial.release.config import Duration

ENDPOINT, VARIANT = "$endpoint", "$variant"


def _told_apart(selector: str) -> str:
    if selector.count(VARIANT) != 1 or "{" not in selector:
        raise ValueError(f"a selector holds {VARIANT} once, inside its braces")
    return selector


Selector = Annotated[str, Field(max_length=1000), AfterValidator(_told_apart)]
"""A PromQL selector of counters with `VARIANT`, and `ENDPOINT` if it is wanted, in its braces."""


class JudgeConfig(ConfigModel):
    """Judging rollouts that others steer, by their counters in Prometheus."""

    prometheus: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")] | None = Field(
        default=None,
        description="Address of Prometheus, such as http://prometheus.monitoring:9090. A bearer "
        "token is taken from SEATRIAL_PROMETHEUS_TOKEN.",
    )
    label: Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")] = Field(
        default="version",
        description="Label that tells variants apart, such as rollouts_pod_template_hash.",
    )
    lookback: Duration = Field(
        default=86_400.0,
        gt=0,
        description="How far back a canary's first counter is looked for, such as 2d; longer than "
        "any rollout takes.",
    )
    timeout_s: float = Field(default=10.0, gt=0, le=60, description="What one query may take.")
    requests: Selector = Field(
        default=f'seatrial_requests_total{{model="{ENDPOINT}",outcome=~"ok|error",{VARIANT}}}',
        description="Counters of answers, good or in error. $endpoint is the name in the address, "
        "$variant what tells a variant apart.",
    )
    errors: Selector = Field(
        default=f'seatrial_requests_total{{model="{ENDPOINT}",outcome="error",{VARIANT}}}',
        description="Counters of answers that were the variant's fault.",
    )
    refused: Selector | None = Field(
        default=f'seatrial_requests_total{{model="{ENDPOINT}",outcome="rejected",{VARIANT}}}',
        description="Counters of requests refused as the client's fault; null where there are "
        "none.",
    )
    latency: Selector | None = Field(
        default=f'seatrial_latency_seconds_bucket{{model="{ENDPOINT}",{VARIANT}}}',
        description="Buckets of a histogram of the answers in seconds, with an edge at the limit "
        "of each gate; null where there is none.",
    )

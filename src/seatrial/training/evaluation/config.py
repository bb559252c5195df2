"""The section ``evaluation`` of the configuration, read into `rules.py`'s types."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from seatrial.kernel.config import ConfigModel, Names
from seatrial.training.evaluation.rules import Guardrail, Margin, Rules, RulesInvalid


def _margin(value: object) -> object:
    """A margin as text, checked; the exception is what a validator has to raise."""
    if value is None:
        return None
    try:
        return str(Margin.parse(str(value)))
    except RulesInvalid as bad:
        raise ValueError(str(bad)) from bad


def _guardrails(value: object) -> object:
    for text in value if isinstance(value, list | tuple) else [value]:
        try:
            Guardrail.parse(str(text))
        except RulesInvalid as bad:
            raise ValueError(str(bad)) from bad
    return value


MarginText = Annotated[
    str,
    BeforeValidator(_margin),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}),
]
"""``0.01`` in the metric's own unit, or ``2%`` of the baseline's value."""


class EvaluationConfig(ConfigModel):
    """When a new version counts as better than the one in production, or as no worse."""

    primary: str | None = Field(
        default=None,
        description="The metric that decides, such as auc; by default the Brier score of "
        "classifiers with probabilities, the accuracy of others, the mean absolute error of "
        "regressors.",
    )
    margin: MarginText | None = Field(
        default=None,
        description="How much worse it may be and still count as not worse: 0.01 in its own unit, "
        "or 2% of the baseline's value. By default 0.01 of a rate, 5% of a loss or an error.",
    )
    alpha: float = Field(
        default=0.05, gt=0, lt=1, description="Risk of the intervals that decide, two-sided."
    )
    guardrails: Annotated[Names, BeforeValidator(_guardrails)] | None = Field(
        default=None,
        description="Metrics that must not be shown to be worse: METRIC, METRIC:MARGIN, or "
        "METRIC@COLUMN:MARGIN for every segment of a column. By default accuracy:0.01 of "
        "classifiers; an empty list for none.",
    )
    segments: Names = Field(
        default=(),
        description="Columns whose segments are looked at one by one; by default those that the "
        "version in production is watched by.",
    )
    segment_margin: MarginText | None = Field(
        default=None,
        description="How much worse the deciding metric may be in a segment; by default as margin.",
    )
    least_rows: int = Field(
        default=100, ge=2, description="With fewer labelled rows nothing is decided."
    )
    least_segment_rows: int = Field(
        default=50, ge=2, description="A segment of fewer rows is shown, and not judged."
    )
    max_unanswered_share: float = Field(
        default=0.001,
        ge=0,
        le=1,
        description="Share of the rows that the new version alone may leave without an answer.",
    )
    max_latency_ms: float | None = Field(
        default=None, gt=0, description="Most that 95 % of single rows may take."
    )
    max_latency_growth: float | None = Field(
        default=2.0,
        ge=1,
        description="How many times the baseline's p95 of one row the new one may be; null for "
        "any.",
    )
    latency_slack_ms: float = Field(
        default=5.0, ge=0, description="A p95 longer by no more than this is always allowed."
    )
    max_bytes: int | None = Field(
        default=None, gt=0, description="Most bytes that the bundle may hold."
    )
    max_size_growth: float | None = Field(
        default=10.0,
        ge=1,
        description="How many times the baseline's size the bundle may have; null for any.",
    )
    size_slack_bytes: int = Field(
        default=100_000_000,
        ge=0,
        description="A bundle larger by no more than so many bytes is always allowed.",
    )
    resamples: int = Field(
        default=1_000, ge=100, le=1_000_000, description="Resamples of the bootstrap intervals."
    )

    def rules(self) -> Rules:
        """The rules as the evaluation takes them."""
        margin, by_segment, guards = self.margin, self.segment_margin, self.guardrails
        return Rules(
            primary=self.primary,
            margin=None if margin is None else Margin.parse(margin),
            alpha=self.alpha,
            guardrails=None if guards is None else tuple(map(Guardrail.parse, guards)),
            segment_margin=None if by_segment is None else Margin.parse(by_segment),
            least_rows=self.least_rows,
            least_segment_rows=self.least_segment_rows,
            max_unanswered_share=self.max_unanswered_share,
            max_latency_ms=self.max_latency_ms,
            max_latency_growth=self.max_latency_growth,
            latency_slack_ms=self.latency_slack_ms,
            max_bytes=self.max_bytes,
            max_size_growth=self.max_size_growth,
            size_slack_bytes=self.size_slack_bytes,
            n_resamples=self.resamples,
        )

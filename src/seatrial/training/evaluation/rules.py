"""What makes a new version better, or good enough: margins, guardrails, limits."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seatrial.kernel.errors import Invalid


class RulesInvalid(Invalid):
    """A rule of evaluation that nobody can follow."""

    code = "evaluation.rules_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """How much worse still counts as not worse.

    Args:
        size: >= 0.
        relative: whether it is a share of the baseline's value.
    """

    size: float
    relative: bool = False

    def of(self, baseline: float) -> float:
        """The margin in the metric's own unit, beside the baseline's value."""
        return self.size * abs(baseline) if self.relative else self.size

    @classmethod
    def parse(cls, text: str) -> Margin:
        """``0.01``, in the metric's own unit, or ``2%`` of the baseline's value.

        Raises: RulesInvalid.
        """
        number = text.strip()
        relative = number.endswith("%")
        try:
            size = float(number.removesuffix("%"))
        except ValueError:
            size = math.nan
        if not (math.isfinite(size) and size >= 0):
            raise RulesInvalid(
                f"{text!r} is no margin.",
                remedy="Write a number from 0, such as 0.01, or a share of the baseline's value, "
                "such as 2%.",
            )
        return cls(size=size / 100 if relative else size, relative=relative)

    def __str__(self) -> str:
        return f"{100 * self.size:g}%" if self.relative else f"{self.size:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """A metric that must not be shown to be worse.

    Args:
        metric: its name.
        margin: how much worse it may be; None for the usual one.
        column: in every segment of this column; None over all rows.
    """

    metric: str
    margin: Margin | None = None
    column: str | None = None

    @classmethod
    def parse(cls, text: str) -> Guardrail:
        """``METRIC``, ``METRIC:MARGIN`` or ``METRIC@COLUMN:MARGIN``.   Raises: RulesInvalid."""
        named, _, margin = text.strip().partition(":")
        metric, at, column = named.partition("@")
        if not metric or (at and not column):
            raise RulesInvalid(
                f"{text!r} is no guardrail.",
                remedy="Write METRIC, METRIC:MARGIN or METRIC@COLUMN:MARGIN, such as "
                "recall:0.02 or accuracy@region:0.05.",
            )
        return cls(
            metric=metric,
            margin=Margin.parse(margin) if margin else None,
            column=column or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of one evaluation.

    Args:
        primary: the metric that decides; None for `metrics.default_primary`.
        margin: how much worse it may be and count as not worse; None for the usual one.
        alpha: risk of its interval, in (0, 1), two-sided; shared out among guardrails, too.
        guardrails: besides the primary; None for the accuracy of classifiers.
        segment_margin: how much worse the primary may be in a segment; None for its own margin.
        least_rows: fewer decide nothing.
        least_segment_rows: a segment of fewer is shown, and not judged.
        max_unanswered_share: of the rows, that only the new version does not answer, in [0, 1].
        max_latency_ms: most that 95 % of single rows may take, or None.
        max_latency_growth: how many times the baseline's p95 of one row it may be, or None.
        latency_slack_ms: a p95 longer by no more than this is always allowed.
        max_bytes: most that the bundle may hold, or None.
        max_size_growth: how many times the baseline's it may be, or None.
        size_slack_bytes: a bundle larger by no more than this is always allowed.
        n_resamples: >= 100.
        seed: of the resamples.
    """

    primary: str | None = None
    margin: Margin | None = None
    alpha: float = 0.05
    guardrails: tuple[Guardrail, ...] | None = None
    segment_margin: Margin | None = None
    least_rows: int = 100
    least_segment_rows: int = 50
    max_unanswered_share: float = 0.001
    max_latency_ms: float | None = None
    max_latency_growth: float | None = 2.0
    latency_slack_ms: float = 5.0
    max_bytes: int | None = None
    max_size_growth: float | None = 10.0
    size_slack_bytes: int = 100_000_000
    n_resamples: int = 1_000
    seed: int = 0

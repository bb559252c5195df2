"""Gates: what a version must show before it gets everybody.

Every gate is one question about a rate: errors under a limit, answers slower than a limit under 5 %
(a p95), requests refused that the other version takes, answers that cannot be parsed; or about a
mean: cost and score. Against stable, the limit follows from what the stable did. Here is what can
be asked; `release/judge.py` answers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from seatrial.kernel.errors import Invalid
from seatrial.stats.counts import check_share


class BadGate(Invalid):
    """A gate whose limit makes no sense."""

    code = "release.bad_gate"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRateGate:
    """The error rate is under a limit.

    Args:
        limit: a rate in (0, 1), such as 0.001.
        dry_run: judged and shown, but not counted.
    """

    limit: float
    dry_run: bool = False

    name: ClassVar[str] = "error_rate"

    def __post_init__(self) -> None:
        check_share("limit", self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyGate:
    """A quantile of the latency is under a limit.

    Args:
        limit_ms: milliseconds, > 0, such as 100.
        quantile: in (0, 1), such as 0.95.
        dry_run: judged and shown, but not counted.
    """

    limit_ms: float
    quantile: float = 0.95
    dry_run: bool = False

    def __post_init__(self) -> None:
        check_share("quantile", self.quantile)
        _check_positive("limit_ms", self.limit_ms)

    @property
    def name(self) -> str:
        """``p95`` for a quantile of 0.95."""
        return _quantile_name(self.quantile)


@dataclass(frozen=True, slots=True, kw_only=True)
class _WithinMargin:
    """A rate of the canary exceeds the stable's by less than a margin, a difference in (0, 1)."""

    margin: float
    dry_run: bool = False

    def __post_init__(self) -> None:
        check_share("margin", self.margin)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRateAgainstStable(_WithinMargin):
    """The canary's error rate exceeds the stable's by less than a margin.

    Args:
        margin: a difference of rates in (0, 1), such as 0.001.
        dry_run: judged and shown, but not counted.
    """

    name: ClassVar[str] = "error_rate_against_stable"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAgainstStable(_WithinMargin):
    """The canary refuses requests as the client's fault by less than a margin more than stable.

    Requests that both refuse are in neither rate; see `serving.plane`.

    Args:
        margin: a difference of rates in (0, 1), such as 0.01.
        dry_run: judged and shown, but not counted.
    """

    name: ClassVar[str] = "refused_rate_against_stable"


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyAgainstStable:
    """A quantile of the canary's latency is under what the stable's own quantile allows.

    Args:
        ratio: times the stable's quantile that is allowed, >= 1, such as 1.5.
        slack_ms: what is allowed on top at the least, > 0: differences below it never matter.
        quantile: in (0, 1), such as 0.95.
        dry_run: judged and shown, but not counted.
    """

    ratio: float
    slack_ms: float
    quantile: float = 0.95
    dry_run: bool = False

    def __post_init__(self) -> None:
        check_share("quantile", self.quantile)
        _check_positive("slack_ms", self.slack_ms)
        _check_ratio(self.ratio, than="faster")

    @property
    def name(self) -> str:
        """``p95_against_stable`` for a quantile of 0.95."""
        return f"{_quantile_name(self.quantile)}_against_stable"

    def allowed_ms(self, stable_ms: float) -> float:
        """The most the canary's quantile may be when the stable's is ``stable_ms``."""
        return max(self.ratio * stable_ms, stable_ms + self.slack_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class _AtLeast:
    """A share or a mean in [0, 1] is at least so much; judged by what it lacks to 1."""

    least: float
    dry_run: bool = False

    def __post_init__(self) -> None:
        check_share("least", self.least)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseRateGate(_AtLeast):
    """The share of answers that have the form they must have is over a limit.

    Args:
        least: a share in (0, 1), such as 0.98.
        dry_run: judged and shown, but not counted.
    """

    name: ClassVar[str] = "parse_rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreGate(_AtLeast):
    """The mean score of the answers that are scored is over a limit.

    Args:
        least: a mean of scores in (0, 1), such as 0.8.
        dry_run: judged and shown, but not counted.
    """

    name: ClassVar[str] = "score"


@dataclass(frozen=True, slots=True, kw_only=True)
class CostGate:
    """The mean cost of a request is under a limit.

    Args:
        limit_usd: > 0, such as 0.002.
        dry_run: judged and shown, but not counted.
    """

    limit_usd: float
    dry_run: bool = False

    name: ClassVar[str] = "cost_per_request"

    def __post_init__(self) -> None:
        if not 0 < self.limit_usd < math.inf:
            raise BadGate(
                f"limit_usd is {self.limit_usd!r}.",
                remedy="Give dollars above 0, such as 0.002.",
                field="limit_usd",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseRateAgainstStable(_WithinMargin):
    """The canary's share of answers without their form exceeds the stable's by less than a margin.

    Args:
        margin: a difference of rates in (0, 1), such as 0.02.
        dry_run: judged and shown, but not counted.
    """

    name: ClassVar[str] = "parse_rate_against_stable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreAgainstStable(_WithinMargin):
    """The canary's mean score is lower than the stable's by less than a margin.

    Args:
        margin: a difference of means in (0, 1), such as 0.05.
        dry_run: judged and shown, but not counted.
    """

    name: ClassVar[str] = "score_against_stable"


@dataclass(frozen=True, slots=True, kw_only=True)
class CostAgainstStable:
    """The canary's mean cost is under so many times the stable's.

    Args:
        ratio: >= 1, such as 1.2.
        dry_run: judged and shown, but not counted.
    """

    ratio: float
    dry_run: bool = False

    name: ClassVar[str] = "cost_per_request_against_stable"

    def __post_init__(self) -> None:
        _check_ratio(self.ratio, than="cheaper")


AbsoluteGate: TypeAlias = ErrorRateGate | LatencyGate | ParseRateGate | ScoreGate | CostGate
RelativeGate: TypeAlias = (
    ErrorRateAgainstStable
    | LatencyAgainstStable
    | RefusedAgainstStable
    | ParseRateAgainstStable
    | ScoreAgainstStable
    | CostAgainstStable
)
Gate: TypeAlias = AbsoluteGate | RelativeGate


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """The gates of a release and the error they may make.

    Args:
        gates: at least one for anything to pass; names unique.
        alpha: in (0, 1): the chance that a version which breaks a gate passes, and the chance that
            one which breaks none is failed.
    """

    gates: tuple[Gate, ...]
    alpha: float = 0.05

    def __post_init__(self) -> None:
        check_share("alpha", self.alpha)
        names = [gate.name for gate in self.gates]
        if len(set(names)) != len(names):
            raise BadGate(
                f"Two gates share a name: {', '.join(names)}.",
                remedy="Keep one gate for each quantity.",
            )


def _quantile_name(quantile: float) -> str:
    return f"p{100 * quantile:g}"


def _check_ratio(ratio: float, *, than: str) -> None:
    if not 1 <= ratio < math.inf:
        raise BadGate(
            f"The ratio {ratio!r} would ask the canary to be {than} than stable.",
            remedy="Give a ratio of at least 1, such as 1.5.",
            field="ratio",
        )


def _check_positive(field: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise BadGate(
            f"{field} is {value!r}.",
            remedy="Give milliseconds above 0, such as 100.",
            field=field,
        )

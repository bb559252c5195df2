"""What the performance of a variant means: how sure a drop is, and whether to believe it.

There are two judgements, each with its evidence. The estimate speaks of the newest window, labels
or not. The measurement speaks of a window whose labels have come. A drop is of accuracy in points,
or of the MAE relative to the reference's; a warning asks for evidence that it is over 2 %, so that
a large drop seen in few rows and a small one seen in many are told from noise by the same rule.
Judging is `performance/judge.py`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from seatrial.stats.counts import Interval


class Level(StrEnum):
    """How bad it is."""

    UNKNOWN = "unknown"
    CLEAR = "clear"
    WARNING = "warning"
    CRITICAL = "critical"


class Trust(StrEnum):
    """Whether the estimate without labels may be believed."""

    UNVERIFIED = "unverified"
    """No label has come, or none for long."""
    CONFIRMED = "confirmed"
    """The newest labels agree with it."""
    CONTRADICTED = "contradicted"
    """The newest labels say that it is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceRules:
    """When a drop is one.

    Args:
        warning_drop: in (0, 1), of accuracy, or of the MAE relative to the reference's.
        critical_drop: likewise, larger.
        warning_chance: in (0, 1), how sure it must be that the drop is over ``warning_drop``.
        measured_chance: likewise, of a window that has its labels: less, for it is looked at once
            and not step by step, and rests on no model of scores.
        critical_chance: likewise for ``critical_drop``; less, for more is at stake.
        contradicted_chance: in (0, 1), how sure labels must make it that the estimate without
            labels is wrong by over ``warning_drop``.
        verified_windows: labels older than so many windows no longer say anything about it.
        interval_share: in (0, 1), of the intervals.
        least_labelled: labelled rows below which a measurement is not judged.
    """

    warning_drop: float = 0.02
    critical_drop: float = 0.05
    warning_chance: float = 0.9
    measured_chance: float = 0.8
    critical_chance: float = 0.5
    contradicted_chance: float = 0.8
    verified_windows: float = 10.0
    interval_share: float = 0.9
    least_labelled: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustEvidence:
    """Whether the estimate without labels may be believed, and why.

    Args:
        trust: the flag.
        bias: by how much it is wrong, in the metric's unit, true minus estimated, at the newest
            labels; None without any.
        interval: of ``bias``.
        chance: that it is wrong by over the warning drop, in the more likely direction.
        windows_ago: how old the newest labels are.
        reason: in one sentence.
    """

    trust: Trust
    bias: float | None
    interval: Interval | None
    chance: float | None
    windows_ago: float | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatedMetric:
    """Another metric of a window, expected from scores alone: labels correct the main one only.

    Nobody judges it: a drop is one of the main metric.

    Args:
        name: as `stats.performance.Metric`.
        value: expected, in [0, 1].
        interval: of ``value``, of the same share as the main metric's.
        reference: the same metric on the reference; None when it has none there.
        drop: > 0 is worse; None without a reference.
    """

    name: str
    value: float
    interval: Interval
    reference: float | None
    drop: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """The performance of the newest window, as far as it can be known by now.

    Args:
        level: what it means.
        reason: in one sentence.
        metric: ``accuracy`` or ``mae``.
        value: the window's mean; None while there are no usable scores.
        interval: where the window's expected performance lies.
        reference: the same metric on the reference.
        drop: in the scale of the rules; > 0 is worse.
        drop_interval: of ``drop``, with the error of the reference too.
        warning_chance: that the drop, as of the newest rows, is over the rules' ``warning_drop``:
            an abrupt one shows here before it shows in the mean.
        critical_chance: likewise for ``critical_drop``.
        label_free: the estimate from scores alone.
        n: predictions it speaks of.
        trust: whether ``label_free`` may be believed.
        others: of a classifier: precision, recall, F1, AUC, as far as they are defined; none once
            labels contradict the scores.
    """

    level: Level
    reason: str
    metric: str
    value: float | None
    interval: Interval | None
    reference: float
    drop: float | None
    drop_interval: Interval | None
    warning_chance: float | None
    critical_chance: float | None
    label_free: float | None
    n: int
    trust: TrustEvidence
    others: tuple[EstimatedMetric, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredMetric:
    """One metric of a window whose labels came.

    Args:
        name: as `stats.performance.Metric`.
        value: measured.
        interval: of ``value``; None with a single row.
        reference: the same metric on the reference; None when it has none there.
        drop: > 0 is worse; of a share in points, of an error relative to the reference's.
        drop_interval: of ``drop``, with the errors of both sides.
        n: labelled rows.
    """

    name: str
    value: float
    interval: Interval | None
    reference: float | None
    drop: float | None
    drop_interval: Interval | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The real performance of one window.

    Args:
        level: what it means.
        reason: in one sentence.
        window: its index.
        n: predictions; ``n_labelled`` of them have a label.
        metrics: the main one first.
        warning_chance: that the drop of the main metric is over the rules' ``warning_drop``.
        critical_chance: likewise for ``critical_drop``.
        unexplained: by how much the same rows did worse than the reference lets one expect of
            them, row by row: a drop that is not there is one of harder rows, one that is there is
            a changed world. None without usable scores.
        unexplained_interval: of it; narrower than that of the drop, since rows are paired.
    """

    level: Level
    reason: str
    window: int
    n: int
    n_labelled: int
    metrics: tuple[MeasuredMetric, ...]
    warning_chance: float | None
    critical_chance: float | None
    unexplained: float | None
    unexplained_interval: Interval | None

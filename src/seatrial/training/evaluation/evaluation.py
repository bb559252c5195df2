"""What an evaluation says: the two versions, the rows, every measure, and the decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from seatrial.registry.signature import Signature, Task
from seatrial.stats.mcnemar import McNemar
from seatrial.stats.reliability import Reliability
from seatrial.training.evaluation.decision import Decision, MetricPair
from seatrial.training.evaluation.latency import Times
from seatrial.training.evaluation.rules import Margin, Rules

NEW, BASELINE = "new", "baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """One of the two, apart from its answers.

    Args:
        name: as it was named.
        digest: of its bundle.
        framework: what made it, such as ``scikit-learn 1.5.2``.
        engine: what runs it, in a sentence.
        n_bytes: of the bundle.
        signature: its inputs and outputs.
        one: times of single rows, or None where nobody measured.
        many: of batches, or None.
    """

    name: str
    digest: str
    framework: str
    engine: str
    n_bytes: int
    signature: Signature
    one: Times | None = None
    many: Times | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts:
    """The rows.

    Args:
        source: where they came from.
        digest: SHA-256 of their file, or None.
        label: the column that is predicted.
        n_rows: of the holdout.
        n: compared.
        n_unlabelled: without a label.
        n_repeated: known from training, and left out; None where nobody could know.
        n_unanswered: by version, of the rest.
        unseen: labels that no version has, with their rows.
        by_class: rows of each class; empty for a regression.
    """

    source: str
    digest: str | None
    label: str
    n_rows: int
    n: int
    n_unlabelled: int
    n_repeated: int | None
    n_unanswered: Mapping[str, int]
    unseen: Mapping[str, int]
    by_class: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentPair:
    """The deciding metric, and guarded ones, in one segment.

    Args:
        column: split by.
        value: of the segment.
        n: rows.
        metrics: none where there are too few rows to measure.
        judged: whether there are rows enough to judge.
    """

    column: str
    value: str
    n: int
    metrics: tuple[MetricPair, ...]
    judged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All of it.

    Args:
        made_at: when.
        task: of both versions.
        versions: by ``new`` and ``baseline``.
        data: the rows.
        primary: the metric that decides.
        margin: of it.
        metrics: all that were measured, the primary first; none with too few rows.
        constant: the primary of what answers every row alike; None where it says nothing.
        rightness: of classifiers, the rows on which one only is right.
        calibration: of classifiers with probabilities, by version.
        segments: in the order of the columns.
        differences: what clients of the baseline would notice, and what is taken less of.
        rules: as they were applied.
        decision: what comes of it.
    """

    made_at: datetime
    task: Task
    versions: Mapping[str, VersionFacts]
    data: DataFacts
    primary: str
    margin: Margin
    metrics: tuple[MetricPair, ...]
    constant: float | None
    rightness: McNemar | None
    calibration: Mapping[str, Reliability]
    segments: tuple[SegmentPair, ...]
    differences: tuple[str, ...]
    rules: Rules
    decision: Decision

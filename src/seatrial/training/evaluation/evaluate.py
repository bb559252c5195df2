"""A new version against the one in production: everything measured, and what comes of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from seatrial.monitoring.summaries.profile import Profile
from seatrial.registry.signature_change import differences, narrowings
from seatrial.training.evaluation.answers import Answers, Compared, Holdout, compare_rows
from seatrial.training.evaluation.asked import Asked
from seatrial.training.evaluation.decision import MetricPair, decide
from seatrial.training.evaluation.evaluation import (
    BASELINE,
    NEW,
    DataFacts,
    Evaluation,
    SegmentPair,
    VersionFacts,
)
from seatrial.training.evaluation.findings import (
    findings_of_cost,
    findings_of_metrics,
    findings_of_rows,
)
from seatrial.training.evaluation.measuring import (
    Progress,
    calibration,
    over_all,
    over_segments,
    rightness,
)
from seatrial.training.evaluation.metrics import OwnMetric
from seatrial.training.evaluation.rules import Rules
from seatrial.training.evaluation.segments import segments_of


def evaluate(
    holdout: Holdout,
    answers: Mapping[str, Answers],
    versions: Mapping[str, VersionFacts],
    rules: Rules,
    *,
    now: datetime,
    metrics: Sequence[str] = (),
    own: Sequence[OwnMetric] = (),
    segments: Sequence[str] = (),
    profile: Profile | None = None,
    progress: Progress = lambda _what, _done, _n: None,
) -> Evaluation:
    """Compare two versions over the rows that both answered.

    Args:
        answers: by ``new`` and ``baseline``.
        versions: likewise.
        now: when it is.
        metrics: to be shown; none for the usual ones. The primary and guarded ones are too.
        own: further metrics; always shown.
        segments: columns to split by, each in ``holdout.columns``.
        profile: of the baseline, whose segments are taken where it has the column.
        progress: told how far it is.
    Raises: NotComparable, LabelMismatch, UnknownMetric, MetricFails, NoSuchSegment.
    """
    compared = compare_rows(holdout, answers)
    asked = Asked.of(compared, rules, metrics, own)
    pairs: tuple[MetricPair, ...] = ()
    constant = None
    by_segment: tuple[SegmentPair, ...] = ()
    findings = findings_of_rows(compared, answers, rules)
    if compared.n >= 2:
        pairs, constant = over_all(compared, asked, rules, progress)
    if compared.n >= rules.least_rows:
        names = tuple(dict.fromkeys((*segments, *asked.guarded_columns)))
        parts = list(segments_of(holdout.columns, names, compared.rows, profile))
        by_segment = over_segments(compared, parts, asked, rules, progress)
        findings += findings_of_metrics(pairs, constant, by_segment, asked, rules)
    findings += findings_of_cost(versions, rules)
    return Evaluation(
        made_at=now,
        task=compared.task,
        versions=versions,
        data=_data(holdout, compared),
        primary=asked.primary,
        margin=asked.margin,
        metrics=pairs,
        constant=None if constant is None else constant.baseline.value,
        rightness=rightness(compared),
        calibration=calibration(compared),
        segments=by_segment,
        differences=_differences(versions),
        rules=replace(rules, guardrails=asked.guardrails),
        decision=decide(findings),
    )


def _data(holdout: Holdout, compared: Compared) -> DataFacts:
    by_class: dict[str, int] = {}
    if compared.classes:
        counts = np.bincount(compared.true.astype(np.intp), minlength=len(compared.classes))
        by_class = dict(zip(compared.classes, counts.tolist(), strict=False))
    return DataFacts(
        source=holdout.source,
        digest=holdout.digest,
        label=holdout.label,
        n_rows=holdout.n,
        n=compared.n,
        n_unlabelled=compared.n_unlabelled,
        n_repeated=None if holdout.repeated is None else compared.n_repeated,
        n_unanswered=compared.n_unanswered,
        unseen=compared.unseen,
        by_class=by_class,
    )


def _differences(versions: Mapping[str, VersionFacts]) -> tuple[str, ...]:
    served, offered = versions[BASELINE].signature, versions[NEW].signature
    return (*differences(served, offered), *narrowings(served, offered))

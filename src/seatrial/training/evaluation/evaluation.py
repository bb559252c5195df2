"""A new version against the one in production: everything measured, and what comes of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from seatrial.monitoring.summaries.profile import Profile
from seatrial.registry.signature import Signature, Task
from seatrial.registry.signature_change import differences, narrowings
from seatrial.stats.mcnemar import McNemar, mcnemar
from seatrial.stats.reliability import Reliability, reliability
from seatrial.stats.resampling import Measure, Resamples, resample
from seatrial.training.evaluation.answers import Answers, Compared, Holdout, Side, compare_rows
from seatrial.training.evaluation.decision import (
    Decision,
    Finding,
    Guarded,
    Kind,
    MetricPair,
    Outcome,
    decide,
    judge_constant,
    judge_guardrails,
    judge_latency,
    judge_primary,
    judge_size,
    judge_unanswered,
)
from seatrial.training.evaluation.latency import Times
from seatrial.training.evaluation.metrics import (
    GAMED,
    OwnMetric,
    check_metric,
    constant_side,
    default_primary,
    less_is_better,
    measures_of,
    usual,
    usual_margin,
)
from seatrial.training.evaluation.rules import Guardrail, Margin, Rules
from seatrial.training.evaluation.segments import SegmentRows, segments_of

NEW, BASELINE = "new", "baseline"
_CONSTANT = "constant"

Progress = Callable[[str, int, int], None]
"""Told what is under way, and how many of how many resamples or segments are done."""


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
    asked = _Asked.of(compared, rules, metrics, own)
    pairs: tuple[MetricPair, ...] = ()
    constant = None
    by_segment: tuple[SegmentPair, ...] = ()
    findings = _findings_of_rows(compared, answers, rules)
    if compared.n >= 2:
        pairs, constant = _over_all(compared, asked, rules, progress)
    if compared.n >= rules.least_rows:
        names = tuple(dict.fromkeys((*segments, *asked.guarded_columns)))
        parts = list(segments_of(holdout.columns, names, compared.rows, profile))
        by_segment = _over_segments(compared, parts, asked, rules, progress)
        findings += _findings_of_metrics(pairs, constant, by_segment, asked, rules)
    findings += _findings_of_cost(versions, rules)
    return Evaluation(
        made_at=now,
        task=compared.task,
        versions=versions,
        data=_data(holdout, compared),
        primary=asked.primary,
        margin=asked.margin,
        metrics=pairs,
        constant=None if constant is None else constant.baseline.value,
        rightness=_rightness(compared),
        calibration=_calibration(compared),
        segments=by_segment,
        differences=_differences(versions),
        rules=replace(rules, guardrails=asked.guardrails),
        decision=decide(findings),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Names and rules, as far as the versions allow."""

    primary: str
    margin: Margin
    shown: tuple[str, ...]
    guardrails: tuple[Guardrail, ...]
    own: tuple[OwnMetric, ...]

    @classmethod
    def of(
        cls, compared: Compared, rules: Rules, metrics: Sequence[str], own: Sequence[OwnMetric]
    ) -> _Asked:
        primary = rules.primary or default_primary(compared)
        guards = rules.guardrails
        if guards is None:
            guards = (Guardrail(metric="accuracy"),) if compared.classes else ()
        guarded = [guard.metric for guard in guards]
        shown = dict.fromkeys(
            (primary, *(metrics or usual(compared)), *(m.name for m in own), *guarded)
        )
        for name in shown:
            check_metric(name, compared, own)
        return cls(
            primary=primary,
            margin=rules.margin or usual_margin(primary),
            shown=tuple(shown),
            guardrails=tuple(g for g in guards if g.metric != primary or g.column is not None),
            own=tuple(own),
        )

    @property
    def guarded_columns(self) -> tuple[str, ...]:
        return tuple(guard.column for guard in self.guardrails if guard.column is not None)

    def measures(self, compared: Compared, side: Side, names: Sequence[str]) -> list[Measure]:
        return measures_of(compared, side, names, self.own)

    def pair(self, found: Resamples, metric: str, first: str, second: str) -> MetricPair:
        return MetricPair(
            metric=metric,
            new=found.of(first, metric),
            baseline=found.of(second, metric),
            difference=found.difference(first, second, metric),
            less_is_better=less_is_better(metric, self.own),
            n=found.n,
        )


def _over_all(
    compared: Compared, asked: _Asked, rules: Rules, progress: Progress
) -> tuple[tuple[MetricPair, ...], MetricPair | None]:
    """All metrics, and the primary beside a constant."""
    models = {
        name: asked.measures(compared, side, asked.shown) for name, side in compared.sides.items()
    }
    with_constant = asked.primary not in GAMED and not _one_class(compared)
    if with_constant:
        side = constant_side(compared, asked.primary)
        models[_CONSTANT] = asked.measures(compared, side, [asked.primary])
    found = resample(
        models,
        compared.n,
        n_resamples=rules.n_resamples,
        alpha=rules.alpha,
        seed=rules.seed,
        progress=lambda done, n: progress("resamples", done, n),
    )
    pairs = tuple(asked.pair(found, name, NEW, BASELINE) for name in asked.shown)
    return pairs, asked.pair(found, asked.primary, NEW, _CONSTANT) if with_constant else None


def _over_segments(
    compared: Compared,
    parts: Sequence[SegmentRows],
    asked: _Asked,
    rules: Rules,
    progress: Progress,
) -> tuple[SegmentPair, ...]:
    found = []
    for done, part in enumerate(parts):
        progress("segments", done, len(parts))
        guarded = [g.metric for g in asked.guardrails if g.column == part.column]
        names = tuple(dict.fromkeys((asked.primary, *guarded)))
        found.append(_in_segment(compared, part, names, asked, rules))
    return tuple(found)


def _in_segment(
    compared: Compared, part: SegmentRows, names: Sequence[str], asked: _Asked, rules: Rules
) -> SegmentPair:
    metrics: tuple[MetricPair, ...] = ()
    if len(part.rows) >= 2:
        inside = _rows(compared, part.rows)
        resampled = resample(
            {name: asked.measures(inside, side, names) for name, side in inside.sides.items()},
            inside.n,
            n_resamples=rules.n_resamples,
            alpha=rules.alpha,
            seed=rules.seed,
        )
        metrics = tuple(asked.pair(resampled, name, NEW, BASELINE) for name in names)
    return SegmentPair(
        column=part.column,
        value=part.value,
        n=len(part.rows),
        metrics=metrics,
        judged=len(part.rows) >= rules.least_segment_rows,
    )


def _rows(compared: Compared, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Compared:
    sides = {
        name: Side(
            predicted=side.predicted[rows],
            probabilities=None if side.probabilities is None else side.probabilities[rows],
            values=side.values[rows],
        )
        for name, side in compared.sides.items()
    }
    return replace(
        compared,
        true=compared.true[rows],
        values=compared.values[rows],
        rows=compared.rows[rows],
        sides=sides,
    )


def _findings_of_rows(
    compared: Compared, answers: Mapping[str, Answers], rules: Rules
) -> list[Finding]:
    """What the rows themselves say, before anything is measured."""
    n = compared.n + max(compared.n_unanswered.values())
    found = judge_unanswered(compared.n_unanswered, n, answers[NEW].why_not, rules)
    facts: dict[str, object] = {"n": compared.n}
    if compared.n < rules.least_rows:
        facts["least"] = rules.least_rows
        found.append(Finding(kind=Kind.TOO_FEW_ROWS, outcome=Outcome.CANNOT_TELL, facts=facts))
    elif _one_class(compared):
        facts["value"] = (*compared.classes, "?")[int(compared.true[0])]
        found.append(Finding(kind=Kind.ONE_CLASS, outcome=Outcome.CANNOT_TELL, facts=facts))
    return found


def _one_class(compared: Compared) -> bool:
    """Whether all labels are alike: nothing can be told apart then, and a constant is perfect."""
    return bool(compared.classes) and len(np.unique(compared.true)) == 1


def _findings_of_metrics(
    pairs: Sequence[MetricPair],
    constant: MetricPair | None,
    segments: Sequence[SegmentPair],
    asked: _Asked,
    rules: Rules,
) -> list[Finding]:
    by_name = {pair.metric: pair for pair in pairs}
    guarded = [
        Guarded(pair=by_name[guard.metric], margin=guard.margin or usual_margin(guard.metric))
        for guard in asked.guardrails
        if guard.column is None
    ]
    for segment in segments:
        guarded += _guarded_in(segment, asked, rules)
    return [
        judge_primary(by_name[asked.primary], asked.margin),
        *([] if constant is None else judge_constant(constant)),
        *judge_guardrails(guarded, alpha=rules.alpha),
    ]


def _guarded_in(segment: SegmentPair, asked: _Asked, rules: Rules) -> list[Guarded]:
    margins = {asked.primary: rules.segment_margin or asked.margin}
    for guard in asked.guardrails:
        if guard.column == segment.column:
            margins[guard.metric] = guard.margin or usual_margin(guard.metric)
    return [
        Guarded(
            pair=pair,
            margin=margins[pair.metric],
            segment=(segment.column, segment.value),
            judged=segment.judged,
        )
        for pair in segment.metrics
    ]


def _findings_of_cost(versions: Mapping[str, VersionFacts], rules: Rules) -> list[Finding]:
    new, baseline = versions[NEW], versions[BASELINE]
    found = judge_size(new.n_bytes, baseline.n_bytes, rules)
    if new.one is not None and baseline.one is not None:
        found += judge_latency(new.one, baseline.one, rules)
    return found


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


def _rightness(compared: Compared) -> McNemar | None:
    if not compared.classes or not compared.n:
        return None
    right = {name: side.predicted == compared.true for name, side in compared.sides.items()}
    return mcnemar(
        int((right[NEW] & ~right[BASELINE]).sum()), int((right[BASELINE] & ~right[NEW]).sum())
    )


def _calibration(compared: Compared) -> dict[str, Reliability]:
    """Of two classes the probability of the second, of more that of the answer."""
    found = {}
    for name, side in compared.sides.items():
        if side.probabilities is None or not compared.n:
            continue
        if len(compared.classes) == 2:
            stated, occurred = side.probabilities[:, 1], compared.true == 1
        else:
            stated = side.probabilities.max(axis=1)
            occurred = side.probabilities.argmax(axis=1) == compared.true
        found[name] = reliability(np.clip(stated, 0.0, 1.0), occurred)
    return found


def _differences(versions: Mapping[str, VersionFacts]) -> tuple[str, ...]:
    served, offered = versions[BASELINE].signature, versions[NEW].signature
    return (*differences(served, offered), *narrowings(served, offered))

"""The measures of both versions, over all rows and in each segment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from seatrial.stats.mcnemar import McNemar, mcnemar
from seatrial.stats.reliability import Reliability, reliability
from seatrial.stats.resampling import resample
from seatrial.training.evaluation.answers import Compared, Side
from seatrial.training.evaluation.asked import Asked
from seatrial.training.evaluation.decision import MetricPair
from seatrial.training.evaluation.evaluation import BASELINE, NEW, SegmentPair
from seatrial.training.evaluation.metrics import GAMED, constant_side
from seatrial.training.evaluation.rules import Rules
from seatrial.training.evaluation.segments import SegmentRows

Progress = Callable[[str, int, int], None]
"""Told what is under way, and how many of how many resamples or segments are done."""

_CONSTANT = "constant"


def over_all(
    compared: Compared, asked: Asked, rules: Rules, progress: Progress
) -> tuple[tuple[MetricPair, ...], MetricPair | None]:
    """All metrics, and the primary beside a constant."""
    models = {
        name: asked.measures(compared, side, asked.shown) for name, side in compared.sides.items()
    }
    with_constant = asked.primary not in GAMED and not one_class(compared)
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


def over_segments(
    compared: Compared,
    parts: Sequence[SegmentRows],
    asked: Asked,
    rules: Rules,
    progress: Progress,
) -> tuple[SegmentPair, ...]:
    """The primary and what is guarded, in each segment."""
    found = []
    for done, part in enumerate(parts):
        progress("segments", done, len(parts))
        guarded = [g.metric for g in asked.guardrails if g.column == part.column]
        names = tuple(dict.fromkeys((asked.primary, *guarded)))
        found.append(_in_segment(compared, part, names, asked, rules))
    return tuple(found)


def _in_segment(
    compared: Compared, part: SegmentRows, names: Sequence[str], asked: Asked, rules: Rules
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


def rightness(compared: Compared) -> McNemar | None:
    """On how many rows one version only is right; None for a regression, and without rows."""
    if not compared.classes or not compared.n:
        return None
    right = {name: side.predicted == compared.true for name, side in compared.sides.items()}
    return mcnemar(
        int((right[NEW] & ~right[BASELINE]).sum()), int((right[BASELINE] & ~right[NEW]).sum())
    )


def calibration(compared: Compared) -> dict[str, Reliability]:
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


def one_class(compared: Compared) -> bool:
    """Whether all labels are alike: nothing can be told apart then, and a constant is perfect."""
    return bool(compared.classes) and len(np.unique(compared.true)) == 1

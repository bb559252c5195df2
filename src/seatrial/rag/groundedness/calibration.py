"""A profile from labelled sentences: seatrial's own are made here, and so are a user's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.rag.groundedness.logistic import (
    Array,
    Fit,
    Priors,
    auc,
    balanced_accuracy,
    fit,
    folds,
)
from seatrial.rag.groundedness.material import Material
from seatrial.rag.groundedness.profile import SIGNALS, VETOES, Figures, Profile, log_odds
from seatrial.rag.groundedness.signals import compare
from seatrial.rag.groundedness.verdict import Entailment

N_LEAST = 20
N_ENOUGH = 100
_N_FOLDS = 5
_N_RESAMPLES = 500
_ENTAILMENT = 1.0, 0.7, 3.0  # prior weight, its deviation, scale, of log odds


class LabelsTooFew(Invalid):
    """There are not enough labels of both kinds to learn a profile from."""

    code = "rag.labels_too_few"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSentence:
    """A sentence, the passages that it was checked against, and whether they support it."""

    sentence: str
    passages: tuple[str, ...]
    supported: bool


def calibrate(
    pairs: Sequence[LabelledSentence],
    *,
    name: str,
    fitted_on: str,
    entailment: Entailment | None = None,
    seed: int = 0,
) -> Profile:
    """Learn a profile.

    Its figures come from five folds, each judged by weights that have not seen it; their intervals
    from resampling the rows. The threshold is the share of supported rows, where the accuracies of
    both labels weigh alike.

    Args:
        pairs: at least 20, with at least 5 of each label.
        entailment: where it will be used with the profile: its weight is learnt, too.
    Raises: LabelsTooFew; Unavailable, of the entailment model.
    """
    labels = np.array([float(pair.supported) for pair in pairs])
    n_supported = int(labels.sum())
    if len(pairs) < N_LEAST or min(n_supported, len(pairs) - n_supported) < _N_FOLDS:
        raise LabelsTooFew(
            f"There are {len(pairs)} labels, {n_supported} of them 'supported'; a profile needs "
            f"{N_LEAST}, and {_N_FOLDS} of each kind.",
            remedy="Label more sentences, of both kinds.",
            n=len(pairs),
            n_supported=n_supported,
        )
    inputs, vetoed = _measured(pairs, entailment)
    return learn(
        inputs,
        vetoed,
        labels,
        name=name,
        fitted_on=fitted_on,
        with_entailment=entailment is not None,
        seed=seed,
    )


def learn(
    inputs: Array,
    vetoed: NDArray[np.bool_],
    labels: Array,
    *,
    name: str,
    fitted_on: str,
    with_entailment: bool,
    seed: int,
) -> Profile:
    """`calibrate`, of rows that are measured already."""
    priors = _priors(with_entailment=with_entailment)
    scores, said = cross_validated(inputs, vetoed, labels, priors, seed=seed)
    whole = fit(inputs, labels, priors)
    share = float(labels.mean())
    n_rare = int(min(labels.sum(), len(labels) - labels.sum()))
    weights = dict(zip(SIGNALS, map(_rounded, whole.weights), strict=False))
    return Profile(
        name=name,
        fitted_on=fitted_on,
        n=len(labels),
        share_supported=_rounded(share),
        weights=weights,
        intercept=_rounded(whole.intercept),
        threshold=_rounded(share),
        entailment=_rounded(float(whole.weights[-1])) if with_entailment else None,
        figures=Figures(
            auc=_interval(lambda rows: auc(scores[rows], labels[rows]), labels, seed),
            balanced_accuracy=_interval(
                lambda rows: balanced_accuracy(said[rows], labels[rows]), labels, seed
            ),
        ),
        warning=None
        if n_rare >= N_ENOUGH // 2
        else f"Learnt from {n_rare} labels of the rarer kind: its figures may be off by more than "
        f"their intervals say. Label at least {N_ENOUGH // 2} of each kind.",
    )


def cross_validated(
    inputs: Array,
    vetoed: NDArray[np.bool_],
    labels: Array,
    priors: Priors,
    *,
    seed: int,
) -> tuple[Array, NDArray[np.bool_]]:
    """The score of each row by weights that have not seen it, and whether that says "supported"."""
    fold = folds(labels, _N_FOLDS, seed=seed)
    scores = np.zeros(len(labels))
    said = np.zeros(len(labels), bool)
    for number in range(_N_FOLDS):
        held = fold == number
        threshold = float(labels[~held].mean())
        learnt: Fit = fit(inputs[~held], labels[~held], priors)
        found = learnt.probabilities(inputs[held])
        scores[held] = np.where(vetoed[held], found * threshold, found)
        said[held] = scores[held] >= threshold
    return scores, said


def _measured(
    pairs: Sequence[LabelledSentence], entailment: Entailment | None
) -> tuple[Array, NDArray[np.bool_]]:
    inputs = np.zeros((len(pairs), len(SIGNALS) + (entailment is not None)))
    vetoed = np.zeros(len(pairs), bool)
    premises: list[tuple[str, str]] = []
    for row, pair in enumerate(pairs):
        material = Material(pair.passages)
        found = compare(pair.sentence, material)
        inputs[row, : len(SIGNALS)] = [found.values[name] for name in SIGNALS]
        vetoed[row] = any(found.values[name] for name in VETOES)
        premises.append((" ".join(material.text(i) for i in found.window), pair.sentence))
    if entailment is not None:
        inputs[:, -1] = [log_odds(float(p)) for p in entailment.probabilities(premises)]
    return inputs, vetoed


def _priors(*, with_entailment: bool) -> Priors:
    rows = [(s.prior * s.scale, s.deviation, float(s.sign), s.scale) for s in SIGNALS.values()]
    if with_entailment:
        prior, deviation, scale = _ENTAILMENT
        rows.append((prior * scale, deviation, 1.0, scale))
    means, deviations, signs, scales = map(np.array, zip(*rows, strict=True))
    return Priors(means=means, deviations=deviations, signs=signs, scales=scales)


def _interval(
    figure: Callable[[NDArray[np.int64]], float], labels: Array, seed: int
) -> tuple[float, float, float]:
    """A figure of all rows, and the 95 % bounds of it over rows drawn again, each label for itself.

    Source: stratified bootstrap, percentile bounds (Efron & Tibshirani 1993, ch. 13).
    """
    chance = np.random.default_rng(seed)
    kinds = [np.flatnonzero(labels > 0.5), np.flatnonzero(labels <= 0.5)]
    drawn = [
        figure(np.concatenate([chance.choice(rows, len(rows)) for rows in kinds]))
        for _ in range(_N_RESAMPLES)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return _rounded(figure(np.arange(len(labels)))), _rounded(float(low)), _rounded(float(high))


def _rounded(value: float) -> float:
    return round(float(value), 4) + 0.0

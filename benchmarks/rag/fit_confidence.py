"""Makes the weights that tell whether a corpus answers a question: `confidence.json`.

    python -m benchmarks.rag.fit_confidence --data DATA --home HOME [--into FOLDER]

DATA holds the question sets ``squad2``, ``cmrc2018`` and ``scifact`` (see `benchmarks.rag.sets`);
HOME keeps the indexes that are asked. Without ``--into`` only the shipped weights are measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.rag.foreign import Asked, asked, built, read
from seatrial.rag.answering.confidence import HAN, VECTORS, WORDS
from seatrial.rag.groundedness.logistic import Array, Fit, Priors, auc, fit

_REFUSED = {"words": 0.005, "han": 0.0025, "vectors": 0.005}
"""Share of the questions that are answered, among those learnt from, which lie under the threshold.
In Chinese texts unlike those have three times as many."""
N_ASKED = 300
"""Questions of each kind for each half of each set."""
SETS = ("squad2", "scifact", "cmrc2018")
UNTITLED = "cmrc2018-untitled"
USED = {"words": SETS, "han": ("cmrc2018", UNTITLED), "vectors": ("squad2", "scifact")}
"""Sets whose rows weights are learnt from: MiniLM does not know the language of the third. That is
built without titles too, since many documents have none that a question would name."""
SIGNALS = {"words": WORDS, "han": HAN, "vectors": VECTORS}
_RESAMPLES = 500


def rows_of(found: Sequence[Asked], names: Sequence[str]) -> tuple[Array, Array]:
    """Inputs and labels: 1 for questions that the corpus answers; those that are foreign to it in
    part are left out."""
    kept = [one for one in found if one.kind in ("answered", "foreign", "elsewhere")]
    inputs = np.array([[one.told(name) for name in names] for one in kept])
    return inputs, np.array([float(one.kind == "answered") for one in kept])


def learnt(found: Sequence[Asked], names: Sequence[str]) -> Fit:
    """Weights, none below 0, both labels of each set counting alike."""
    inputs, labels = rows_of(found, names)
    sets = np.array([one.set for one in found if one.kind in ("answered", "foreign", "elsewhere")])
    groups = [
        np.flatnonzero((sets == name) & (labels == label))
        for name in sorted(set(sets))
        for label in (0, 1)
    ]
    most = max(map(len, groups))
    even = np.concatenate([np.resize(group, most) for group in groups if len(group)])
    priors = Priors(
        means=np.zeros(len(names)),
        deviations=np.full(len(names), 2.0),
        signs=np.ones(len(names)),
        scales=inputs.std(axis=0) + 1e-9,
    )
    return fit(inputs[even], labels[even], priors)


def usable(found: Sequence[Asked], name: str) -> list[Asked]:
    """The rows that a model learns from and judges: by their signals and set."""
    return [one for one in found if one.set in USED[name] and all(map(one.tells, SIGNALS[name]))]


def model(found: Sequence[Asked], names: Sequence[str], refused: float) -> dict[str, object]:
    """As `seatrial.rag.answering.confidence` reads it: such a share of the questions that are
    answered lies under the threshold, each set counting alike."""
    whole = learnt(found, names)
    answered = []
    for name in sorted({one.set for one in found}):
        inputs, labels = rows_of([one for one in found if one.set == name], names)
        answered.append(whole.probabilities(inputs)[labels == 1])
    even = np.concatenate([np.resize(one, max(map(len, answered))) for one in answered])
    return {
        "weights": {n: round(float(w), 4) for n, w in zip(names, whole.weights, strict=True)},
        "intercept": round(whole.intercept, 4),
        "threshold": round(float(np.quantile(even, refused)), 4),
        "n": len(rows_of(found, names)[1]),
    }


def measured(found: Sequence[Asked], scores: Array) -> list[str]:
    """AUC against answered questions, by set and kind, with an interval of 95 % by resampling
    questions."""
    lines = []
    kinds = np.array([one.kind for one in found])
    owners = np.array([one.owner for one in found])
    sets = np.array([one.set for one in found])
    for name in sorted(set(sets)):
        own = (sets == name) & np.isfinite(scores)
        answered = scores[own & (kinds == "answered")]
        others = {
            f"{kind} ({owner})": own & (kinds == kind) & (owners == owner)
            for kind in ("foreign", "elsewhere", "related", "subtle")
            for owner in SETS
        }
        others["foreign, elsewhere and related"] = own & np.isin(
            kinds, ("foreign", "elsewhere", "related")
        )
        for what, chosen in others.items():
            if chosen.any() and len(answered):
                lines.append(f"{name}, {what}: {_interval(answered, scores[chosen])}")
    return lines


def _interval(answered: Array, others: Array) -> str:
    chance = np.random.default_rng(0)
    labels = np.concatenate([np.ones(len(answered)), np.zeros(len(others))])
    figure = auc(np.concatenate([answered, others]), labels)
    drawn = [
        auc(
            np.concatenate(
                [chance.choice(answered, len(answered)), chance.choice(others, len(others))]
            ),
            labels,
        )
        for _ in range(_RESAMPLES)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{figure:.4f} [{low:.4f}, {high:.4f}] of {len(answered)} and {len(others)}"


def halves(found: Sequence[Asked], names: Sequence[str]) -> Array:
    """Probabilities of questions asked of one half of each set's documents, by weights learnt from
    what was asked of the other half."""
    scores = np.full(len(found), np.nan)
    inputs = np.array([[one.told(name) for name in names] for one in found])
    asked_of = np.array([one.half for one in found])
    for half in (0, 1):
        weights = learnt([one for one in found if one.half != half], names)
        scores[asked_of == half] = weights.probabilities(inputs[asked_of == half])
    return scores


def refusals(found: Sequence[Asked]) -> list[str]:
    """How many are refused by the shipped weights, by set and kind."""
    lines = []
    for name, kind in sorted({(one.set, one.kind) for one in found}):
        told = [not one.answers for one in found if (one.set, one.kind) == (name, kind)]
        lines.append(f"{name}, {kind}: {sum(told) / len(told):.4f} of {len(told)} refused")
    return lines


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    sets = [read(name, told.data) for name in SETS]
    sets.append(sets[-1].untitled())
    found = asked(sets, built(sets, told.home), n=N_ASKED, seed=told.seed)
    made = {}
    for name, signals in SIGNALS.items():
        rows = usable(found, name)
        made[name] = model(rows, signals, _REFUSED[name])
        print(f"{name}, learnt; AUC by what the other half of the documents taught", made[name])
        for line in measured(rows, halves(rows, signals)):
            print(" ", line)
    print("shipped")
    for line in (*measured(found, np.array([one.probability for one in found])), *refusals(found)):
        print(" ", line)
    if told.into is not None:
        (told.into / "confidence.json").write_text(json.dumps(made, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()

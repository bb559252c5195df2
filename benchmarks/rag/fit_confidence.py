"""Makes the weights that tell whether a corpus answers a question: `confidence.json`.

    python -m benchmarks.rag.fit_confidence --data DATA --vectors VECTORS [--into FOLDER]

DATA holds the question sets ``squad2``, ``cmrc2018`` and ``scifact`` (see `benchmarks.rag.sets`);
VECTORS the MiniLM vectors (fp32) of documents (``title. text``) and queries of the English ones,
``squad2-docs-fp32.npy``, ``squad2-queries-fp32.npy`` and so on, rows in the order of the files.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.rag.foreign import Asked, asked, read
from seatrial.rag.answering.confidence import VECTORS, WORDS
from seatrial.rag.groundedness.logistic import Array, Fit, Priors, auc, fit

HOME = Path("src/seatrial/rag/answering")
_REFUSED = 0.02
N_ASKED = {"words": 150, "vectors": 60}
"""Questions of each kind for each half of each set."""
ENGLISH = ("squad2", "scifact")
SETS = (*ENGLISH, "cmrc2018")


def rows_of(found: Sequence[Asked], names: Sequence[str]) -> tuple[Array, Array]:
    """Inputs and labels: 1 for questions that the corpus answers; subtle ones are left out."""
    kept = [one for one in found if one.kind != "subtle"]
    inputs = np.array([[one.signals[name] for name in names] for one in kept])
    return inputs, np.array([float(one.kind == "answered") for one in kept])


def learnt(found: Sequence[Asked], names: Sequence[str]) -> Fit:
    """Weights, none below 0, both labels counting alike."""
    inputs, labels = rows_of(found, names)
    n = min(int(labels.sum()), int((1 - labels).sum()))
    even = np.concatenate(
        [
            np.flatnonzero(labels == label)[:: max(1, int((labels == label).sum()) // n)]
            for label in (0, 1)
        ]
    )
    priors = Priors(
        means=np.zeros(len(names)),
        deviations=np.full(len(names), 2.0),
        signs=np.ones(len(names)),
        scales=inputs.std(axis=0) + 1e-9,
    )
    return fit(inputs[even], labels[even], priors)


def model(found: Sequence[Asked], names: Sequence[str]) -> dict[str, object]:
    """As `seatrial.rag.answering.confidence` reads it."""
    whole = learnt(found, names)
    inputs, labels = rows_of(found, names)
    probabilities = whole.probabilities(inputs)
    return {
        "weights": {n: round(float(w), 4) for n, w in zip(names, whole.weights, strict=True)},
        "intercept": round(whole.intercept, 4),
        "threshold": round(float(np.quantile(probabilities[labels == 1], _REFUSED)), 4),
        "n": len(labels),
    }


def by_set(found: Sequence[Asked], names: Sequence[str]) -> list[str]:
    """AUC against answered questions, by set and kind, of weights learnt without the set where
    there is another."""
    lines = []
    for name in sorted({one.set for one in found}):
        rest = [one for one in found if one.set != name] or found
        weights = learnt(rest, names)
        own = [one for one in found if one.set == name]
        for kind in ("foreign", "elsewhere", "subtle"):
            kept = [one for one in own if one.kind in ("answered", kind)]
            inputs = np.array([[one.signals[signal] for signal in names] for one in kept])
            labels = np.array([float(one.kind == "answered") for one in kept])
            if 0 < labels.sum() < len(labels):
                figure = auc(weights.probabilities(inputs), labels)
                lines.append(f"{name}, {kind}: {figure:.3f} of {len(kept)}")
    return lines


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--into", type=Path, default=HOME)
    told = parser.parse_args()
    sets = [read(name, told.data, told.vectors) for name in SETS]
    made = {}
    for name, signals, used in (("words", WORDS, SETS), ("vectors", VECTORS, ENGLISH)):
        chosen = [one for one in sets if one.name in used]
        found = asked(chosen, n=N_ASKED[name], dense=name == "vectors", seed=0)
        made[name] = model(found, signals)
        inputs, labels = rows_of(found, signals)
        print(
            name,
            made[name],
            "AUC on its own rows",
            round(auc(learnt(found, signals).probabilities(inputs), labels), 4),
        )
        for line in by_set(found, signals):
            print(" ", line)
    (told.into / "confidence.json").write_text(json.dumps(made, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""Trains the demo's four versions on the Wisconsin breast cancer data that scikit-learn ships.

Run as a program: ``python -m seatrial.adapters.demo_sklearn FOLDER``. It writes ``v1.pkl`` to
``v4.pkl``, ``sample.parquet`` (the training half) and ``patients.json`` (the half the traffic is
made of), and prints a JSON document about each version.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

LABEL = "benign"

_STORIES = {
    "v1": "a cautious logistic regression, the first version",
    "v2": "gradient boosting, more accurate",
    "v3": "takes logarithms: slower, and fails for the few patients who have a zero somewhere",
    "v4": "nearest neighbours among many noisy copies: quick for one patient, slow for a ward",
}


def train(folder: Path) -> list[dict[str, object]]:
    """Train and write everything; returns name, file, story and accuracy of each version."""
    features, label = load_breast_cancer(return_X_y=True, as_frame=True)
    known, later, known_label, later_label = train_test_split(
        features, label, test_size=0.5, random_state=0, stratify=label
    )
    # No zero was seen in training; all the patients who have one come later.
    with_zero = (known == 0).any(axis=1)
    later = pd.concat([later, known[with_zero]])
    later_label = pd.concat([later_label, known_label[with_zero]])
    known, known_label = known[~with_zero], known_label[~with_zero]
    folder.mkdir(parents=True, exist_ok=True)
    known.assign(**{LABEL: known_label}).to_parquet(folder / "sample.parquet", index=False)
    later.to_json(folder / "patients.json", orient="values")
    records: list[dict[str, object]] = []
    for name, model in _fitted(known, known_label).items():
        joblib.dump(model, folder / f"{name}.pkl")
        usable = (later > 0).all(axis=1) if name == "v3" else slice(None)
        accuracy = float(model.score(later[usable], later_label[usable]))
        records.append(
            {"name": name, "file": f"{name}.pkl", "story": _STORIES[name], "accuracy": accuracy}
        )
    return records


def _fitted(known: Any, label: Any) -> dict[str, Any]:
    many, many_label = _repeated(known, label)
    return {
        "v1": make_pipeline(StandardScaler(), LogisticRegression(C=0.001)).fit(known, label),
        "v2": make_pipeline(StandardScaler(), GradientBoostingClassifier(random_state=0)).fit(
            known, label
        ),
        "v3": make_pipeline(
            FunctionTransformer(np.log), StandardScaler(), LogisticRegression(max_iter=1000)
        ).fit(known, label),
        "v4": make_pipeline(
            StandardScaler(), KNeighborsClassifier(15, p=1.5, algorithm="brute")
        ).fit(many, many_label),
    }


def _repeated(known: Any, label: Any) -> tuple[Any, Any]:
    """The rows four times over with 1 % noise, as somebody short of data might do."""
    rng = np.random.default_rng(0)
    rows = rng.integers(0, len(known), 4 * len(known))
    many = known.iloc[rows] * rng.normal(1.0, 0.01, (len(rows), known.shape[1]))
    return many, label.iloc[rows]


if __name__ == "__main__":
    print(json.dumps(train(Path(sys.argv[1]))))  # noqa: T201 - this program's output

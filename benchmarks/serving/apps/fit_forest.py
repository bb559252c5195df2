"""Fit the slow native model with the scikit-learn and numpy of the environment that will serve it.

A pickle made under numpy 2 does not load under numpy 1, which Triton's Python stub needs, so each
environment fits its own forest. Same seed, data and library version: the same forest everywhere,
which the benchmark checks by its answers.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier


def fit() -> RandomForestClassifier:
    """A forest of 500 trees on 569 rows of 30 features: about 15 ms a call, whatever the rows."""
    features, labels = load_breast_cancer(return_X_y=True)
    forest = RandomForestClassifier(n_estimators=500, random_state=0, n_jobs=1)
    return forest.fit(features.astype(np.float32), labels)


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(pickle.dumps(fit()))

"""A classifier that is trained epoch by epoch, says how it goes, and can go on from another one."""

import pickle
from pathlib import Path
from typing import Literal

import pandas as pd
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from seatrial.training import report


def train(
    *,
    data: Path,
    label: str,
    seed: int,
    more_data: tuple[Path, ...] = (),
    warm_start: Path | None = None,
    alpha: float = 0.03,
    epochs: int = 20,
    penalty: Literal["l2", "l1"] = "l2",
) -> Pipeline:
    """Its first five parameters are given by seatrial, the others are hyperparameters."""
    rows = pd.concat([pd.read_parquet(file) for file in (data, *more_data)])
    seen, unseen = train_test_split(rows, test_size=0.2, random_state=seed)
    if warm_start is None:
        scale = StandardScaler().fit(seen.drop(columns=[label]))
        model = SGDClassifier(
            loss="log_loss", alpha=alpha, penalty=penalty, random_state=seed, average=True
        )
    else:
        scale, model = (part for _, part in pickle.loads(warm_start.read_bytes()).steps)
    classes = sorted(rows[label].unique())
    for epoch in range(epochs):
        model.partial_fit(scale.transform(seen.drop(columns=[label])), seen[label], classes=classes)
        shown = model.predict_proba(scale.transform(unseen.drop(columns=[label])))
        report(step=epoch, of=epochs, loss=log_loss(unseen[label], shown, labels=classes))
    return Pipeline([("scale", scale), ("model", model)])

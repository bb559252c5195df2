"""Who orders again. Called by `seatrial train` and `seatrial retrain`, never with the holdout."""

from pathlib import Path

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier


def train(data: Path, label: str, seed: int, learning_rate: float = 0.1, rounds: int = 60):
    """The model and what to keep of the run; a missing value is one that it may meet."""
    rows = pd.read_parquet(data)
    model = HistGradientBoostingClassifier(
        learning_rate=learning_rate, max_iter=rounds, random_state=seed
    )
    model.fit(rows.drop(columns=[label]), rows[label])
    return model, {"rows": len(rows), "ordered_again": float(rows[label].mean())}

"""The training: of the first model, and of each one that follows."""

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


def train(data: str, label: str, seed: int) -> Pipeline:
    """Whether the price goes up, from the time, the price and the demand."""
    rows = pd.read_parquet(data)
    model = make_pipeline(StandardScaler(), LogisticRegression(random_state=seed))
    return model.fit(rows.drop(columns=[label]), rows[label])

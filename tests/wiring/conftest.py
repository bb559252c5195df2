"""Models of every kind, trained once and pickled, with sample files beside them."""

from __future__ import annotations

import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest


@dataclass(frozen=True)
class Models:
    """Where the files lie: ``<name>.pkl`` and samples."""

    folder: Path

    def __truediv__(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    folder = tmp_path_factory.mktemp("models")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    names = ["age", "income", "visits", "tenure"]
    value = x @ np.array([1.0, -2.0, 0.5, 0.0])
    frame = pd.DataFrame(x, columns=names)
    mixed = pd.DataFrame(
        {
            "age": np.where(rng.random(300) < 0.1, np.nan, x[:, 0]),
            "city": np.array(["Oslo", "Rome", 'São "P"'], dtype=object)[rng.integers(0, 3, 300)],
            "plan": np.array(["basic", "pro"], dtype=object)[rng.integers(0, 2, 300)],
        }
    )
    mixed_label = (mixed["age"].fillna(0) > 0) & (mixed["city"] != "Rome")
    made = {
        "matrix": GradientBoostingClassifier(n_estimators=10).fit(x, (value > 0).astype(int)),
        "words": LogisticRegression().fit(frame, np.where(value > 0, "yes", "no")),
        "price": RandomForestRegressor(10, random_state=0).fit(frame, value),
        "mixed": make_pipeline(
            make_column_transformer(
                (make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
                (OneHotEncoder(handle_unknown="ignore"), ["city", "plan"]),
            ),
            LogisticRegression(),
        ).fit(mixed, mixed_label.astype(int)),
        "native": make_pipeline(FunctionTransformer(np.cbrt), Ridge()).fit(frame, value),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made |= _boosters(x, value, names)
    for name, model in made.items():
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(model))
    frame.assign(label=value > 0).to_csv(folder / "rows.csv", index=False)
    mixed.assign(target=mixed_label.astype(int)).to_parquet(folder / "mixed.parquet", index=False)
    (folder / "graph.onnx").write_bytes(_onnx(made["words"]))
    return Models(folder)


def _boosters(x: np.ndarray, value: np.ndarray, names: list[str]) -> dict[str, object]:
    import lightgbm
    import pandas as pd
    import xgboost

    frame = pd.DataFrame(x, columns=names)
    return {
        "xgboost": xgboost.XGBClassifier(n_estimators=5).fit(frame, (value > 0).astype(int)),
        "lightgbm": lightgbm.LGBMRegressor(n_estimators=5, verbose=-1).fit(frame, value),
    }


def _onnx(model: object) -> bytes:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    graph = to_onnx(
        model,
        initial_types=[("X", FloatTensorType([None, 4]))],
        options={"zipmap": False},
    )
    content: bytes = graph.SerializeToString()
    return content

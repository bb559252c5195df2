"""Models as people log them with MLflow, and some that go wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import statsmodels.api as sm
from mlflow.models import infer_signature

_CODE = """
import mlflow
import numpy as np
import os
import pandas as pd
import sys

class Own(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        {body}

mlflow.models.set_model(Own())
"""


class Churn(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Needs an artifact, a module of its own and a parameter; it is pickled with its class."""

    classes = ("no", "yes")

    def load_context(self, context: Any) -> None:
        self.weights = json.loads(Path(context.artifacts["weights"]).read_text())

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        from shop_prices import likely

        yes = likely(model_input, self.weights) ** params["power"]
        label = np.where(yes > 0.5, "yes", "no")
        return {"label": label, "probabilities": np.column_stack([1 - yes, yes])}


Churn.__module__ = "__main__"  # pickled by value, as from a notebook


class Lengths(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Says by type hints what it takes."""

    def predict(self, model_input: list[str]) -> list[int]:
        return [len(text) for text in model_input]


Lengths.__module__ = "__main__"


def rows() -> pd.DataFrame:
    """Ages, plans and counts, and who left."""
    random = np.random.default_rng(0)
    age = np.round(random.uniform(18, 70, 200), 1)
    plan = np.where(random.random(200) > 0.5, "free", "paid")
    found = {"age": age, "plan": plan, "orders": random.integers(0, 9, 200)}
    return pd.DataFrame({**found, "churn": np.where(age > 40, "yes", "no")})


def churn(folder: Path) -> dict[str, Any]:
    """What is told `mlflow.pyfunc.log_model` of the model with everything."""
    (folder / "weights.json").write_text('{"age": 1.0, "base": 40.0}')
    code = "import numpy as np\ndef likely(rows, weights):\n"
    code += "    return 1 / (1 + np.exp(weights['base'] - weights['age'] * rows.age.to_numpy()))\n"
    (folder / "shop_prices.py").write_text(code)
    taken = rows().drop(columns="churn")
    return {
        "python_model": Churn(),
        "artifacts": {"weights": str(folder / "weights.json")},
        "code_paths": [str(folder / "shop_prices.py")],
        "signature": infer_signature(taken, params={"power": 1.0}),
        "pip_requirements": ["mlflow==3.17.2", "numpy", "pandas"],
    }


def squares(folder: Path) -> tuple[Any, pd.DataFrame]:
    """A fit of statsmodels as its own flavor writes it."""
    random = np.random.default_rng(0)
    given = sm.add_constant(pd.DataFrame(random.normal(size=(60, 3)), columns=list("abc")))
    fit = sm.OLS(given["a"] * 2 - given["b"] + 1 + random.normal(size=60) / 9, given).fit()
    mlflow.statsmodels.save_model(
        fit,
        str(folder / "squares"),
        signature=infer_signature(given, fit.predict(given)),
        pip_requirements=["statsmodels"],
    )
    return fit, given


def coded(folder: Path, name: str, body: str, **told: Any) -> Path:
    """A model from code; rows (n, 2) of floats unless told otherwise."""
    file = folder / f"{name}.py"
    file.write_text(_CODE.format(body=body))
    usual = {"signature": infer_signature(np.zeros((2, 2))), "pip_requirements": ["mlflow"]}
    mlflow.pyfunc.save_model(str(folder / name), python_model=str(file), **{**usual, **told})
    return folder / name

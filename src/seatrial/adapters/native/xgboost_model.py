"""XGBoost boosters, from its own files or pickled bare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.adapters.native import frames_in
from seatrial.adapters.native.booster_inputs import booster_inputs
from seatrial.adapters.native.boosters import of_classes, of_two_classes, open_booster
from seatrial.packaging.model_facts import ModelFacts
from seatrial.registry.signature import Batch, Dtype, Prediction, Signature, Task


def load_xgboost(path: Path) -> XgboostModel:
    """The booster in a ``.json`` or ``.ubj`` file. Raises: CorruptModel, MissingLibrary."""
    return XgboostModel(open_booster(path, "xgboost", "XGBoost", lambda m: m.core.XGBoostError))


class XgboostModel:
    """A booster; its objective tells the task."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster
        self._objective = str(json.loads(booster.save_config())["learner"]["objective"]["name"])
        self._shape = frames_in.shaper(booster)

    @property
    def raw(self) -> object:
        """The booster."""
        return self._booster

    @property
    def _task(self) -> Task:
        if self._objective in ("binary:logistic", "multi:softprob", "multi:softmax"):
            return Task.CLASSIFICATION
        regression = self._objective.startswith(("reg:", "count:", "survival:"))
        return Task.REGRESSION if regression else Task.OTHER

    def classes(self) -> tuple[int, ...] | None:
        """See LoadedModel."""
        if self._task is not Task.CLASSIFICATION:
            return None
        config = json.loads(self._booster.save_config())["learner"]["learner_model_param"]
        return tuple(range(max(2, int(config["num_class"]))))

    def facts(self) -> ModelFacts:
        """See LoadedModel."""
        import scipy
        import xgboost

        names = self._booster.feature_names
        count = int(self._booster.num_features())
        return ModelFacts(
            framework="xgboost",
            version=xgboost.__version__,
            estimator="xgboost.core.Booster",
            task=self._task,
            inputs=booster_inputs(self._booster, names or [f"x{i}" for i in range(count)]),
            named=names is not None,
            number=Dtype.FLOAT32,
            packages=(
                ("numpy", np.__version__),
                ("scipy", scipy.__version__),
                ("xgboost-cpu", xgboost.__version__),
            ),
        )

    def predict(self, batch: Batch, signature: Signature) -> Prediction:
        """See LoadedModel."""
        rows = self._shape(batch, signature)
        values = np.asarray(self._booster.inplace_predict(rows, validate_features=False))
        if self._objective == "binary:logistic":
            return of_two_classes(values)
        if self._objective == "multi:softprob":
            return of_classes(values)
        if self._objective == "multi:softmax":
            return {"label": values.astype(np.int64)}
        return {"prediction": values}

"""LightGBM boosters, from its text files or pickled bare."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.adapters.native import frames_in
from seatrial.adapters.native.booster_inputs import booster_inputs
from seatrial.adapters.native.boosters import of_classes, of_two_classes, open_booster
from seatrial.packaging.model_facts import ModelFacts
from seatrial.registry.signature import Batch, Prediction, Signature, Task


def load_lightgbm(path: Path) -> LightgbmModel:
    """The booster in a text file. Raises: CorruptModel, MissingLibrary."""
    booster = open_booster(path, "lightgbm", "LightGBM", lambda m: m.basic.LightGBMError)
    return LightgbmModel(booster)


class LightgbmModel:
    """A booster; its objective tells the task."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster
        stated = re.search(r"^objective=(\w+)", booster.model_to_string(), re.MULTILINE)
        self._objective = stated[1] if stated else ""
        self._shape = frames_in.shaper(booster)

    @property
    def raw(self) -> object:
        """The booster."""
        return self._booster

    @property
    def _task(self) -> Task:
        if self._objective in ("binary", "multiclass", "multiclassova"):
            return Task.CLASSIFICATION
        ranking = self._objective in ("lambdarank", "rank_xendcg", "")
        return Task.OTHER if ranking else Task.REGRESSION

    def classes(self) -> tuple[int, ...] | None:
        """See LoadedModel."""
        if self._task is not Task.CLASSIFICATION:
            return None
        return tuple(range(max(2, int(self._booster.num_model_per_iteration()))))

    def facts(self) -> ModelFacts:
        """See LoadedModel."""
        import lightgbm
        import scipy

        names = list(self._booster.feature_name())
        named = not all(re.fullmatch(r"Column_\d+", n) for n in names)
        shown = names if named else [f"x{i}" for i in range(len(names))]
        return ModelFacts(
            framework="lightgbm",
            version=lightgbm.__version__,
            estimator="lightgbm.basic.Booster",
            task=self._task,
            inputs=booster_inputs(self._booster, shown),
            named=named,
            packages=(
                ("lightgbm", lightgbm.__version__),
                ("numpy", np.__version__),
                ("scipy", scipy.__version__),
            ),
        )

    def predict(self, batch: Batch, signature: Signature) -> Prediction:
        """See LoadedModel."""
        rows = self._shape(batch, signature)
        values = np.asarray(self._booster.predict(rows, validate_features=False))
        if self._objective == "binary":
            return of_two_classes(values)
        if self._task is Task.CLASSIFICATION:
            return of_classes(values)
        return {"prediction": values}

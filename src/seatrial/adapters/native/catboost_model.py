"""CatBoost models, from its own binary files (.cbm)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from seatrial.adapters.native.threads import allowed_threads
from seatrial.packaging.model_facts import InputFact, Kind, ModelFacts
from seatrial.registry.missing_library import missing_library
from seatrial.registry.model_file import CorruptModel
from seatrial.registry.signature import Batch, Dtype, Prediction, Signature, Task, n_rows
from seatrial.serving.failures import UnsupportedModel

_MAX_EDGES = 64
_LOSSES = "RMSE MAE MAPE Quantile LogLinQuantile Poisson Huber Expectile Tweedie Lq LogCosh"
_REGRESSION = frozenset(_LOSSES.split())
_SEVERAL_LABELS = ("MultiLogloss", "MultiCrossEntropy")


def load_catboost(path: Path) -> CatboostModel:
    """The model in a ``.cbm`` file.   Raises: CorruptModel, MissingLibrary, UnsupportedModel."""
    try:
        import catboost
    except ModuleNotFoundError as error:
        raise missing_library("catboost", path=path) from error
    model = catboost.CatBoost()
    try:
        model.load_model(str(path))
    except catboost.CatBoostError as error:
        raise CorruptModel(
            f"CatBoost cannot read {path.name}: {str(error).splitlines()[0][:200]}.",
            remedy="Save the model again with save_model(); compare its size with the original.",
        ) from error
    return CatboostModel(model)


class CatboostModel:
    """A model; its loss tells the task.

    Raises: UnsupportedModel for several labels a row and for embeddings.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        loss = str((model.get_all_params() or {}).get("loss_function", ""))
        self._loss = loss.partition(":")[0]
        if self._loss in _SEVERAL_LABELS or model.get_embedding_feature_indices():
            what = "several labels a row" if self._loss in _SEVERAL_LABELS else "embeddings"
            raise UnsupportedModel(
                f"A CatBoost model of {what} is not served.",
                remedy="Put it into a class in Python with load(path) and predict(rows).",
            )
        texts = {*model.get_cat_feature_indices(), *model.get_text_feature_indices()}
        self._texts = frozenset(map(int, texts))
        self._classes = _plain(list(model.classes_))

    @property
    def raw(self) -> object:
        """CatBoost's object."""
        return self._model

    def classes(self) -> tuple[str, ...] | tuple[int, ...] | None:
        """See LoadedModel."""
        return self._classes

    @property
    def _task(self) -> Task:
        if self._classes is not None:
            return Task.CLASSIFICATION
        return Task.REGRESSION if self._loss in _REGRESSION else Task.OTHER

    def facts(self) -> ModelFacts:
        """See LoadedModel."""
        import catboost

        names = list(map(str, self._model.feature_names_))
        named = names != [str(at) for at in range(len(names))]
        edges = {} if self._texts else self._model.get_borders()
        return ModelFacts(
            framework="catboost",
            version=catboost.__version__,
            estimator="catboost.CatBoost",
            task=self._task,
            inputs=tuple(
                self._input(at, name if named else f"x{name}", edges.get(at, []))
                for at, name in enumerate(names)
            ),
            named=named,
            number=Dtype.FLOAT32,
            packages=(("catboost", catboost.__version__), ("numpy", np.__version__)),
        )

    def _input(self, at: int, name: str, edges: list[float]) -> InputFact:
        if at in self._texts:
            return InputFact(name=name, kind=Kind.STRING)
        stride = max(1, len(edges) // _MAX_EDGES)
        return InputFact(name=name, kind=Kind.NUMBER, edges=tuple(sorted(edges)[::stride]))

    def predict(self, batch: Batch, signature: Signature) -> Prediction:
        """See LoadedModel."""
        rows = _rows(batch, signature)
        if self._classes is None:
            return {"prediction": self._asked(rows, "RawFormulaVal", n_rows(batch))}
        likely = self._asked(rows, "Probability", n_rows(batch))
        labels = self._asked(rows, "Class", n_rows(batch)).reshape(-1)
        kind = type(self._classes[0])
        known = np.array(self._classes, dtype=np.int64 if kind is int else object)
        told = [kind(int(v) if kind is int else v) for v in labels.tolist()]
        return {"label": np.array(told, dtype=known.dtype), "probabilities": likely}

    def _asked(self, rows: Any, kind: str, n: int) -> Any:
        if kind == "RawFormulaVal" and self._loss in ("Poisson", "Tweedie"):
            kind = "Exponent"  # what CatBoostRegressor.predict answers
        found = self._model.predict(rows, prediction_type=kind, thread_count=allowed_threads())
        return np.asarray(found).reshape(n, -1) if kind == "Probability" else np.asarray(found)


def _rows(batch: Batch, signature: Signature) -> Any:
    """A matrix of numbers, or rows of numbers and texts in the model's order."""
    if not isinstance(batch, dict):
        return np.ascontiguousarray(batch, dtype=np.float32)
    rows = np.empty((n_rows(batch), len(signature.names)), dtype=object)
    for at, name in enumerate(signature.names):
        rows[:, at] = batch[name]
    return rows


def _plain(classes: list[Any]) -> tuple[str, ...] | tuple[int, ...] | None:
    """The classes as texts or whole numbers; None for a model that has none."""
    plain = [one.item() if isinstance(one, np.generic) else one for one in classes]
    if not plain:
        return None
    if all(isinstance(one, int | float) and one == int(one) for one in plain):
        return tuple(int(one) for one in plain)
    return tuple(map(str, plain))

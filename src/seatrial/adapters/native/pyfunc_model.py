"""Models that MLflow itself loads and asks: code of somebody's own, or a library's flavor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from seatrial.adapters.native.answers import column, shown_by, wanted_of
from seatrial.adapters.native.pyfunc_inputs import Taken
from seatrial.packaging.model_facts import ModelFacts
from seatrial.registry.signature import Batch, Prediction, Signature, Task, n_rows
from seatrial.serving.failures import UnsupportedModel


class PyfuncModel:
    """A model of MLflow's ``python_function`` flavor.

    Args:
        model: as ``mlflow.pyfunc.load_model`` gives it.
        taken: what its signature says.
        own: what somebody logged as a ``python_model``; None for a library's model.
        title: what it is.
        logged_by: the version of MLflow that wrote it, where that is known.
        notes: what a person should know.
    """

    def __init__(
        self,
        model: Any,
        taken: Taken,
        *,
        own: object | None,
        title: str,
        logged_by: str | None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self._model = model
        self._taken = taken
        self._own = own
        self._title = title
        self._logged_by = logged_by
        self._notes = notes
        self._task = Task.OTHER
        self._classes: tuple[str, ...] | tuple[int, ...] | None = None

    @property
    def raw(self) -> object:
        """The object of MLflow."""
        return self._model

    def classes(self) -> tuple[str, ...] | tuple[int, ...] | None:
        """See LoadedModel; known after a first prediction."""
        return self._classes

    def facts(self) -> ModelFacts:
        """See LoadedModel."""
        import mlflow

        return ModelFacts(
            framework="mlflow",
            version=mlflow.__version__,
            trained_version=self._logged_by,
            estimator=self._title,
            task=self._task,
            inputs=self._taken.facts(),
            named=self._taken.named,
            number=self._taken.number,
            packages=(("mlflow", mlflow.__version__), ("numpy", np.__version__)),
            notes=self._notes,
        )

    def predict(self, batch: Batch, signature: Signature) -> Prediction:
        """See LoadedModel.   Raises: UnsupportedModel, EngineFailed, and what the model raises."""
        n = n_rows(batch)
        found = _by_name(self._model.predict(self._taken.given(batch, signature.names)))
        answers = _labelled({name: column(name, values, n) for name, values in found.items()})
        if wanted_of(answers, signature, self._title):
            stated = getattr(self._own, "classes", None)
            self._task, self._classes = shown_by(answers, stated=stated, title=self._title)
        return answers


def _by_name(found: Any) -> dict[str, Any]:
    """What a model returned, by name.   Raises: UnsupportedModel."""
    import pandas as pd

    if isinstance(found, pd.DataFrame):
        return _columns(found)
    if isinstance(found, pd.Series):
        return {"prediction": _cells(found)}
    if isinstance(found, list) and found and all(isinstance(row, Mapping) for row in found):
        return _rows(found)
    if isinstance(found, Mapping):
        return {str(name): values for name, values in found.items()}
    if hasattr(found, "toarray"):  # scipy's sparse matrices
        return {"prediction": found.toarray()}
    if not isinstance(found, list | tuple | np.ndarray):
        raise UnsupportedModel(
            f"The model answers a {type(found).__name__}.",
            remedy="Return a data frame, a series, an array or a list from predict, with one "
            "answer for each row.",
        )
    return {"prediction": found}


def _columns(frame: Any) -> dict[str, Any]:
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UnsupportedModel(
            f"The model answers a data frame with two columns {twice!r}.",
            remedy="Give each column of the answer a name of its own.",
        )
    if names == ["0"]:  # pandas' own name for a column that was given none
        return {"prediction": _cells(frame.iloc[:, 0])}
    return {name: _cells(frame.iloc[:, k]) for k, name in enumerate(names)}


def _cells(series: Any) -> Any:
    """The values of a column; lists in its cells are a dimension."""
    array = series.to_numpy()
    nested = array.dtype == object and any(isinstance(v, list | np.ndarray) for v in array)
    return array.tolist() if nested else array


def _rows(found: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows as columns.   Raises: UnsupportedModel."""
    names = list(found[0])
    if any(row.keys() != found[0].keys() for row in found):
        raise UnsupportedModel(
            "The model answers rows with different names.",
            remedy="Return the same names for each row.",
        )
    return {str(name): [row[name] for row in found] for name in names}


def _labelled(answers: Prediction) -> Prediction:
    """Answers, of which one text a row is a label."""
    only = answers.get("prediction")
    if len(answers) > 1 or only is None or only.ndim > 1 or only.dtype != object:
        return answers
    return {"label": only}

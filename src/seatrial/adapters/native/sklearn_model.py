"""Models with scikit-learn's interface: estimators, pipelines, and XGBoost's and LightGBM's own."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.native import frames_in
from seatrial.adapters.native.booster_inputs import booster_inputs
from seatrial.adapters.native.sklearn_inputs import inputs_of, reads_text
from seatrial.packaging.model_facts import InputFact, Kind, ModelFacts
from seatrial.registry.signature import Batch, Dtype, Prediction, Signature, Task
from seatrial.serving.failures import NotAModel, UnsupportedModel

# Their predict() takes the class of highest predict_proba() by definition, so one call gives both.
_ALWAYS: Final = ("scikit-learn", "numpy", "scipy", "joblib", "pandas")
_DISTRIBUTIONS: Final = {
    "sklearn": ("scikit-learn",),
    "xgboost": ("xgboost-cpu", "xgboost"),
    "lightgbm": ("lightgbm",),
}  # asking importlib.metadata who owns a module reads the records of every package
_MADE_UP: Final = re.compile(r"Column_\d+")  # LightGBM's, for arrays
_ARGMAX_NAMES = """
    DecisionTreeClassifier ExtraTreeClassifier RandomForestClassifier ExtraTreesClassifier
    BaggingClassifier CalibratedClassifierCV LGBMClassifier XGBClassifier"""
_PREDICT_IS_ARGMAX: Final = frozenset(_ARGMAX_NAMES.split())
_FLOAT32_NAMES = """
    DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor
    RandomForestClassifier RandomForestRegressor ExtraTreesClassifier ExtraTreesRegressor
    GradientBoostingClassifier GradientBoostingRegressor XGBClassifier XGBRegressor
    XGBRFClassifier XGBRFRegressor XGBRanker"""
_FLOAT32_INSIDE: Final = frozenset(_FLOAT32_NAMES.split())


class SklearnModel:
    """An estimator with ``predict``."""

    def __init__(self, estimator: Any, *, trained_version: str | None = None) -> None:
        self._estimator = _checked(estimator)
        self._trained_version = trained_version
        last = _last(estimator)
        self._argmax = type(last).__name__ in _PREDICT_IS_ARGMAX
        self._classes = _plain_classes(estimator)
        self._probabilities = self._classes is not None and hasattr(estimator, "predict_proba")
        self._shaper = frames_in.shaper(estimator)

    @property
    def raw(self) -> object:
        """The estimator."""
        return self._estimator

    def classes(self) -> tuple[str, ...] | tuple[int, ...] | None:
        """See LoadedModel."""
        if self._classes is None:
            return None
        return _spelled(self._classes)

    def facts(self) -> ModelFacts:
        """See LoadedModel."""
        model = self._estimator
        inputs, named = _inputs(model)
        modules = sorted({type(e).__module__.partition(".")[0] for e in _all(model)})
        packages = _packages(modules)
        framework = _framework(model)
        return ModelFacts(
            framework=framework,
            version=_version(framework),
            trained_version=self._trained_version,
            estimator=f"{type(model).__module__}.{type(model).__qualname__}",
            task=_task(model),
            inputs=inputs,
            named=named,
            number=Dtype.FLOAT32 if type(model).__name__ in _FLOAT32_INSIDE else Dtype.FLOAT64,
            packages=packages,
        )

    def predict(self, batch: Batch, signature: Signature) -> Prediction:
        """See LoadedModel."""
        rows = self._shaper(batch, signature)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warns per call of names that are right by position
            return self._outputs(rows, signature.task)

    def _outputs(self, rows: Any, task: Task) -> Prediction:
        if task is not Task.CLASSIFICATION:
            return {"prediction": np.asarray(self._estimator.predict(rows))}
        if not self._probabilities:
            return {"label": _labels(self._estimator.predict(rows))}
        probabilities = np.asarray(self._estimator.predict_proba(rows))
        if self._argmax:
            labels = cast("Any", self._classes)[probabilities.argmax(axis=1)]
        else:
            labels = self._estimator.predict(rows)
        return {"label": _labels(labels), "probabilities": probabilities}


def _checked(estimator: Any) -> Any:
    kind = f"{type(estimator).__module__}.{type(estimator).__qualname__}"
    if isinstance(estimator, type):
        raise NotAModel(
            f"The file holds the class {estimator.__qualname__!r}, not a trained model.",
            remedy="Save the object that fit() was called on.",
        )
    if not callable(getattr(estimator, "predict", None)):
        raise NotAModel(
            f"The file holds a {kind}, which has no predict().",
            remedy=_how_to_save(estimator),
        )
    _check_fitted(estimator)
    return estimator


def _how_to_save(found: object) -> str:
    if isinstance(found, dict):
        return f"Save the model itself; the mapping has the keys {sorted(map(str, found))[:8]}."
    if hasattr(found, "transform"):
        return "Save a Pipeline that ends in a model, not the transformer alone."
    return "Save the trained model itself, such as a scikit-learn Pipeline."


def _check_fitted(estimator: Any) -> None:
    if not _is_sklearn(estimator):
        return  # predicting will tell
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise NotAModel(
            f"The {type(estimator).__name__} in the file was never trained.",
            remedy="Call fit() before saving it.",
        ) from error


def _is_sklearn(model: Any) -> bool:
    """Whether it is scikit-learn's; a second not spent importing it when it cannot be."""
    base = sys.modules.get("sklearn.base")
    return base is not None and isinstance(model, base.BaseEstimator)


def _last(model: Any) -> Any:
    inner = getattr(model, "best_estimator_", None)
    if inner is not None:
        return _last(inner)
    return _last(model.steps[-1][1]) if hasattr(model, "steps") else model


def _all(model: Any) -> Iterator[Any]:
    """The model and the estimators it is visibly made of."""
    yield model
    for inner in (getattr(model, "best_estimator_", None), getattr(model, "estimator", None)):
        if inner is not None and not isinstance(inner, str):
            yield from _all(inner)
    steps = list(getattr(model, "steps", ())) + list(getattr(model, "transformers_", ()))
    for step in steps:
        if not isinstance(step[1], str) and step[1] is not None:
            yield from _all(step[1])


def _plain_classes(model: Any) -> NDArray[np.generic] | None:
    try:
        classes = model.classes_
    except AttributeError:
        return None
    if isinstance(classes, list):  # several outputs, each with its own classes
        return None
    return cast("NDArray[np.generic]", np.asarray(classes))


def _spelled(classes: NDArray[np.generic]) -> tuple[str, ...] | tuple[int, ...]:
    values = classes.tolist()
    if all(isinstance(v, bool | int) or (isinstance(v, float) and v.is_integer()) for v in values):
        return tuple(int(v) for v in values)
    return tuple(str(v) for v in values)


def _labels(values: Any) -> NDArray[np.generic]:
    labels = np.asarray(values)
    if labels.dtype.kind == "U":
        return labels.astype(object)
    if labels.dtype.kind == "O":
        return _of_one_type(labels)
    return labels


def _of_one_type(labels: NDArray[np.generic]) -> NDArray[np.generic]:
    flat = labels.reshape(-1).tolist()
    if all(isinstance(v, str) for v in flat):
        return labels
    if all(isinstance(v, bool | np.bool_) for v in flat):
        return labels.astype(np.bool_)
    if all(isinstance(v, int | np.integer) for v in flat):
        return labels.astype(np.int64)
    raise UnsupportedModel(
        "The model's labels are of several types.",
        remedy="Train it again with labels that are all strings or all numbers.",
    )


def _task(model: Any) -> Task:
    last = _last(model)
    if not _is_sklearn(last):
        return Task.CLASSIFICATION if hasattr(last, "classes_") else Task.OTHER
    from sklearn.base import is_classifier, is_regressor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if is_classifier(last):
            return Task.CLASSIFICATION
        return Task.REGRESSION if is_regressor(last) else Task.OTHER


def _framework(model: Any) -> str:
    module = type(_last(model)).__module__.partition(".")[0]
    if hasattr(model, "steps"):
        return "scikit-learn"
    return {"xgboost": "xgboost", "lightgbm": "lightgbm"}.get(module, "scikit-learn")


def _version(framework: str) -> str:
    module = "sklearn" if framework == "scikit-learn" else framework
    return str(importlib.import_module(module).__version__)


def _packages(modules: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The installed versions of what the model is made of, and of what runs under it."""
    wanted = [*_ALWAYS]
    for module in modules:
        known = _DISTRIBUTIONS.get(module)
        wanted += known or importlib.metadata.packages_distributions().get(module, [])
    found: dict[str, str] = {}
    for distribution in wanted:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[distribution] = importlib.metadata.version(distribution)
    return tuple(sorted(found.items()))


def _inputs(model: Any) -> tuple[tuple[InputFact, ...] | None, bool]:
    if reads_text(model):
        return (InputFact(name="text", kind=Kind.STRING),), False
    names, named = _names(model)
    if names is None:
        return None, False
    last = _last(model)
    if last is model and (hasattr(model, "get_booster") or hasattr(model, "booster_")):
        return booster_inputs(model, names), named
    return inputs_of(model, names), named


def _names(model: Any) -> tuple[list[str] | None, bool]:
    found = getattr(model, "feature_names_in_", None)
    if found is not None:
        names = [str(f) for f in found]
        if all(_MADE_UP.fullmatch(n) for n in names):
            return [f"x{i}" for i in range(len(names))], False
        return names, True
    count = getattr(model, "n_features_in_", None)
    if count is None and hasattr(model, "steps"):
        for _, step in model.steps:
            found = getattr(step, "feature_names_in_", None)
            if found is not None:
                return [str(f) for f in found], True
            count = getattr(step, "n_features_in_", None)
            if count is not None:
                break
    return (None if count is None else [f"x{i}" for i in range(int(count))]), False

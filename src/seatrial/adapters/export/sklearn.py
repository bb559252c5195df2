"""scikit-learn estimators and pipelines to ONNX, boosters of other libraries inside them included.

Runs where the model is loaded. The converters are skl2onnx's; here they get the numbers of trees
in full, the branch of missing values, and what current scikit-learn changed under them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Unpack

import numpy as np

from seatrial.adapters.export.answer import Answer, Asked, first_line, refusal
from seatrial.adapters.export.onnx_convert import Converter, ExactTrees, attempt, exact, parts


def export(model: object, **asked: Unpack[Asked]) -> Answer:
    """The model as ONNX in one form.

    Args:
        model: a fitted estimator or pipeline.
        asked: see ``Asked``.
    Returns:
        ``onnx`` and ``wide`` (bytes or None), ``opset``, ``reason`` (when ``onnx`` is None).
    """
    try:
        import skl2onnx  # noqa: F401 - asked for here so that its absence has its own reason
    except ImportError:
        return refusal("skl2onnx is not installed (pip install 'seatrial[sklearn]').")
    return attempt(
        model,
        adapt=lambda given: given,
        converters=converters,
        explain=lambda error: explain(model, error),
        **asked,
    )


def converters() -> Mapping[type, Converter]:
    """Converters by estimator type, those of loaded boosting libraries included."""
    from skl2onnx._supported_operators import sklearn_operator_name_map
    from skl2onnx.common._registration import get_converter
    from sklearn import ensemble, impute, linear_model, svm, tree

    wraps: Mapping[Callable[[Converter], Converter], tuple[type, ...]] = {
        exact: (ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor),
        _forest: (
            tree.DecisionTreeClassifier,
            tree.DecisionTreeRegressor,
            tree.ExtraTreeClassifier,
            tree.ExtraTreeRegressor,
            ensemble.ExtraTreesClassifier,
            ensemble.ExtraTreesRegressor,
            ensemble.RandomForestClassifier,
            ensemble.RandomForestRegressor,
        ),
        _histogram: (
            ensemble.HistGradientBoostingClassifier,
            ensemble.HistGradientBoostingRegressor,
        ),
        _imputer: (impute.SimpleImputer,),
        _linear: (svm.LinearSVC, linear_model.RidgeClassifier, linear_model.RidgeClassifierCV),
        _voting: (ensemble.VotingClassifier,),
    }
    found: dict[type, Converter] = {
        kind: wrap(get_converter(sklearn_operator_name_map[kind]))
        for wrap, kinds in wraps.items()
        for kind in kinds
    }
    if "xgboost" in sys.modules:
        from seatrial.adapters.export import xgboost as export_xgboost

        found |= export_xgboost.converters()
    if "lightgbm" in sys.modules:
        from seatrial.adapters.export import lightgbm as export_lightgbm

        found |= export_lightgbm.converters()
    return found


def explain(model: object, error: Exception) -> str:
    """One sentence: which part of the model has no ONNX form."""
    for part in parts(model):
        if type(part).__name__ == "FunctionTransformer":
            function = getattr(part, "func", None)
            if function is not None:
                module = getattr(function, "__module__", None) or "numpy"
                name = getattr(function, "__name__", repr(function))
                return f"FunctionTransformer({module}.{name}) has no ONNX form."
    if type(error).__name__ in ("MissingShapeCalculator", "MissingConverter"):
        for part in parts(model):
            if f"'{type(part)}'" in str(error) or f"{type(part).__name__}'" in str(error):
                return f"{type(part).__name__} has no ONNX form."
    return f"{type(model).__name__} could not be converted: {first_line(error)}."


def _forest(converter: Converter) -> Converter:
    """Adds the branch of missing values, which the converter of skl2onnx leaves out."""

    def convert(scope: Any, operator: Any, container: Any) -> None:
        model = operator.raw_operator
        trees = [e.tree_ for e in getattr(model, "estimators_", [model])]
        left = np.concatenate([t.missing_go_to_left * (t.children_left >= 0) for t in trees])
        more = {"nodes_missing_value_tracks_true": left.astype(np.int64).tolist()}
        converter(scope, operator, ExactTrees(container, **more))

    return convert


def _histogram(converter: Converter) -> Converter:
    """Writes the float64 thresholds, and refuses categories, which the converter takes for numbers.

    scikit-learn compares them in float64 also when the graph runs in float32.
    """

    def convert(scope: Any, operator: Any, container: Any) -> None:
        model = operator.raw_operator
        nodes = np.concatenate([p.nodes for stage in model._predictors for p in stage])
        if nodes["is_categorical"].any() or getattr(model, "_preprocessor", None) is not None:
            name = type(model).__name__
            raise NotImplementedError(f"{name} with categorical features has no ONNX form")
        threshold = np.where(nodes["is_leaf"], 0.0, nodes["num_threshold"])
        converter(scope, operator, ExactTrees(container, nodes_values=threshold))

    return convert


def _voting(converter: Converter) -> Converter:
    """``flatten_transform`` shapes ``transform``, not predictions; the converter refuses it."""

    def convert(scope: Any, operator: Any, container: Any) -> None:
        model = operator.raw_operator
        before, model.flatten_transform = model.flatten_transform, False
        try:
            converter(scope, operator, container)
        finally:
            model.flatten_transform = before

    return convert


def _imputer(converter: Converter) -> Converter:
    """Fills gaps in float64 too, for which ONNX Runtime has no Imputer."""

    def convert(scope: Any, operator: Any, container: Any) -> None:
        from onnx import TensorProto
        from skl2onnx.common.data_types import DoubleTensorType

        model = operator.raw_operator
        double = isinstance(operator.inputs[0].type, DoubleTensorType)
        if not double or not _fills_every_gap(model):
            converter(scope, operator, container)
            return
        values = operator.inputs[0].full_name
        gaps, fill = (scope.get_unique_variable_name("imputer") for _ in range(2))
        statistics = np.asarray(model.statistics_, np.float64)
        container.add_initializer(fill, TensorProto.DOUBLE, [1, len(statistics)], statistics)
        container.add_node("IsNaN", values, gaps)
        container.add_node("Where", [gaps, fill, values], operator.outputs[0].full_name)

    return convert


def _fills_every_gap(model: Any) -> bool:
    """Whether a SimpleImputer only replaces NaN: no column dropped, none added."""
    missing = model.missing_values
    if model.add_indicator or not (isinstance(missing, float) and np.isnan(missing)):
        return False
    try:
        statistics = np.asarray(model.statistics_, np.float64)
    except (TypeError, ValueError):  # texts
        return False
    return bool(np.isfinite(statistics).all())


def _linear(converter: Converter) -> Converter:
    """Computes in float64 too, which the converter of skl2onnx refuses."""

    def convert(scope: Any, operator: Any, container: Any) -> None:
        from onnx import TensorProto
        from skl2onnx.common.data_types import DoubleTensorType

        if not isinstance(operator.inputs[0].type, DoubleTensorType):
            converter(scope, operator, container)
            return
        model = operator.raw_operator
        weights, bias = np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_)
        label, scores = (o.full_name for o in operator.outputs)

        def constant(value: Any, dtype: int) -> str:
            array = np.asarray(value)
            name: str = scope.get_unique_variable_name("linear")
            container.add_initializer(name, dtype, list(array.shape), array.ravel().tolist())
            return name

        def op(kind: str, *inputs: str, **attributes: Any) -> str:
            name: str = scope.get_unique_variable_name("linear")
            container.add_node(kind, list(inputs), name, **attributes)
            return name

        product = op("MatMul", operator.inputs[0].full_name, constant(weights, TensorProto.DOUBLE))
        total = op("Add", product, constant(bias, TensorProto.DOUBLE))
        if weights.shape[1] == 1:
            positive = op("Greater", total, constant([0.0], TensorProto.DOUBLE))
            chosen = op("Cast", positive, to=TensorProto.INT64)
            index = op("Squeeze", chosen, constant([1], TensorProto.INT64))
        else:
            index = op("ArgMax", total, axis=1, keepdims=0)
        text = model.classes_.dtype.kind in "OUS"
        classes = model.classes_.astype(object if text else np.int64)
        known = constant(classes, TensorProto.STRING if text else TensorProto.INT64)
        container.add_node("Gather", [known, index], label)
        container.add_node("Identity", total, scores)

    return convert

"""scikit-learn estimators and pipelines to ONNX, boosters of other libraries inside them included.

Runs where the model is loaded. The converters are skl2onnx's; here they get the numbers of trees
in full, the branch of missing values, and what current scikit-learn changed under them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seatrial.adapters.onnx_convert import (
    Columns,
    Converter,
    ExactTrees,
    convert,
    exact,
    parts,
    record,
    refusal,
)
from seatrial.packaging.export import Form

_FOREST = (
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "ExtraTreeClassifier",
    "ExtraTreeRegressor",
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "RandomForestClassifier",
    "RandomForestRegressor",
)
_HISTOGRAM = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")


def export(
    model: object, *, columns: Columns, matrix: bool, outputs: Sequence[str], form: str
) -> dict[str, object]:
    """The model as ONNX in one form.

    Args:
        model: a fitted estimator or pipeline.
        columns: pairs of feature name and dtype, in the model's order.
        matrix: whether the graph takes one matrix, else one input per column.
        outputs: output names of the signature.
        form: a value of ``Form``.
    Returns:
        ``onnx`` and ``wide`` (bytes or None), ``opset``, ``reason`` (when ``onnx`` is None).
    """
    try:
        import skl2onnx  # noqa: F401 - asked for here so that its absence has its own reason
    except ImportError:
        return refusal("skl2onnx is not installed (pip install 'seatrial[sklearn]').")
    try:
        graph = convert(
            model,
            converters=converters(),
            columns=columns,
            matrix=matrix,
            form=Form(form),
            outputs=outputs,
        )
    except Exception as error:  # noqa: BLE001 - a converter fails in many ways, all one answer
        return refusal(explain(model, error))
    return record(graph)


def converters() -> Mapping[type, Converter]:
    """Converters by estimator type, those of loaded boosting libraries included."""
    from skl2onnx.common._registration import get_converter
    from sklearn import ensemble, tree

    found: dict[type, Converter] = {}
    for name in (*_FOREST, *_HISTOGRAM):
        alias = name.replace("ExtraTreeC", "DecisionTreeC").replace("ExtraTreeR", "DecisionTreeR")
        wrap = _histogram if name in _HISTOGRAM else _forest
        found[getattr(ensemble, name, None) or getattr(tree, name)] = wrap(
            get_converter(f"Sklearn{alias}")
        )
    found[ensemble.GradientBoostingClassifier] = exact(
        get_converter("SklearnGradientBoostingClassifier")
    )
    found[ensemble.GradientBoostingRegressor] = exact(
        get_converter("SklearnGradientBoostingRegressor")
    )
    found[ensemble.VotingClassifier] = _voting(get_converter("SklearnVotingClassifier"))
    if "xgboost" in sys.modules:
        from seatrial.adapters import export_xgboost

        found |= export_xgboost.converters()
    if "lightgbm" in sys.modules:
        from seatrial.adapters import export_lightgbm

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
    lines = str(error).strip().splitlines() or [type(error).__name__]
    first = lines[0][:200].rstrip(" .")
    return f"{type(model).__name__} could not be converted: {first}."


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

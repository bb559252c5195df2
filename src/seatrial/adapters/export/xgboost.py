"""XGBoost models to ONNX: the scikit-learn interface and bare boosters.

Runs where the model is loaded. XGBoost rounds features to float32 and compares them with float32
thresholds, so the float32 form is exact unless something before it computes in float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, Unpack

from seatrial.adapters.export.answer import Answer, Asked, first_line, refusal
from seatrial.adapters.export.onnx_convert import Converter, attempt, exact


def export(model: object, **asked: Unpack[Asked]) -> Answer:
    """The model as ONNX in one form; see ``sklearn.export``.

    Args:
        model: an ``XGBClassifier``, ``XGBRegressor``, their forests, or a ``Booster``.
        asked: see ``Asked``.
    """
    try:
        from xgboost import Booster
    except ImportError:
        return refusal("XGBoost is not installed (pip install 'seatrial[xgboost]').")
    return attempt(
        model,
        adapt=lambda given: _wrapped(given) if isinstance(given, Booster) else given,
        converters=converters,
        explain=lambda error: f"The XGBoost model could not be converted: {first_line(error)}.",
        **asked,
    )


def converters() -> Mapping[type, Converter]:
    """Converters by model type, made known to skl2onnx so that pipelines can hold the models."""
    import xgboost
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    found: dict[type, Converter] = {}
    for name in ("XGBClassifier", "XGBRFClassifier", "XGBRegressor", "XGBRFRegressor"):
        kind = getattr(xgboost, name)
        classifier = "Classifier" in name
        update_registered_converter(
            kind,
            f"XGBoost{name}",
            calculate_linear_classifier_output_shapes
            if classifier
            else calculate_linear_regressor_output_shapes,
            convert_xgboost,
            options={"nocl": [True, False], "zipmap": [True, False]} if classifier else {},
        )
        found[kind] = _by_position(exact(convert_xgboost, single=True))
    return found


def _by_position(converter: Converter) -> Converter:
    """Takes the features' names away, which the converter reads as positions.

    Refuses categories: the converter takes their codes for numbers to compare with.
    """

    def convert(scope: Any, operator: Any, container: Any) -> None:
        model = operator.raw_operator
        booster = model.get_booster()
        if "c" in (booster.feature_types or ()):
            raise NotImplementedError("categorical features have no ONNX form")
        nameless = copy(model)
        nameless._Booster = booster.copy()
        nameless._Booster.feature_names = None
        operator.raw_operator = nameless
        try:
            converter(scope, operator, container)
        finally:
            operator.raw_operator = model

    return convert


def _wrapped(booster: Any) -> object:
    """A bare booster as the model of the scikit-learn interface with the same trees."""
    import json

    import xgboost

    learner = json.loads(booster.save_config())["learner"]
    objective = learner["objective"]["name"]
    if objective in ("binary:logistic", "multi:softprob", "multi:softmax"):
        model = xgboost.XGBClassifier(objective=objective)
        model.n_classes_ = max(2, int(learner["learner_model_param"]["num_class"]))
    elif objective.startswith(("binary:", "multi:", "rank:", "survival:")):
        raise NotImplementedError(f"a booster with objective {objective} has no ONNX form")
    else:
        model = xgboost.XGBRegressor(objective=objective)
    model._Booster = booster
    return model

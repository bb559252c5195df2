"""LightGBM models to ONNX: the scikit-learn interface and bare boosters.

Runs where the model is loaded. LightGBM compares float64 features with float64 thresholds, so
rows of float32 split alike in the float32 form, others only in the float64 form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from seatrial.adapters.export.answer import Answer, Asked, first_line, refusal
from seatrial.adapters.export.onnx_convert import Converter, attempt, exact


def export(model: object, **asked: Unpack[Asked]) -> Answer:
    """The model as ONNX in one form; see ``sklearn.export``.

    Args:
        model: an ``LGBMClassifier``, ``LGBMRegressor`` or ``Booster``.
        asked: see ``Asked``.
    """
    try:
        from lightgbm import Booster
    except ImportError:
        return refusal("LightGBM is not installed (pip install 'seatrial[lightgbm]').")
    return attempt(
        model,
        adapt=lambda given: _numeric(_wrapped(given) if isinstance(given, Booster) else given),
        converters=converters,
        explain=lambda error: f"The LightGBM model could not be converted: {first_line(error)}.",
        **asked,
    )


def converters() -> Mapping[type, Converter]:
    """Converters by model type, made known to skl2onnx so that pipelines can hold the models."""
    import lightgbm
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    update_registered_converter(
        lightgbm.LGBMClassifier,
        "LightGBMClassifier",
        calculate_linear_classifier_output_shapes,
        convert_lightgbm,
        options={"nocl": [True, False], "zipmap": [True, False]},
    )
    update_registered_converter(
        lightgbm.LGBMRegressor,
        "LightGBMRegressor",
        calculate_linear_regressor_output_shapes,
        convert_lightgbm,
        options={"split": None},
    )
    known = _without_named_categories(exact(convert_lightgbm))
    return {lightgbm.LGBMClassifier: known, lightgbm.LGBMRegressor: known}


def _without_named_categories(converter: Converter) -> Converter:
    """The trees know categories by number only; which number a name had is not in them."""

    def convert(scope: Any, operator: Any, container: Any) -> None:
        if operator.raw_operator.booster_.pandas_categorical:
            raise NotImplementedError("pandas categories have no ONNX form")
        converter(scope, operator, container)

    return convert


def _numeric(model: Any) -> object:
    """The model, if it has no categories: said before its many inputs are complained of."""
    if model.booster_.pandas_categorical:
        raise NotImplementedError("pandas categories have no ONNX form")
    return model


def _wrapped(booster: Any) -> object:
    """A bare booster as the model of the scikit-learn interface with the same trees."""
    import lightgbm
    import numpy as np

    dump = booster.dump_model(num_iteration=1)
    objective = str(dump.get("objective", "")).split()
    name = objective[0] if objective else "none"
    if name in ("binary", "multiclass"):
        model = lightgbm.LGBMClassifier(objective=name)
        model._n_classes = max(2, int(dump["num_class"]))
        model._classes = np.arange(model._n_classes)
    elif name in ("regression", "regression_l1", "huber", "fair", "quantile", "mape"):
        model = lightgbm.LGBMRegressor(objective=name)
    else:
        raise NotImplementedError(f"a booster with objective {name} has no ONNX form")
    model._Booster = booster
    model._n_features = booster.num_feature()
    model._objective = name
    model.fitted_ = True
    return model

"""The protocols of prediction, by the routes they read and answer."""

from __future__ import annotations

from typing import Any

from seatrial.serving.codec.dialect import Dialect
from seatrial.serving.codec.mlflow import InvocationDialect
from seatrial.serving.codec.tfexamples import ExamplesDialect
from seatrial.serving.codec.tfserving import PredictDialect
from seatrial.serving.codec.v2 import InferDialect
from seatrial.serving.routes import Kind


def dialects() -> dict[Kind, Dialect[Any]]:
    """One for each route in `routes.PREDICTING`."""
    return {
        Kind.INFER: InferDialect(),
        Kind.PREDICT: PredictDialect(),
        Kind.CLASSIFY: ExamplesDialect(classify=True),
        Kind.REGRESS: ExamplesDialect(classify=False),
        Kind.INVOCATIONS: InvocationDialect(),
    }

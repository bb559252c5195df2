"""TensorFlow Serving's REST classify and regress APIs: examples by feature name.

Source: https://www.tensorflow.org/tfx/serving/api_rest. A feature of an example is a value or a
list of values, row-major where the feature is a tensor; ``context`` holds those that all share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import orjson

from seatrial.registry.signature import Batch, Feature, Prediction
from seatrial.serving.codec.description import regressed, scored
from seatrial.serving.codec.dialect import Answer, Model, sticky_key, version_header
from seatrial.serving.codec.jsontext import Reader
from seatrial.serving.codec.tftext import SIGNATURE_NAME, check_signature, with_texts
from seatrial.serving.exchange import JSON, BadInput, Reply, Request, shown
from seatrial.serving.validate import Contract


class Examples(msgspec.Struct):
    """A request."""

    examples: list[dict[str, Any]]
    context: dict[str, Any] | None = None
    signature_name: str = SIGNATURE_NAME
    parameters: dict[str, Any] | None = None


class ExamplesAsk(msgspec.Struct):
    """A request, its context in every example; see Ask."""

    rows: list[Any]
    key: bytes | None
    timeout_s: float | None = None


_READER: Reader[Examples] = Reader(Examples)


class ExamplesDialect:
    """See Dialect.

    Args: classify: whether classes are asked for, else a number.
    """

    def __init__(self, *, classify: bool) -> None:
        self._classify = classify

    def parse(self, request: Request) -> ExamplesAsk:
        """See Dialect."""
        message, _ = _READER.read(request.body)
        check_signature(message.signature_name)
        rows = with_texts(request.body, message.examples)
        if message.context:
            shared = with_texts(request.body, message.context)
            rows = [shared | row for row in rows]
        return ExamplesAsk(rows, sticky_key(message.parameters))

    def codec(self, model: Model) -> ExamplesCodec:
        """See Dialect."""
        return ExamplesCodec(model, classify=self._classify)


class ExamplesCodec:
    """See Codec."""

    def __init__(self, model: Model, *, classify: bool) -> None:
        self._model = model
        self._classify = classify
        self._contract: Contract = model.contract
        signature = self._contract.signature
        self._features = {f.name: f for f in signature.features}
        self._headers = version_header(model)
        output = scored(signature) if classify else regressed(signature)
        self._answer = None if output is None else Answer(output)

    def batch(self, ask: ExamplesAsk) -> Batch:
        """See Codec."""
        if self._answer is None:
            raise BadInput(
                f"The model {shown(self._model.name)} answers with "
                f"{'no score for each class' if self._classify else 'more than one number a row'}.",
                remedy="Ask it by :predict.",
            )
        rows = [self._row(row, place) for place, row in enumerate(ask.rows)]
        return self._contract.rows(rows)

    def reply(self, ask: ExamplesAsk, prediction: Prediction, n: int) -> Reply:  # noqa: ARG002
        """See Codec."""
        assert self._answer is not None
        values = self._answer.of(prediction, n).tolist()
        if self._classify:
            labels = list(map(str, self._answer.output.classes or ()))
            values = [list(zip(labels, row, strict=True)) for row in values]
        return Reply(200, orjson.dumps({"result": values}), JSON, self._headers)

    def _row(self, row: dict[str, Any], place: int) -> dict[str, Any]:
        features = self._features
        return {
            name: _value(features[name], value, place)
            if isinstance(value, list) and name in features
            else value
            for name, value in row.items()
        }


def _value(feature: Feature, values: list[Any], place: int) -> object:
    """The value of a feature from its list, which holds as many as a row of it has."""
    if not feature.shape and len(values) == 1:
        return values[0]
    if feature.shape and not any(isinstance(value, list) for value in values):
        if len(values) != feature.size:
            raise BadInput(
                f"{shown(feature.name)} has {len(values)} values in row {place}.",
                remedy=f"Send {feature.size} of them, row-major.",
                field=feature.name,
                row=place,
            )
        return _nested(values, feature.shape)
    return values  # the contract says what is wrong with it


def _nested(values: Sequence[Any], shape: Sequence[int]) -> object:
    held = np.empty(len(values), object)
    held[:] = values
    return held.reshape(shape).tolist()

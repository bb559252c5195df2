"""TensorFlow Serving's REST predict API: rows as ``instances``, columns as ``inputs``.

Source: https://www.tensorflow.org/tfx/serving/api_rest
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec
import orjson
from msgspec import UNSET, UnsetType

from seatrial.registry.signature import Batch, Prediction
from seatrial.serving.codec.dialect import Answer, Model, records, sticky_key, version_header
from seatrial.serving.codec.jsontext import Reader
from seatrial.serving.codec.tftext import SIGNATURE_NAME, check_signature, with_texts
from seatrial.serving.exchange import JSON, BadInput, Reply, Request, shown
from seatrial.serving.validate import Contract, Number

D = TypeVar("D")

_NUMBERS = 0


class Predict(msgspec.Struct, Generic[D]):
    """A request: rows or columns, not both."""

    instances: D | UnsetType = UNSET
    inputs: D | UnsetType = UNSET
    signature_name: str = SIGNATURE_NAME
    parameters: dict[str, Any] | None = None


class PredictAsk(msgspec.Struct):
    """A request, and whether its rows are nothing but numbers."""

    message: Predict[Any]
    numbers: bool
    timeout_s: float | None = None

    @property
    def key(self) -> bytes | None:
        """See Ask."""
        return sticky_key(self.message.parameters)

    @property
    def rows(self) -> list[Any] | None:
        """See Ask."""
        given = None if self.numbers else self.message.instances
        return given if isinstance(given, list) else None


_READER: Reader[Predict[Any]] = Reader(Predict[list[list[Number]]], Predict[Any])


class PredictDialect:
    """See Dialect."""

    def parse(self, request: Request) -> PredictAsk:
        """See Dialect."""
        message, shape = _READER.read(request.body)
        if (message.instances is UNSET) == (message.inputs is UNSET):
            raise BadInput(
                "The body needs either instances or inputs.",
                remedy='Send {"instances": [...]} with one item per row.',
                field="instances",
            )
        check_signature(message.signature_name)
        if shape != _NUMBERS:
            message.instances = with_texts(request.body, message.instances)
            message.inputs = with_texts(request.body, message.inputs)
        return PredictAsk(message, shape == _NUMBERS)

    def codec(self, model: Model) -> PredictCodec:
        """See Dialect."""
        return PredictCodec(model)


class PredictCodec:
    """See Codec."""

    def __init__(self, model: Model) -> None:
        self._contract = model.contract
        self._answers = [Answer(o) for o in model.contract.signature.outputs]
        self._headers = version_header(model)

    def batch(self, ask: PredictAsk) -> Batch:
        """See Codec."""
        message = ask.message
        if message.instances is not UNSET:
            return batch_of_rows(self._contract, message.instances, ask.numbers, "instances")
        if isinstance(message.inputs, dict):
            return batch_of_columns(self._contract, message.inputs)
        return batch_of_rows(self._contract, message.inputs, ask.numbers, "inputs")

    def reply(self, ask: PredictAsk, prediction: Prediction, n: int) -> Reply:
        """See Codec."""
        if ask.message.instances is not UNSET:
            answer: dict[str, object] = {"predictions": records(self._answers, prediction, n)}
        else:
            lists = {a.name: a.of(prediction, n).tolist() for a in self._answers}
            answer = {"outputs": lists if len(lists) > 1 else next(iter(lists.values()))}
        return Reply(200, orjson.dumps(answer), JSON, self._headers)


def batch_of_rows(contract: Contract, rows: Any, numbers: bool, field: str) -> Batch:  # noqa: FBT001
    """A batch from row form.

    Args:
        rows: JSON: a list of lists, of objects by feature, or of bare values for one feature.
        numbers: whether it is proven to be lists of nothing but numbers.
        field: what the rows are called in the body.
    Raises: BadInput.
    """
    if numbers:
        return contract.number_rows(rows)
    if not isinstance(rows, list):
        raise BadInput(
            f"{field} is {shown(rows)}, not a list of rows.",
            remedy="Send a list with one item per row.",
            field=field,
        )
    return contract.rows(rows)


def batch_of_columns(contract: Contract, columns: dict[str, Any]) -> Batch:
    """A batch from column form: lists by feature, or one list of rows under the tensor's name.

    Raises: BadInput.
    """
    if len(columns) == 1 and contract.width > 1 and not columns.keys() & contract.names:
        name, rows = next(iter(columns.items()))
        if isinstance(rows, list) and rows and isinstance(rows[0], list):
            return contract.rows(rows)
    for name, values in columns.items():
        if not isinstance(values, list):
            raise BadInput(
                f"{shown(name)} is {shown(values)}, not a list.",
                remedy="Send one list of values per feature.",
                field=name[:200],
            )
    return contract.columns(columns)

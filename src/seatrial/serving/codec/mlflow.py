"""MLflow's scoring protocol at ``/invocations``: four JSON forms, and CSV.

Source: https://mlflow.org/docs/latest/deployment/deploy-model-locally (MLflow 3). A reply holds
``predictions`` and nothing else, as MLflow's client insists: a classifier's labels, a regressor's
values, or an object per row when the model has several outputs of its own.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Any, Generic, TypeVar

import msgspec
import orjson
from msgspec import UNSET, UnsetType

from seatrial.registry.signature import Batch, Dtype, Feature, Output, Prediction
from seatrial.serving.codec.dialect import Answer, Model, records, sticky_key, version_header
from seatrial.serving.codec.jsontext import Reader
from seatrial.serving.codec.tfserving import batch_of_columns, batch_of_rows
from seatrial.serving.exchange import JSON, BadInput, Reply, Request, UnsupportedMedia, shown
from seatrial.serving.validate import Contract, Number

D = TypeVar("D")

_NUMBERS = 0
_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


class Split(msgspec.Struct, Generic[D]):
    """A data frame as pandas' ``to_dict(orient="split")`` writes it; the index is not used."""

    data: D
    columns: list[str | int] | None = None


class Invocation(msgspec.Struct, Generic[D]):
    """A JSON body; one of the four forms is set."""

    dataframe_split: Split[D] | UnsetType = UNSET
    dataframe_records: list[dict[str, Any]] | UnsetType = UNSET
    instances: D | UnsetType = UNSET
    inputs: D | UnsetType = UNSET
    params: dict[str, Any] | None = None


class Table(msgspec.Struct):
    """A CSV body: its header and its rows of text."""

    header: list[str]
    rows: list[list[str]]


class InvocationAsk(msgspec.Struct):
    """A request in one of its forms, and whether its rows are nothing but numbers."""

    message: Invocation[Any] | Table
    numbers: bool
    timeout_s: float | None = None

    @property
    def key(self) -> bytes | None:
        """See Ask."""
        return None if isinstance(self.message, Table) else sticky_key(self.message.params)

    @property
    def rows(self) -> list[Any] | None:
        """See Ask."""
        message = self.message
        if isinstance(message, Table):
            return None
        if message.dataframe_records is not UNSET:
            return message.dataframe_records
        given = None if self.numbers else message.instances
        return given if isinstance(given, list) else None


_READER: Reader[Invocation[Any]] = Reader(Invocation[list[list[Number]]], Invocation[Any])


class InvocationDialect:
    """See Dialect."""

    def parse(self, request: Request) -> InvocationAsk:
        """See Dialect."""
        media = request.headers.get(b"content-type", JSON).partition(b";")[0].strip().lower()
        if media == b"text/csv":
            return InvocationAsk(_table(request.body), numbers=False)
        if media != JSON:
            raise UnsupportedMedia(
                f"The content type {shown(media.decode('latin-1'))} is not read here.",
                remedy="Send application/json or text/csv.",
                field="content-type",
            )
        message, shape = _READER.read(request.body)
        if sum(getattr(message, form) is not UNSET for form in _FORMS) != 1:
            raise BadInput(
                f"The body needs exactly one of {', '.join(_FORMS)}.",
                remedy='Send {"dataframe_split": {"columns": [...], "data": [[...]]}}.',
            )
        return InvocationAsk(message, shape == _NUMBERS)

    def codec(self, model: Model) -> InvocationCodec:
        """See Dialect."""
        return InvocationCodec(model)


class InvocationCodec:
    """See Codec."""

    def __init__(self, model: Model) -> None:
        self._contract = model.contract
        self._answers = [Answer(o) for o in _main(model.contract.signature.outputs)]
        self._headers = version_header(model)

    def batch(self, ask: InvocationAsk) -> Batch:
        """See Codec."""
        message, contract = ask.message, self._contract
        if isinstance(message, Table):
            return _batch_of_table(contract, message)
        if message.dataframe_split is not UNSET:
            return _batch_of_split(contract, message.dataframe_split, ask.numbers)
        if message.dataframe_records is not UNSET:
            return contract.rows(message.dataframe_records)
        if message.instances is not UNSET:
            return batch_of_rows(contract, message.instances, ask.numbers, "instances")
        if isinstance(message.inputs, dict):
            return batch_of_columns(contract, message.inputs)
        return batch_of_rows(contract, message.inputs, ask.numbers, "inputs")

    def reply(self, ask: InvocationAsk, prediction: Prediction, n: int) -> Reply:  # noqa: ARG002
        """See Codec."""
        answer = {"predictions": records(self._answers, prediction, n)}
        return Reply(200, orjson.dumps(answer), JSON, self._headers)


def _main(outputs: tuple[Output, ...]) -> tuple[Output, ...]:
    """What ``predict`` of the original model returned."""
    return tuple(o for o in outputs if o.name in ("label", "prediction"))[:1] or outputs


def _batch_of_split(contract: Contract, split: Split[Any], numbers: bool) -> Batch:  # noqa: FBT001
    names = contract.signature.names
    if contract.one_tensor:
        given = [str(c) for c in split.columns or names]
        return contract.columns(_transposed(given, split.data))
    if split.columns is None or tuple(split.columns) == names or not contract.signature.named:
        return batch_of_rows(contract, split.data, numbers, "dataframe_split.data")
    return contract.columns(_transposed([str(c) for c in split.columns], split.data))


def _batch_of_table(contract: Contract, table: Table) -> Batch:
    columns = _transposed(table.header, table.rows)
    types = {feature.name: feature for feature in contract.signature.features}
    return contract.columns(
        {
            name: [_typed(types[name], text, row) for row, text in enumerate(texts)]
            if name in types
            else texts
            for name, texts in columns.items()
        }
    )


def _transposed(names: list[str], rows: Any) -> dict[str, list[Any]]:
    """Rows as columns by name.   Raises: BadInput: ragged, or a name appears twice."""
    if len(set(names)) != len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise BadInput(
            f"The column {shown(twice)} appears twice.",
            remedy="Send every column once.",
            field=twice[:200],
        )
    if not isinstance(rows, list):
        raise BadInput(
            f"The data is {shown(rows)}, not a list of rows.",
            remedy="Send a list with one list per row.",
            field="dataframe_split.data",
        )
    for row, values in enumerate(rows):
        if not isinstance(values, list) or len(values) != len(names):
            raise BadInput(
                f"Row {row} does not have one value for each of the {len(names)} columns.",
                remedy="Make all rows as long as the list of columns.",
                row=row,
            )
    return {name: [values[i] for values in rows] for i, name in enumerate(names)}


def _table(body: bytes) -> Table:
    try:
        lines = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        rows = [line for line in lines if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(
            f"The body is not CSV: {error}.", remedy="Send UTF-8 text with a header line."
        ) from error
    if not rows:
        raise BadInput("The CSV body is empty.", remedy="Send a header line, then the rows.")
    return Table(rows[0], rows[1:])


_BOOLEANS = {"true": True, "false": False}


def _typed(feature: Feature, text: str, row: int) -> object:
    """The value a field of CSV stands for; empty is missing.   Raises: BadInput."""
    if feature.dtype is Dtype.STRING:
        return text or None
    try:
        if not text.strip():
            return None
        if feature.dtype is Dtype.BOOL:
            return _BOOLEANS[text.strip().lower()]
        return _number(text)
    except (ValueError, KeyError) as error:
        raise BadInput(
            f"Feature {shown(feature.name)} has {shown(text)} in row {row}, "
            f"which is no {feature.dtype}.",
            remedy=f"Write {feature.dtype} values; leave the field empty for a missing one.",
            field=feature.name,
            row=row,
        ) from error


def _number(text: str) -> int | float:
    if "_" in text:  # Python reads 1_000 as a number, nobody else does
        raise ValueError(text)
    try:
        return int(text)
    except ValueError:
        return float(text)

"""Open Inference Protocol v2: infer requests and replies, JSON and binary tensors.

Source: https://github.com/kserve/open-inference-protocol; binary tensors as in Triton's extension:
the JSON part is as long as ``inference-header-content-length`` says, raw tensors follow in order.

A tensor of shape [n, width] holds all features, whatever its name; so does [n] where the one
feature is a number (`description.MATRIX`). Every other tensor is one feature and bears its name;
its shape is [n], [n, 1] or, of a feature that is a tensor itself, [n, ...].
Tensors named ``entity.KEY`` hold the join keys of entities whose features are looked up.

A door that speaks the protocol in another form (gRPC) reads and writes it itself: it makes an
`InferCall` and is given an `InferReply`, which have no body and the same tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, Generic, TypeVar

import msgspec
import orjson
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from seatrial.registry.signature import MAX_RANK, Batch, Output, Prediction
from seatrial.serving import oip
from seatrial.serving.codec.description import DATATYPE_OF
from seatrial.serving.codec.dialect import Answer, Model, sticky_key, version_header
from seatrial.serving.codec.entity_tensors import OF_ENTITY, entity_rows
from seatrial.serving.codec.jsontext import Reader
from seatrial.serving.codec.tensor import (
    dtype_of,
    flat,
    from_bytes,
    from_json,
    to_bytes,
)
from seatrial.serving.exchange import JSON, OCTETS, BadInput, Reply, Request, shown
from seatrial.serving.validate import Number

D = TypeVar("D")

HEADER_LENGTH = b"inference-header-content-length"

_FLAT_NUMBERS = 0
_FLOATS = frozenset({"FP32", "FP64", "FP16"})
_NUMPY = orjson.OPT_SERIALIZE_NUMPY
_dumps = orjson.dumps


class Tensor(msgspec.Struct, Generic[D]):
    """An input: its values are in ``data``, or follow the JSON part as raw bytes.

    Of an `InferCall` they are in ``data``, raw.
    """

    name: str
    shape: list[int]
    datatype: str
    data: D | UnsetType = UNSET
    parameters: dict[str, Any] | None = None


class Wanted(msgspec.Struct):
    """An output the client asks for."""

    name: str
    parameters: dict[str, Any] | None = None


class Infer(msgspec.Struct, Generic[D]):
    """The JSON part of a request."""

    inputs: list[Tensor[D]]
    id: str | None = None
    outputs: list[Wanted] | None = None
    parameters: dict[str, Any] | None = None


class InferCall(Request, frozen=True):
    """A request that its door has read: a message in the place of a body."""

    message: Infer[bytes]


class InferReply(Reply, frozen=True):
    """The reply to such a request: tensors in the place of a body, for the door to write."""

    model: str = ""
    version: int = 0
    id: str | None = None
    tensors: tuple[oip.Tensor, ...] = ()


class InferAsk(msgspec.Struct):
    """A request; see Ask.

    Args:
        message: its JSON part.
        raw: the bytes after it, None where it is the whole body.
        numbers: whether data is proven to be flat lists of numbers.
        called: whether it is an `InferCall`, to be answered as one.
        named: its rows, where tensors name entities and somebody completes them.
    """

    message: Infer[Any]
    raw: memoryview | None = None
    numbers: bool = False
    called: bool = False
    key: bytes | None = None
    timeout_s: float | None = None
    named: list[Any] | None = None

    @property
    def rows(self) -> list[Any] | None:
        """See Ask: tensors are no rows, but where some of them name entities."""
        if self.named is None and any(t.name.startswith(OF_ENTITY) for t in self.message.inputs):
            self.named = entity_rows(_columns(self, {}))
        return self.named


_READER: Reader[Infer[Any]] = Reader(Infer[list[Number]], Infer[Any])


class InferDialect:
    """See Dialect."""

    def parse(self, request: Request) -> InferAsk:
        """See Dialect."""
        ask = _read(request)
        if parameters := ask.message.parameters:
            ask.key, ask.timeout_s = sticky_key(parameters), _timeout_s(parameters)
        return ask

    def codec(self, model: Model) -> InferCodec:
        """See Dialect."""
        return InferCodec(model)


def _read(request: Request) -> InferAsk:
    if isinstance(request, InferCall):
        return InferAsk(request.message, called=True)
    body, raw = request.body, None
    length = request.headers.get(HEADER_LENGTH)
    if length is None:
        message, shape = _READER.read(body)
    else:
        size = _header_length(length, len(body))
        message, shape = _READER.read(memoryview(body)[:size])
        raw = memoryview(body)[size:]
    return InferAsk(message, raw, shape == _FLAT_NUMBERS)


class InferCodec:
    """See Codec."""

    def __init__(self, model: Model) -> None:
        self._model, self._contract = model, model.contract
        self._headers = version_header(model)
        self._matrix = model.contract.signature.matrix
        signature = model.contract.signature
        self._shapes = {f.name: f.shape for f in signature.features if signature.has_tensors}
        self._head = b'{"model_name":%b,"model_version":"%d",' % (
            _dumps(model.name),
            model.version,
        )
        answers = [Answer(output) for output in model.contract.signature.outputs]
        self._plain = tuple((answer, _described(answer.output)) for answer in answers)
        self._by_name = {answer.name: answer for answer in answers}

    def batch(self, ask: InferAsk) -> Batch:
        """See Codec."""
        if ask.named is not None:
            return self._contract.rows(ask.named)
        inputs = ask.message.inputs
        if len(inputs) != 1 or self._shapes:
            return self._contract.columns(_columns(ask, self._shapes))
        tensor = inputs[0]
        shape = tensor.shape
        width = self._contract.width
        # With one column of text or truth, a tensor is that column, and its name has to say so.
        anonymous = self._matrix or width > 1
        if anonymous and len(shape) == 2 and shape[1] == width:
            return self._whole(ask, tensor)
        if anonymous and width == 1 and len(shape) == 1:
            return self._contract.matrix(_arrays(ask)[tensor.name].reshape(-1, 1))
        if anonymous and tensor.name not in self._contract.names:
            raise BadInput(
                f"The tensor {shown(tensor.name)} has the shape {shown(shape)}.",
                remedy=f"Send the shape [n, {width}] for n rows, or one tensor per feature.",
                field=tensor.name[:200],
            )
        return self._contract.columns(_columns(ask, {}))

    def _whole(self, ask: InferAsk, tensor: Tensor[Any]) -> Batch:
        """All features in one tensor of shape [n, width]."""
        contract = self._contract
        data, (n, width) = tensor.data, tensor.shape
        if self._matrix and tensor.datatype in _FLOATS and isinstance(data, list):
            if ask.numbers and len(data) == n * width:
                return contract.numbers(data, n)
            _sizes(tensor)
            return contract.values(flat(data, tensor.shape, tensor.name), n)
        return contract.matrix(_arrays(ask)[tensor.name].reshape(-1, width))

    def reply(self, ask: InferAsk, prediction: Prediction, n: int) -> Reply:
        """See Codec."""
        message = ask.message
        if ask.called:
            return self._tensors(message, prediction, n)
        parameters = message.parameters
        if message.outputs or (parameters and parameters.get("binary_data_output") is True):
            return self._selected(message, prediction, n)
        parts = [self._opening(message)]
        for answer, head in self._plain:
            parts += (head % n, _json(answer.of(prediction, n)), b"},")
        parts[-1] = b"}]}"
        return Reply(200, b"".join(parts), JSON, self._headers)

    def _opening(self, message: Infer[Any]) -> bytes:
        if message.id is None:
            return self._head + b'"outputs":['
        return b'%b"id":%b,"outputs":[' % (self._head, _dumps(message.id))

    def _selected(self, message: Infer[Any], prediction: Prediction, n: int) -> Reply:
        """The outputs asked for, each as JSON or raw."""
        raw: list[bytes] = []
        described: list[bytes] = []
        for answer, binary in self._wanted(message):
            array = answer.of(prediction, n)
            record: dict[str, object] = {
                "name": answer.name,
                "datatype": DATATYPE_OF[answer.output.dtype],
                "shape": array.shape,
            }
            if binary:
                raw.append(to_bytes(array))
                record["parameters"] = {"binary_data_size": len(raw[-1])}
                described.append(_dumps(record))
            else:
                described.append(b'%b,"data":%b}' % (_dumps(record)[:-1], _json(array)))
        head = b"%b%b]}" % (self._opening(message), b",".join(described))
        if not raw:
            return Reply(200, head, JSON, self._headers)
        length = ((HEADER_LENGTH, b"%d" % len(head)),)
        return Reply(200, b"".join([head, *raw]), OCTETS, self._headers + length)

    def _tensors(self, message: Infer[Any], prediction: Prediction, n: int) -> InferReply:
        """The outputs asked for, as arrays."""
        return InferReply(
            200,
            b"",
            headers=self._headers,
            model=self._model.name,
            version=self._model.version,
            id=message.id,
            tensors=tuple(
                oip.Tensor(
                    name=answer.name,
                    datatype=DATATYPE_OF[answer.output.dtype],
                    values=answer.of(prediction, n),
                )
                for answer, _ in self._wanted(message)
            ),
        )

    def _wanted(self, message: Infer[Any]) -> list[tuple[Answer, bool]]:
        always = (message.parameters or {}).get("binary_data_output") is True
        if not message.outputs:
            return [(answer, always) for answer in self._by_name.values()]
        wanted: list[tuple[Answer, bool]] = []
        for given in message.outputs:
            answer = self._by_name.get(given.name)
            if answer is None:
                raise BadInput(
                    f"The model has no output {shown(given.name)}.",
                    remedy=f"Ask for one of: {', '.join(shown(n) for n in self._by_name)}.",
                    field=given.name[:200],
                )
            parameters = given.parameters or {}
            if "classification" in parameters or "shared_memory_region" in parameters:
                raise BadInput(
                    f"The output {shown(given.name)} asks for an extension that is not served.",
                    remedy="Leave classification and shared_memory_region out.",
                    field=given.name,
                )
            wanted.append((answer, bool(parameters.get("binary_data", always))))
        return wanted


def _described(output: Output) -> bytes:
    """The beginning of an output in a reply, up to its data; ``%d`` stands for the rows."""
    return b'{"name":%b,"datatype":"%b","shape":[%b],"data":' % (
        _dumps(output.name).replace(b"%", b"%%"),
        DATATYPE_OF[output.dtype].encode(),
        b",".join([b"%d", *(b"%d" % size for size in output.row_shape)]),
    )


def _json(array: NDArray[Any]) -> bytes:
    if array.dtype.kind == "O":
        return _dumps(array.ravel().tolist())
    return _dumps(array.ravel(), option=_NUMPY)


def _timeout_s(parameters: Mapping[str, Any]) -> float | None:
    """Triton's ``timeout`` is in microseconds."""
    micros = parameters.get("timeout")
    return micros / 1e6 if type(micros) is int and 0 < micros < 10**12 else None


def _header_length(value: bytes, size: int) -> int:
    if value.isdigit() and len(value) < 20 and 0 < int(value) <= size:
        return int(value)
    raise BadInput(
        f"Inference-Header-Content-Length is {shown(value.decode('latin-1'))}, "
        f"the body has {size} bytes.",
        remedy="Set it to the length of the JSON part of the body.",
        field="inference-header-content-length",
    )


def _columns(ask: InferAsk, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[Any]]:
    """One flat array per tensor of shape [n] or [n, 1].

    Args: shapes: of every feature's rows, where one is a tensor: those arrays have that shape.
    """
    for tensor in ask.message.inputs:
        if shapes and tensor.name not in shapes:
            continue  # the contract says what it misses
        wanted = shapes.get(tensor.name)
        if wanted:
            if tuple(tensor.shape[1:]) != wanted:
                raise BadInput(
                    f"The tensor {shown(tensor.name)} has the shape {shown(tensor.shape)}.",
                    remedy=f"Send the shape [n, {', '.join(map(str, wanted))}] for n rows.",
                    field=tensor.name,
                )
        elif len(tensor.shape) != 1 and (len(tensor.shape) != 2 or tensor.shape[1] != 1):
            raise BadInput(
                f"The tensor {shown(tensor.name)} has the shape {shown(tensor.shape)}.",
                remedy="Send one tensor per feature, of shape [n] or [n, 1].",
                field=tensor.name[:200],
            )
    arrays = _arrays(ask)
    return {
        name: array.reshape(-1, *shapes[name]) if shapes.get(name) else array
        for name, array in arrays.items()
    }


def _arrays(ask: InferAsk) -> dict[str, NDArray[Any]]:
    """The tensors by name, as flat arrays of their declared datatypes."""
    raw, place = ask.raw, 0
    arrays: dict[str, NDArray[Any]] = {}
    for tensor in ask.message.inputs:
        name = tensor.name
        if name in arrays:
            raise BadInput(
                f"The tensor {shown(name)} appears twice.",
                remedy="Send every tensor once.",
                field=name[:200],
            )
        n, width = _sizes(tensor)
        dtype = dtype_of(tensor.datatype, name)
        if isinstance(tensor.data, bytes):
            arrays[name] = from_bytes(memoryview(tensor.data), dtype, n * width, name)
            continue
        size = (tensor.parameters or {}).get("binary_data_size")
        if size is None:
            arrays[name] = from_json(flat(tensor.data, tensor.shape, name), dtype, name, width)
            continue
        if raw is None or type(size) is not int or not 0 <= size <= len(raw) - place:
            raise BadInput(
                f"The binary data of {shown(name)} is not in the body.",
                remedy="Append it after the JSON part and send Inference-Header-Content-Length.",
                field=name[:200],
            )
        arrays[name] = from_bytes(raw[place : place + size], dtype, n * width, name)
        place += size
    if raw is not None and place != len(raw):
        raise BadInput(
            f"The body has {len(raw) - place} bytes that belong to no tensor.",
            remedy="Set binary_data_size of each tensor to its length in bytes.",
        )
    return arrays


def _sizes(tensor: Tensor[Any]) -> tuple[int, int]:
    shape = tensor.shape
    if not 1 <= len(shape) <= MAX_RANK + 1 or any(not 0 <= size < 2**31 for size in shape):
        raise BadInput(
            f"The tensor {shown(tensor.name)} has the shape {shown(shape)}.",
            remedy=f"Send shapes of 1 to {MAX_RANK + 1} sizes, none of them negative.",
            field=tensor.name[:200],
        )
    return shape[0], prod(shape[1:])

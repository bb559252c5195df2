"""The Open Inference Protocol over gRPC, as another way into the data plane.

A call becomes the request that the same call over HTTP would be, with raw tensors, and its reply
becomes a message: so validation, split, counting and errors are those of HTTP, and there is one
parser of tensors.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import orjson

from seatrial.adapters.oip_messages import CONTENTS, SERVICE, messages
from seatrial.kernel.errors import MissingExtra
from seatrial.serving.codec.tensor import DATATYPES
from seatrial.serving.exchange import Reply, Request
from seatrial.serving.plane import DataPlane

_LENGTH: Final = b"inference-header-content-length"
_PASSED: Final = ("x-seatrial-key", "x-seatrial-version", "x-request-id")
_TOLD: Final = frozenset({b"x-seatrial-version", b"x-request-id", b"retry-after"})
_OURS: Final = ("binary_data_size", "binary_data_output", "binary_data")
"""Parameters of HTTP's raw tensors, which gRPC's clients do not speak of."""
_HEAD_ROOM: Final = 64 * 1024

_STATUS: Final[Mapping[int, str]] = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    413: "RESOURCE_EXHAUSTED",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""The code for a reply's status; every other is INTERNAL."""


class Misformed(Exception):
    """A message is not what it should be."""


def check_grpc() -> None:
    """Say now whether gRPC can be spoken here.   Raises: MissingExtra."""
    try:
        import grpc.aio  # noqa: F401 - asked for when a server is opened
    except ImportError:
        raise MissingExtra("grpc", "grpc") from None
    messages()


class GrpcDoor:
    """Answers the protocol's service on a port that several processes may share.

    Args:
        plane: answers.
        max_body_bytes: of a request.
    Raises: MissingExtra.
    """

    def __init__(self, plane: DataPlane, *, max_body_bytes: int) -> None:
        check_grpc()
        import grpc
        import grpc.aio
        from google.protobuf.message import DecodeError

        self._grpc, self._broken = grpc, DecodeError
        self._plane, self._messages = plane, messages()
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", max_body_bytes + _HEAD_ROOM),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 1),
            ]
        )
        answers: Mapping[str, Callable[[Any, Any], Any]] = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._model_infer,
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(self._handler(name, answer))
            for name, answer in answers.items()
        }
        service = grpc.method_handlers_generic_handler(SERVICE, handlers)
        self._server.add_generic_rpc_handlers((service,))

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port, which is another where 0 was asked for."""
        where = f"[{host}]" if ":" in host else host
        bound: int = self._server.add_insecure_port(f"{where}:{port}")
        await self._server.start()
        return bound

    async def stop(self, grace_s: float) -> None:
        """Take no more calls and let those under way end."""
        await self._server.stop(grace_s)

    def _handler(self, name: str, answer: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        kind = self._messages[f"{name}Request"]

        async def handle(raw: bytes, context: Any) -> bytes:
            try:
                request = kind.FromString(raw)
                reply = await answer(request, context)
            except (self._broken, Misformed) as problem:
                await context.abort(self._grpc.StatusCode.INVALID_ARGUMENT, str(problem))
            encoded: bytes = reply.SerializeToString()
            return encoded

        return handle

    async def _server_live(self, _request: Any, _context: Any) -> Any:
        return self._messages["ServerLiveResponse"](live=await self._says_yes("/v2/health/live"))

    async def _server_ready(self, _request: Any, _context: Any) -> Any:
        return self._messages["ServerReadyResponse"](ready=await self._says_yes("/v2/health/ready"))

    async def _model_ready(self, request: Any, _context: Any) -> Any:
        ready = await self._says_yes(f"{_model(request.name, request.version)}/ready")
        return self._messages["ModelReadyResponse"](ready=ready)

    async def _server_metadata(self, _request: Any, context: Any) -> Any:
        return self._messages["ServerMetadataResponse"](**await self._document("/v2", context))

    async def _model_metadata(self, request: Any, context: Any) -> Any:
        record = await self._document(_model(request.name, request.version), context)
        return self._messages["ModelMetadataResponse"](**record)

    async def _model_infer(self, request: Any, context: Any) -> Any:
        head, raw = _body(request, context.time_remaining())
        metadata = dict(context.invocation_metadata() or ())
        headers = {
            name.encode(): str(metadata[name]).encode() for name in _PASSED if name in metadata
        }
        headers[_LENGTH] = str(len(head)).encode()
        path = f"{_model(request.model_name, request.model_version)}/infer"
        reply = await self._asked("POST", path, b"".join([head, *raw]), headers)
        context.set_trailing_metadata(
            tuple((n.decode(), v.decode()) for n, v in reply.headers if n in _TOLD)
        )
        await self._refuse(reply, context)
        return self._messages["ModelInferResponse"](**_response(reply))

    async def _says_yes(self, path: str) -> bool:
        return (await self._asked("GET", path)).status == 200

    async def _document(self, path: str, context: Any) -> dict[str, Any]:
        reply = await self._asked("GET", path)
        await self._refuse(reply, context)
        record: dict[str, Any] = orjson.loads(reply.body)
        return record

    async def _asked(
        self, method: str, path: str, body: bytes = b"", headers: dict[bytes, bytes] | None = None
    ) -> Reply:
        reply = self._plane.handle(Request(method, path, b"", headers or {}, body))
        return reply if isinstance(reply, Reply) else await reply

    async def _refuse(self, reply: Reply, context: Any) -> None:
        if reply.status != 200:
            code = getattr(self._grpc.StatusCode, _STATUS.get(reply.status, "INTERNAL"))
            await context.abort(code, str(orjson.loads(reply.body)["error"]))


def _model(name: str, version: str) -> str:
    if not name:
        raise Misformed("The name of the model is empty. Name one of the models served.")
    path = f"/v2/models/{quote(name, safe='')}"
    return f"{path}/versions/{quote(version, safe='')}" if version else path


def _body(request: Any, left_s: float | None) -> tuple[bytes, list[bytes]]:
    """The JSON part and the raw tensors of the same request over HTTP.   Raises: Misformed."""
    raw = [bytes(part) for part in request.raw_input_contents]
    if raw and len(raw) != len(request.inputs):
        raise Misformed(
            f"{len(request.inputs)} inputs have {len(raw)} raw contents. Send one for each."
        )
    if raw and any(tensor.HasField("contents") for tensor in request.inputs):
        raise Misformed("The inputs have contents and raw contents too. Send one of the two.")
    raw = raw or [_packed(tensor) for tensor in request.inputs]
    parameters = _plain(request.parameters) | {"binary_data_output": True}
    waits = parameters.get("timeout")
    left = None if left_s is None else max(1, int(left_s * 1e6))
    if left is not None and not (isinstance(waits, int) and 0 < waits < left):
        parameters["timeout"] = left
    inputs = [
        {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": list(tensor.shape),
            "parameters": _plain(tensor.parameters) | {"binary_data_size": len(part)},
        }
        for tensor, part in zip(request.inputs, raw, strict=True)
    ]
    record: dict[str, Any] = {"inputs": inputs, "parameters": parameters}
    if request.id:
        record["id"] = request.id
    if request.outputs:
        record["outputs"] = [
            {"name": wanted.name, "parameters": _plain(wanted.parameters)}
            for wanted in request.outputs
        ]
    return orjson.dumps(record), raw


def _plain(parameters: Any) -> dict[str, Any]:
    found = {}
    for name, value in parameters.items():
        which = value.WhichOneof("parameter_choice")
        if which is not None and name not in _OURS:
            found[name] = getattr(value, which)
    return found


def _packed(tensor: Any) -> bytes:
    """Typed contents as a raw tensor.   Raises: Misformed."""
    place = CONTENTS.get(tensor.datatype)
    filled = [field.name for field, _ in tensor.contents.ListFields()]
    if place is None or filled not in ([], [place]):
        raise Misformed(
            f"The tensor {tensor.name[:100]!r} of {tensor.datatype[:20]!r} has "
            f"{', '.join(filled) or 'no contents'}. Send {place or 'raw_input_contents'}."
        )
    values = getattr(tensor.contents, place)
    if tensor.datatype == "BYTES":
        return b"".join(struct.pack("<I", len(value)) + value for value in values)
    try:
        # Of a list: made of the message's own container, numbers too large would wrap around.
        return np.array(list(values), DATATYPES[tensor.datatype]).tobytes()
    except OverflowError as error:
        raise Misformed(
            f"The tensor {tensor.name[:100]!r} holds what {tensor.datatype} cannot: {error}."
        ) from error


def _response(reply: Reply) -> dict[str, Any]:
    """The fields of a response from a reply of raw tensors."""
    length = next(int(value) for name, value in reply.headers if name == _LENGTH)
    record, place = orjson.loads(reply.body[:length]), length
    raw, outputs = [], []
    for output in record["outputs"]:
        size = output["parameters"]["binary_data_size"]
        raw.append(reply.body[place : place + size])
        place += size
        outputs.append({name: output[name] for name in ("name", "datatype", "shape")})
    fields = {
        name: record[name] for name in ("model_name", "model_version", "id") if name in record
    }
    return {**fields, "outputs": outputs, "raw_output_contents": raw}

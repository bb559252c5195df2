"""The Open Inference Protocol over gRPC: its service, asked as the same protocol over HTTP is."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from seatrial.adapters.grpc.calls import Misformed, PlaneCalls, Service, model_path
from seatrial.adapters.grpc.oip_messages import CONTENTS, SERVICE, messages
from seatrial.serving.codec.tensor import DATATYPES, to_bytes
from seatrial.serving.codec.v2 import Infer, Tensor, Wanted


class OipService:
    """Answers the protocol's service.

    Args: calls: to the data plane.
    """

    def __init__(self, calls: PlaneCalls) -> None:
        self._calls, self._messages = calls, messages()

    def service(self) -> Service:
        """Its methods."""
        answers = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._model_infer,
        }
        return Service(SERVICE, {n: (self._messages[f"{n}Request"], a) for n, a in answers.items()})

    async def _server_live(self, _request: Any, _context: Any) -> Any:
        return self._messages["ServerLiveResponse"](
            live=await self._calls.says_yes("/v2/health/live")
        )

    async def _server_ready(self, _request: Any, _context: Any) -> Any:
        return self._messages["ServerReadyResponse"](
            ready=await self._calls.says_yes("/v2/health/ready")
        )

    async def _model_ready(self, request: Any, _context: Any) -> Any:
        ready = await self._calls.says_yes(f"{model_path(request.name, request.version)}/ready")
        return self._messages["ModelReadyResponse"](ready=ready)

    async def _server_metadata(self, _request: Any, context: Any) -> Any:
        return self._messages["ServerMetadataResponse"](
            **await self._calls.document("/v2", context)
        )

    async def _model_metadata(self, request: Any, context: Any) -> Any:
        record = await self._calls.document(model_path(request.name, request.version), context)
        return self._messages["ModelMetadataResponse"](**record)

    async def _model_infer(self, request: Any, context: Any) -> Any:
        path = model_path(request.model_name, request.model_version)
        reply = await self._calls.infer(path, _message(request), context)
        return self._messages["ModelInferResponse"](
            model_name=reply.model,
            model_version=str(reply.version),
            id=reply.id,
            outputs=[
                {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.values.shape}
                for tensor in reply.tensors
            ],
            raw_output_contents=[to_bytes(tensor.values) for tensor in reply.tensors],
        )


def _message(request: Any) -> Infer[bytes]:
    """What the body of the same request over HTTP would be read as.   Raises: Misformed."""
    inputs = [
        Tensor(tensor.name, list(tensor.shape), tensor.datatype, data, _plain(tensor.parameters))
        for tensor, data in zip(request.inputs, _contents(request), strict=True)
    ]
    outputs = [Wanted(wanted.name, _plain(wanted.parameters)) for wanted in request.outputs]
    return Infer(inputs, request.id or None, outputs or None, _plain(request.parameters))


def _contents(request: Any) -> list[bytes]:
    """The raw values of each input.   Raises: Misformed."""
    raw = list(request.raw_input_contents)
    if raw and len(raw) != len(request.inputs):
        raise Misformed(
            f"{len(request.inputs)} inputs have {len(raw)} raw contents. Send one for each."
        )
    if raw and any(tensor.HasField("contents") for tensor in request.inputs):
        raise Misformed("The inputs have contents and raw contents too. Send one of the two.")
    return raw or [_packed(tensor) for tensor in request.inputs]


def _plain(parameters: Any) -> dict[str, Any] | None:
    found = {}
    for name, value in parameters.items():
        which = value.WhichOneof("parameter_choice")
        if which is not None:
            found[name] = getattr(value, which)
    return found or None


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

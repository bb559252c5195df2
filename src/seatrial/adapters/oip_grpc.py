"""A server elsewhere, over the gRPC of the Open Inference Protocol v2; tensors go as raw bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.oip_messages import CONTENTS, SERVICE, messages
from seatrial.kernel.errors import MissingExtra, SeatrialError
from seatrial.serving.codec.tensor import dtype_of, from_bytes, to_bytes
from seatrial.serving.failures import (
    EngineNonsense,
    EngineRefused,
    EngineTimeout,
    EngineUnreachable,
)
from seatrial.serving.oip import ModelMetadata, Tensor, TensorSpec

_MOST_BYTES = 256 * 2**20
_SHOWN = 300


class GrpcOip:
    """See `serving.oip.OipServer`.

    Args:
        url: grpc or grpcs, with host and port.
        connect_s: for a connection to stand, > 0; the pauses between attempts are as long.
    Raises: MissingExtra.
    """

    def __init__(self, url: str, *, connect_s: float) -> None:
        try:
            import grpc.aio
            from google.protobuf.message import DecodeError
        except ImportError:
            raise MissingExtra("grpc", "grpc") from None
        self._grpc, self._messages, self._broken = grpc, messages(), DecodeError
        self._url, self._parts = url, urlsplit(url)
        self._connect_ms = max(100, round(1000 * connect_s))
        self._channel: Any = None

    async def ready(self, model: str, timeout_s: float) -> bool:
        """See `OipServer`."""
        try:
            return bool((await self._ask("ModelReady", timeout_s, name=model)).ready)
        except EngineRefused:  # some refuse to say it of a model they do not know
            return False

    async def metadata(self, model: str, timeout_s: float) -> ModelMetadata:
        """See `OipServer`."""
        found = await self._ask("ModelMetadata", timeout_s, name=model)
        return ModelMetadata(inputs=_specs(found.inputs), outputs=_specs(found.outputs))

    async def infer(
        self, model: str, inputs: Sequence[Tensor], outputs: Sequence[str], timeout_s: float
    ) -> dict[str, NDArray[Any]]:
        """See `OipServer`."""
        answer = await self._ask(
            "ModelInfer",
            timeout_s,
            model_name=model,
            inputs=[
                {"name": t.name, "datatype": t.datatype, "shape": t.values.shape} for t in inputs
            ],
            outputs=[{"name": name} for name in outputs],
            raw_input_contents=[to_bytes(t.values) for t in inputs],
        )
        try:
            return _arrays(answer)
        except (SeatrialError, ValueError) as problem:
            raise self._nonsense(str(problem)) from problem

    async def load(self, model: str, timeout_s: float) -> None:
        """See `OipServer`."""
        await self._ask("RepositoryModelLoad", timeout_s, model_name=model)

    async def unload(self, model: str, timeout_s: float) -> None:
        """See `OipServer`."""
        await self._ask("RepositoryModelUnload", timeout_s, model_name=model)

    async def close(self) -> None:
        """See `OipServer`."""
        if self._channel is not None:
            await self._channel.close()

    async def _ask(self, method: str, timeout_s: float, **fields: Any) -> Any:
        """The reply to one call.

        Raises: EngineUnreachable, EngineTimeout, EngineRefused, EngineNonsense.
        """
        if self._channel is None:  # it belongs to the loop it is made on
            self._channel = self._opened()
        call = self._channel.unary_unary(f"/{SERVICE}/{method}")
        request = self._messages[f"{method}Request"](**fields).SerializeToString()
        try:
            raw = await call(request, timeout=timeout_s)
        except self._grpc.aio.AioRpcError as error:
            raise self._failure(error, timeout_s) from error
        try:  # here, for gRPC itself gives None where it fails
            return self._messages[f"{method}Response"].FromString(raw)
        except self._broken as error:
            raise self._nonsense(str(error)) from error

    def _opened(self) -> Any:
        options = [
            ("grpc.max_receive_message_length", _MOST_BYTES),
            ("grpc.max_send_message_length", -1),
            ("grpc.initial_reconnect_backoff_ms", self._connect_ms),
            ("grpc.max_reconnect_backoff_ms", self._connect_ms),
            ("grpc.min_reconnect_backoff_ms", self._connect_ms),
            ("grpc.enable_http_proxy", 0),
        ]
        address = self._parts.netloc
        if self._parts.scheme == "grpcs":
            trust = self._grpc.ssl_channel_credentials()
            return self._grpc.aio.secure_channel(address, trust, options=options)
        return self._grpc.aio.insecure_channel(address, options=options)

    def _failure(self, error: Any, timeout_s: float) -> SeatrialError:
        code, said = error.code(), " ".join(str(error.details()).split())[:_SHOWN]
        status = self._grpc.StatusCode
        if code is status.DEADLINE_EXCEEDED:
            return EngineTimeout(
                f"{self._url} did not answer within {timeout_s:g} s.",
                remedy="See how busy the engine's server is, or give it more replicas.",
                timeout_s=timeout_s,
            )
        if code is status.UNIMPLEMENTED:
            return self._nonsense(said)
        if code is status.UNAVAILABLE:
            return EngineUnreachable(
                f"{self._url} cannot be reached: {said}",
                remedy="See whether the engine's server runs there, and engines.<name>.url.",
            )
        return EngineRefused(
            f"{self._url} answered {code.name}: {said}",
            remedy="Send the same rows to the engine itself; its log has the reason.",
            status=code.name,
        )

    def _nonsense(self, why: str) -> EngineNonsense:
        return EngineNonsense(
            f"{self._url} answered what is no Open Inference Protocol: {why[:_SHOWN]}",
            remedy="See whether engines.<name>.url is that of such a server.",
        )


def _specs(read: Any) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(name=s.name, datatype=s.datatype, shape=tuple(s.shape)) for s in read)


def _arrays(answer: Any) -> dict[str, NDArray[Any]]:
    """The outputs of a reply, raw or not.   Raises: SeatrialError, ValueError."""
    raw = answer.raw_output_contents
    if raw and len(raw) != len(answer.outputs):
        raise ValueError(f"{len(answer.outputs)} outputs have {len(raw)} raw contents")
    arrays: dict[str, NDArray[Any]] = {}
    for at, output in enumerate(answer.outputs):
        shape, dtype = tuple(output.shape), dtype_of(output.datatype, output.name)
        if not shape or min(shape) < 0:
            raise ValueError(f"the shape of {output.name!r} is {list(shape)}")
        if raw:
            values = from_bytes(memoryview(raw[at]), dtype, math.prod(shape), output.name)
        else:
            held = getattr(output.contents, CONTENTS.get(output.datatype, "bytes_contents"))
            values = _typed(held, dtype)
        arrays[output.name] = values.reshape(shape)
    return arrays


def _typed(held: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind != "O":
        return np.array(held, dtype)
    texts = np.empty(len(held), object)
    texts[:] = [bytes(value).decode() for value in held]
    return texts

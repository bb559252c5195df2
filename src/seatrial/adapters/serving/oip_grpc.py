"""A server elsewhere, over the gRPC of the Open Inference Protocol v2; tensors go as raw bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.grpc.oip_messages import CONTENTS, SERVICE, messages
from seatrial.adapters.serving.engine_grpc import EngineGrpc
from seatrial.kernel.errors import SeatrialError
from seatrial.serving.codec.tensor import dtype_of, from_bytes, to_bytes
from seatrial.serving.failures import EngineRefused
from seatrial.serving.oip import ModelMetadata, Tensor, TensorSpec


class GrpcOip:
    """See `serving.oip.OipServer`.

    Args:
        url: grpc or grpcs, with host and port.
        connect_s: for a connection to stand, > 0; the pauses between attempts are as long.
    Raises: MissingExtra.
    """

    def __init__(self, url: str, *, connect_s: float) -> None:
        self._grpc = EngineGrpc(url, connect_s=connect_s, protocol="Open Inference Protocol")
        self._messages = messages()

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
            raise self._grpc.nonsense(str(problem)) from problem

    async def load(self, model: str, timeout_s: float) -> None:
        """See `OipServer`."""
        await self._ask("RepositoryModelLoad", timeout_s, model_name=model)

    async def unload(self, model: str, timeout_s: float) -> None:
        """See `OipServer`."""
        await self._ask("RepositoryModelUnload", timeout_s, model_name=model)

    async def close(self) -> None:
        """See `OipServer`."""
        await self._grpc.close()

    async def _ask(self, method: str, timeout_s: float, **fields: Any) -> Any:
        """The reply to one call.   Raises: as `EngineGrpc.call`."""
        made = self._messages
        request = made[f"{method}Request"](**fields)
        reply = made[f"{method}Response"]
        return await self._grpc.call(f"{SERVICE}/{method}", request, reply, timeout_s)


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

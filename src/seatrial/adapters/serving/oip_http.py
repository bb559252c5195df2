"""A server elsewhere, over the HTTP of the Open Inference Protocol v2.

Tensors go as raw bytes where the server says that it reads them, else as JSON.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec
import orjson
from numpy.typing import NDArray

from seatrial.adapters.http.connection import Head
from seatrial.adapters.serving.engine_http import EngineHttp
from seatrial.kernel.errors import SeatrialError
from seatrial.serving.codec.tensor import dtype_of, flat, from_bytes, from_json, to_bytes
from seatrial.serving.exchange import shown
from seatrial.serving.oip import ModelMetadata, Tensor, TensorSpec

_BINARY = "binary_tensor_data"
_LENGTH = "inference-header-content-length"


class _Spec(msgspec.Struct):
    name: str
    datatype: str
    shape: list[int]


class _Metadata(msgspec.Struct):
    inputs: list[_Spec]
    outputs: list[_Spec]


class _Output(msgspec.Struct):
    name: str
    datatype: str
    shape: list[int]
    data: Any = None
    parameters: dict[str, Any] | None = None


class _Answer(msgspec.Struct):
    outputs: list[_Output]


class HttpOip:
    """See `serving.oip.OipServer`.

    Args:
        url: http or https, with the path that the protocol's own paths are under, if any.
        connect_s: for a connection to stand, > 0.
    Raises: MissingExtra.
    """

    def __init__(self, url: str, *, connect_s: float) -> None:
        self._http = EngineHttp(url, connect_s=connect_s, protocol="Open Inference Protocol")
        self._binary: bool | None = None

    async def ready(self, model: str, timeout_s: float) -> bool:
        """See `OipServer`."""
        head, _ = await self._http.ask("GET", f"{_model(model)}/ready", timeout_s)
        return head.status == 200

    async def metadata(self, model: str, timeout_s: float) -> ModelMetadata:
        """See `OipServer`."""
        body = await self._http.good("GET", _model(model), timeout_s)
        read = self._http.read(body, _Metadata)
        await self._learn(timeout_s)
        return ModelMetadata(inputs=_specs(read.inputs), outputs=_specs(read.outputs))

    async def infer(
        self, model: str, inputs: Sequence[Tensor], outputs: Sequence[str], timeout_s: float
    ) -> dict[str, NDArray[Any]]:
        """See `OipServer`."""
        if self._binary is None:
            await self._learn(timeout_s)
        binary = bool(self._binary)
        message, raw = _request(inputs, outputs, binary=binary)
        headers = {"Content-Type": "application/octet-stream" if raw else "application/json"}
        if raw:
            headers["Inference-Header-Content-Length"] = str(len(message))
        head, body = await self._http.ask(
            "POST", f"{_model(model)}/infer", timeout_s, b"".join([message, *raw]), headers
        )
        self._http.check(head, body)
        try:
            return _arrays(head, body)
        except (msgspec.MsgspecError, SeatrialError, ValueError, RecursionError) as problem:
            raise self._http.nonsense(str(problem)) from problem

    async def load(self, model: str, timeout_s: float) -> None:
        """See `OipServer`."""
        await self._http.good(
            "POST", f"/v2/repository/models/{quote(model, safe='')}/load", timeout_s
        )

    async def unload(self, model: str, timeout_s: float) -> None:
        """See `OipServer`."""
        await self._http.good(
            "POST", f"/v2/repository/models/{quote(model, safe='')}/unload", timeout_s
        )

    async def close(self) -> None:
        """See `OipServer`."""
        await self._http.close()

    async def _learn(self, timeout_s: float) -> None:
        """Whether the server reads raw tensors."""
        found = self._http.read(await self._http.good("GET", "/v2", timeout_s), dict[str, Any])
        extensions = found.get("extensions")
        self._binary = isinstance(extensions, list) and _BINARY in extensions


def _model(model: str) -> str:
    return f"/v2/models/{quote(model, safe='')}"


def _specs(read: Sequence[_Spec]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(name=s.name, datatype=s.datatype, shape=tuple(s.shape)) for s in read)


def _request(
    inputs: Sequence[Tensor], outputs: Sequence[str], *, binary: bool
) -> tuple[bytes, list[bytes]]:
    """The JSON part and the raw tensors after it."""
    raw: list[bytes] = []
    described: list[dict[str, object]] = []
    for tensor in inputs:
        record: dict[str, object] = {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": tensor.values.shape,
        }
        if binary:
            raw.append(to_bytes(tensor.values))
            record["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            record["data"] = tensor.values.ravel().tolist()
        described.append(record)
    wanted = [{"name": name, "parameters": {"binary_data": binary}} for name in outputs]
    return orjson.dumps({"inputs": described, "outputs": wanted}), raw


def _arrays(head: Head, body: bytes) -> dict[str, NDArray[Any]]:
    """The outputs of a reply.   Raises: MsgspecError, SeatrialError, ValueError."""
    told = head.headers.get(_LENGTH)
    size = len(body) if told is None else int(told)
    if not 0 < size <= len(body):
        raise ValueError(f"its header is {size} bytes long, its body {len(body)}")
    raw = memoryview(body)[size:]
    arrays: dict[str, NDArray[Any]] = {}
    for output in msgspec.json.decode(memoryview(body)[:size], type=_Answer).outputs:
        shape = output.shape
        if not shape or min(shape) < 0:
            raise ValueError(f"the shape of {shown(output.name)} is {shape}")
        n = math.prod(shape)
        dtype = dtype_of(output.datatype, output.name)
        n_bytes = (output.parameters or {}).get("binary_data_size")
        if n_bytes is None:
            values = flat(output.data, shape if len(shape) <= 2 else (n,), output.name)
            array = from_json(values, dtype, output.name, 1)
        else:
            if type(n_bytes) is not int or not 0 <= n_bytes <= len(raw):
                raise ValueError(f"the raw data of {shown(output.name)} is not there")
            array = from_bytes(raw[:n_bytes], dtype, n, output.name)
            raw = raw[n_bytes:]
        arrays[output.name] = array.reshape(shape)
    return arrays

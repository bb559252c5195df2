"""A server elsewhere, over the HTTP of the Open Inference Protocol v2.

Tensors go as raw bytes where the server says that it reads them, else as JSON. Only the configured
address is asked; redirects are not followed and proxies of the environment not used.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import orjson
from numpy.typing import NDArray

from seatrial.adapters.http_connection import Broken, Closed, Head, HttpConnection
from seatrial.adapters.http_pool import HttpPool, NotConnected
from seatrial.kernel.errors import SeatrialError
from seatrial.serving.codec.tensor import dtype_of, flat, from_bytes, from_json, to_bytes
from seatrial.serving.exchange import shown
from seatrial.serving.failures import (
    EngineNonsense,
    EngineRefused,
    EngineTimeout,
    EngineUnreachable,
)
from seatrial.serving.oip import ModelMetadata, Tensor, TensorSpec

_KEEP_ALIVE_S = 30.0
_MOST_BYTES = 256 * 2**20
_BINARY = "binary_tensor_data"
_LENGTH = "inference-header-content-length"
_SHOWN = 300


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
        parts = urlsplit(url)
        self._url, self._path, self._host = url, parts.path.rstrip("/"), parts.netloc
        self._pool = HttpPool(url, connect_s=connect_s, keep_alive_s=_KEEP_ALIVE_S, extra="engines")
        self._binary: bool | None = None

    async def ready(self, model: str, timeout_s: float) -> bool:
        """See `OipServer`."""
        head, _ = await self._ask("GET", f"{_model(model)}/ready", timeout_s)
        return head.status == 200

    async def metadata(self, model: str, timeout_s: float) -> ModelMetadata:
        """See `OipServer`."""
        body = await self._good("GET", _model(model), timeout_s)
        read = self._read(body, _Metadata)
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
        head, body = await self._ask(
            "POST", f"{_model(model)}/infer", timeout_s, b"".join([message, *raw]), headers
        )
        self._check(head, body)
        try:
            return _arrays(head, body)
        except (msgspec.MsgspecError, SeatrialError, ValueError, RecursionError) as problem:
            raise self._nonsense(str(problem)) from problem

    async def load(self, model: str, timeout_s: float) -> None:
        """See `OipServer`."""
        await self._good("POST", f"/v2/repository/models/{quote(model, safe='')}/load", timeout_s)

    async def unload(self, model: str, timeout_s: float) -> None:
        """See `OipServer`."""
        await self._good("POST", f"/v2/repository/models/{quote(model, safe='')}/unload", timeout_s)

    async def close(self) -> None:
        """See `OipServer`."""
        await self._pool.close()

    async def _learn(self, timeout_s: float) -> None:
        """Whether the server reads raw tensors."""
        found = self._read(await self._good("GET", "/v2", timeout_s), dict[str, Any])
        extensions = found.get("extensions")
        self._binary = isinstance(extensions, list) and _BINARY in extensions

    async def _good(self, method: str, path: str, timeout_s: float) -> bytes:
        """The body of a reply of 200."""
        head, body = await self._ask(method, path, timeout_s)
        self._check(head, body)
        return body

    def _check(self, head: Head, body: bytes) -> None:
        if head.status == 200:
            return
        if head.status in (502, 503, 504):  # a proxy, or a server that is not ready
            raise EngineUnreachable(
                f"{self._url} answered {head.status}: {_said(body)}",
                remedy="See whether the engine's server runs and has room.",
                status=head.status,
            )
        raise EngineRefused(
            f"{self._url} answered {head.status}: {_said(body)}",
            remedy="Send the same rows to the engine itself; its log has the reason.",
            status=head.status,
        )

    async def _ask(
        self,
        method: str,
        path: str,
        timeout_s: float,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Head, bytes]:
        """Ask, on a kept connection or a new one; once more where a kept one was closed meanwhile.

        Raises: EngineUnreachable, EngineTimeout, EngineNonsense.
        """
        until = asyncio.get_running_loop().time() + timeout_s
        request = self._request(method, path, body, headers or {})
        while True:
            kept = self._pool.take()
            try:
                connection = kept or await self._pool.connect(until)
            except NotConnected as problem:
                raise self._unreachable(problem.__cause__ or problem) from problem
            try:
                return await _answer(connection, request, until)
            except TimeoutError as late:
                raise EngineTimeout(
                    f"{self._url} did not answer within {timeout_s:g} s.",
                    remedy="See how busy the engine's server is, or give it more replicas.",
                    timeout_s=timeout_s,
                ) from late
            except Closed as closed:
                if kept is None or connection.told is not None:
                    raise self._unreachable(closed) from closed
            except Broken as broken:
                raise self._nonsense(str(broken) or type(broken).__name__) from broken

    def _request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        lines = [
            f"{method} {self._path}{path} HTTP/1.1",
            f"Host: {self._host}",
            "Accept-Encoding: identity",
            *(f"{name}: {value}" for name, value in headers.items()),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body

    def _read(self, body: bytes, kind: type[Any]) -> Any:
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
            raise self._nonsense(str(problem)) from problem

    def _unreachable(self, cause: BaseException) -> EngineUnreachable:
        why = str(cause) or type(cause).__name__
        return EngineUnreachable(
            f"{self._url} cannot be reached: {why}.",
            remedy="See whether the engine's server runs there, and engines.<name>.url.",
        )

    def _nonsense(self, why: str) -> EngineNonsense:
        return EngineNonsense(
            f"{self._url} answered what is no Open Inference Protocol: {why[:_SHOWN]}",
            remedy="See whether engines.<name>.url is that of such a server.",
        )


async def _answer(connection: HttpConnection, request: bytes, until: float) -> tuple[Head, bytes]:
    try:
        connection.ask(request, most=_MOST_BYTES)
        return await connection.whole(until)
    finally:
        connection.leave()


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


def _said(body: bytes) -> str:
    """What an error reply says, for people."""
    try:
        found = orjson.loads(body)
        text = found["error"] if isinstance(found, dict) and "error" in found else found
    except ValueError:
        text = body.decode("utf-8", "replace")
    return " ".join(str(text).split())[:_SHOWN] or "nothing"

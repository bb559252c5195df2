"""Every way to a server elsewhere against the suite; the servers are doubles, on loopback.

The real ones are asked in `tests/integration/test_triton.py` and `test_torchserve.py`.
"""

from __future__ import annotations

import asyncio
import json
import re
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray

from seatrial.adapters.serving.oip_grpc import GrpcOip
from seatrial.adapters.serving.oip_http import HttpOip
from seatrial.adapters.serving.tfserving_server import TfServingGrpc, TfServingHttp
from seatrial.adapters.serving.torchserve_server import TorchServe
from seatrial.serving.failures import EngineNonsense, EngineTimeout
from seatrial.serving.oip import OipServer
from seatrial.testing.memory_oip import MODEL, Fault, MemoryOip, OipWorld
from seatrial.testing.oip_server_suite import OipServerSuite
from tests.conformance import tf_serving_double
from tests.conformance.http_double import over_http

NUMPY = {"FP64": np.float64, "BOOL": np.bool_}
WORDS = {"f": "FP64", "b": "BOOL", "O": "BYTES"}


def to_raw(values: NDArray[Any]) -> bytes:
    if values.dtype.kind != "O":
        return values.tobytes()
    parts = [text.encode() for text in values.ravel().tolist()]
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def of_raw(raw: bytes, datatype: str, shape: list[int]) -> NDArray[Any]:
    if datatype != "BYTES":
        return np.frombuffer(raw, NUMPY[datatype]).reshape(shape)
    texts = []
    while raw:
        (n,) = struct.unpack("<I", raw[:4])
        texts.append(raw[4 : 4 + n].decode())
        raw = raw[4 + n :]
    return np.array(texts, object).reshape(shape)


class TestMemoryOip(OipServerSuite):
    @pytest.fixture
    def world(self) -> OipWorld:
        return OipWorld()

    @pytest.fixture
    def server(self, world: OipWorld) -> OipServer:
        return MemoryOip(world)


class HttpDouble:
    """The protocol over HTTP, as its specification says; with raw tensors or without."""

    def __init__(self, world: OipWorld, *, binary: bool) -> None:
        self.world, self.binary = world, binary
        self.asked: list[tuple[str, str]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            method, path = head.split(b" ")[:2]
            told = {k.lower(): v for k, v in re.findall(rb"(?m)^([^\s:]+): ([^\r]*)", head)}
            body = await reader.readexactly(int(told[b"content-length"]))
            self.asked.append((method.decode(), path.decode()))
            if self.world.fault is Fault.GONE:
                writer.transport.abort()
                return
            if self.world.fault is Fault.SLOW:
                await asyncio.sleep(0.3)
            status, headers, answer = self._answer(path.decode(), told, body)
            lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(answer)}", *headers]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + answer)

    def _answer(self, path: str, told: Any, body: bytes) -> tuple[int, list[str], bytes]:
        world = self.world
        if world.fault is Fault.RAMBLING:
            return 200, [], b"<html>welcome</html>"
        if path == "/v2":
            extensions = ["binary_tensor_data"] if self.binary else []
            return 200, [], json.dumps({"name": "d", "extensions": extensions}).encode()
        if found := re.fullmatch(r"/v2/repository/models/([^/]+)/(load|unload)", path):
            if found[2] == "unload":
                world.loaded.discard(found[1])
            elif found[1] not in world.models:
                return 400, [], b'{"error":"failed to load"}'
            else:
                world.loaded.add(found[1])
            return 200, [], b""
        found = re.fullmatch(r"/v2/models/([^/]+)(/ready|/infer)?", path)
        assert found is not None
        if found[1] not in world.loaded:
            return 400, [], b'{"error":"unknown model"}'
        if found[2] == "/ready":
            return 200, [], b""
        if world.fault is Fault.REFUSING:
            return 500, [], b'{"error":"it failed"}'
        return self._infer(found[1], told, body) if found[2] else self._described()

    def _described(self) -> tuple[int, list[str], bytes]:
        record = {
            kind: [
                {"name": t.name, "datatype": t.datatype, "shape": t.shape}
                for t in getattr(self.world.described, kind)
            ]
            for kind in ("inputs", "outputs")
        }
        return 200, [], json.dumps({"name": "words", **record}).encode()

    def _infer(self, model: str, told: Any, body: bytes) -> tuple[int, list[str], bytes]:
        size = int(told.get(b"inference-header-content-length", len(body)))
        asked, raw = json.loads(body[:size]), body[size:]
        assert self.binary == bool(raw)
        arrays = {}
        for tensor in asked["inputs"]:
            n = tensor.get("parameters", {}).get("binary_data_size", 0)
            if self.binary:
                values = of_raw(raw[:n], tensor["datatype"], tensor["shape"])
                raw = raw[n:]
            else:
                values = np.array(tensor["data"], NUMPY.get(tensor["datatype"], object))
            arrays[tensor["name"]] = values
        answers = self.world.models[model](arrays)
        outputs, parts = [], []
        for wanted in asked["outputs"]:
            values = answers[wanted["name"]]
            record: dict[str, Any] = {
                "name": wanted["name"],
                "shape": values.shape,
                "datatype": WORDS[values.dtype.kind],
            }
            if self.binary:
                parts.append(to_raw(values))
                record["parameters"] = {"binary_data_size": len(parts[-1])}
            else:
                record["data"] = [None if v != v else v for v in values.ravel().tolist()]
            outputs.append(record)
        head = json.dumps({"outputs": outputs}).encode()
        length = [f"Inference-Header-Content-Length: {len(head)}"] if self.binary else []
        return 200, length, b"".join([head, *parts])


class OverHttp(OipServerSuite):
    binary = True

    @pytest.fixture
    def world(self) -> OipWorld:
        return OipWorld()

    @pytest.fixture
    async def double(self, world: OipWorld) -> AsyncIterator[tuple[HttpDouble, str]]:
        double = HttpDouble(world, binary=self.binary)
        serving: set[asyncio.Task[None] | None] = set()

        async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            serving.add(asyncio.current_task())
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await double.serve(reader, writer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

        listening = await asyncio.start_server(quietly, "127.0.0.1", 0)
        yield double, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        listening.close()
        await asyncio.gather(*filter(None, serving))

    @pytest.fixture
    async def server(self, double: tuple[HttpDouble, str]) -> AsyncIterator[OipServer]:
        server = HttpOip(double[1], connect_s=5.0)
        yield server
        await server.close()


class TestHttpOip(OverHttp):
    """With raw tensors, as Triton reads them."""


class TestHttpOipJson(OverHttp):
    """Without, as MLServer and KServe have it."""

    binary = False


class TorchServeDouble:
    """TorchServe's two interfaces on one port, as its pages describe them; ours is the handler."""

    def __init__(self, world: OipWorld) -> None:
        self.world = world
        self.starting: dict[str, int] = {}  # models that are ready after so many looks

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        world, route = self.world, urlsplit(path)
        if world.fault is Fault.RAMBLING:
            return 200, b"<html>welcome</html>"
        if (method, route.path) == ("POST", "/models"):
            asked = dict(parse_qsl(route.query))
            assert asked.keys() == {"url", "model_name", "initial_workers", "synchronous"}
            if asked["url"] not in world.models:
                return 404, b'{"code": 404, "type": "ModelNotFoundException", "message": "no"}'
            if asked["model_name"] in world.loaded | self.starting.keys():
                return 409, b'{"code": 409, "message": "already registered"}'
            world.loaded.add(asked["model_name"])
            return 200, b'{"status": "registered"}'
        _, kind, model = route.path.split("/")
        if (left := self.starting.pop(model, None)) is not None and method == "GET":
            if left:
                self.starting[model] = left - 1
                told: dict[str, Any] = {"modelName": model, "workers": [{"status": "UNLOADING"}]}
                return 200, json.dumps([told]).encode()
            world.loaded.add(model)
        if unquote(model) not in world.loaded:
            return 404, b'{"code": 404, "type": "ModelNotFoundException", "message": "no"}'
        if kind == "predictions":
            return self._predicted(model, body)
        if method == "DELETE":
            world.loaded.discard(model)
            return 200, b'{"status": "unregistered"}'
        told = {"modelName": model, "workers": [{"status": "READY"}]}
        if route.query == "customized=true":
            told["customizedMetadata"] = described(world)
        return 200, json.dumps([told]).encode()

    def _predicted(self, model: str, body: bytes) -> tuple[int, bytes]:
        if self.world.fault is Fault.REFUSING:
            return 500, b'{"code": 500, "message": "it failed"}'
        given = json.loads(body)["inputs"]
        arrays = {
            tensor.name: np.array(given[tensor.name], NUMPY.get(tensor.datatype, object))
            for tensor in self.world.described.inputs
        }
        answers = self.world.models[model](arrays)
        outputs = {name: values.tolist() for name, values in answers.items()}
        return 200, json.dumps({"outputs": outputs}).encode()


def described(world: OipWorld) -> dict[str, Any]:
    return {
        kind: [
            {"name": t.name, "datatype": t.datatype, "shape": t.shape}
            for t in getattr(world.described, kind)
        ]
        for kind in ("inputs", "outputs")
    }


class TestTorchServe(OipServerSuite):
    """The real one is asked in `tests/integration/test_torchserve.py`."""

    @pytest.fixture
    def world(self) -> OipWorld:
        return OipWorld()

    @pytest.fixture
    def double(self, world: OipWorld) -> TorchServeDouble:
        return TorchServeDouble(world)

    @pytest.fixture
    async def server(self, world: OipWorld, double: TorchServeDouble) -> AsyncIterator[OipServer]:
        async with over_http(world, double.answer) as url:
            server = TorchServe(url, management=url, workers=1, connect_s=5.0)
            yield server
            await server.close()

    async def test_one_that_another_worker_registers_is_waited_for(
        self, server: OipServer, double: TorchServeDouble
    ) -> None:
        double.starting[MODEL] = 2
        await server.load(MODEL, 10.0)
        assert await server.ready(MODEL, 10.0)
        double.starting[MODEL] = 1000
        double.world.loaded.clear()
        with pytest.raises(EngineTimeout, match=MODEL):
            await server.load(MODEL, 0.05)

    async def test_a_model_whose_handler_is_not_ours_is_refused(
        self, server: OipServer, world: OipWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(globals(), "described", lambda _: None)
        world.loaded.add(MODEL)
        with pytest.raises(EngineNonsense, match="does not describe"):
            await server.metadata(MODEL, 10.0)


class TestTfServingHttp(OipServerSuite):
    """The double is asked by Google's own client in `tests/integration`."""

    loads = False

    @pytest.fixture
    def world(self) -> OipWorld:
        return OipWorld()

    @pytest.fixture
    async def server(self, world: OipWorld) -> AsyncIterator[OipServer]:
        async with over_http(world, tf_serving_double.RestDouble(world).answer) as url:
            server = TfServingHttp(url, connect_s=5.0)
            yield server
            await server.close()


class TestTfServingGrpc(OipServerSuite):
    """The same over gRPC."""

    loads = False

    @pytest.fixture
    def world(self) -> OipWorld:
        return OipWorld()

    @pytest.fixture
    async def server(self, world: OipWorld) -> AsyncIterator[OipServer]:
        async with tf_serving_double.over_grpc(world) as address:
            server = TfServingGrpc(f"grpc://{address}", connect_s=1.0)
            yield server
            await server.close()


class GrpcDouble:
    """The protocol over gRPC, by messages made of the same table: Triton proves the table."""

    def __init__(self, world: OipWorld) -> None:
        self.world = world

    async def answer(self, method: str, request: Any, context: Any) -> Any:
        import grpc

        from seatrial.adapters.grpc.oip_messages import messages

        reply, world = messages()[f"{method}Response"], self.world
        if world.fault is Fault.GONE:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        if world.fault is Fault.SLOW:
            await asyncio.sleep(0.3)
        if world.fault is Fault.RAMBLING:
            return b"\xff\xff\xff"
        if method == "ModelReady":
            return reply(ready=request.name in world.loaded).SerializeToString()
        if method == "RepositoryModelLoad":
            if request.model_name not in world.models:
                await context.abort(grpc.StatusCode.NOT_FOUND, "failed to load")
            world.loaded.add(request.model_name)
            return b""
        if method == "RepositoryModelUnload":
            world.loaded.discard(request.model_name)
            return b""
        if world.fault is Fault.REFUSING:
            await context.abort(grpc.StatusCode.INTERNAL, "it failed")
        if method == "ModelMetadata":
            record = {
                kind: [
                    {"name": t.name, "datatype": t.datatype, "shape": t.shape}
                    for t in getattr(world.described, kind)
                ]
                for kind in ("inputs", "outputs")
            }
            return reply(**record).SerializeToString()
        arrays = {
            tensor.name: of_raw(raw, tensor.datatype, list(tensor.shape))
            for tensor, raw in zip(request.inputs, request.raw_input_contents, strict=True)
        }
        answers = world.models[request.model_name](arrays)
        outputs = {wanted.name: answers[wanted.name] for wanted in request.outputs}
        return reply(
            outputs=[
                {"name": n, "datatype": WORDS[v.dtype.kind], "shape": v.shape}
                for n, v in outputs.items()
            ],
            raw_output_contents=[to_raw(v) for v in outputs.values()],
        ).SerializeToString()


class TestGrpcOip(OipServerSuite):
    @pytest.fixture
    def world(self) -> OipWorld:
        return OipWorld()

    @pytest.fixture
    async def server(self, world: OipWorld) -> AsyncIterator[OipServer]:
        import grpc
        import grpc.aio

        from seatrial.adapters.grpc.oip_messages import SERVICE, messages, methods

        double = GrpcDouble(world)

        def handler(method: str, request: str) -> Any:
            async def answer(message: Any, context: Any) -> Any:
                return await double.answer(method, message, context)

            return grpc.unary_unary_rpc_method_handler(
                answer, request_deserializer=messages()[request].FromString
            )

        handlers = {
            path.rpartition("/")[2]: handler(path.rpartition("/")[2], request)
            for path, request, _ in methods()
        }
        listening = grpc.aio.server()
        listening.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, handlers),)
        )
        port = listening.add_insecure_port("127.0.0.1:0")
        await listening.start()
        server = GrpcOip(f"grpc://127.0.0.1:{port}", connect_s=1.0)
        yield server
        await server.close()
        await listening.stop(None)

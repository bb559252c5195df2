"""Engines that answer nonsense, slowly or not at all: over HTTP and over gRPC, byte by byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
import pytest

from seatrial.adapters.serving.oip_grpc import GrpcOip
from seatrial.adapters.serving.oip_http import HttpOip
from seatrial.kernel.errors import SeatrialError
from seatrial.serving.failures import (
    EngineNonsense,
    EngineRefused,
    EngineTimeout,
    EngineUnreachable,
)
from seatrial.serving.oip import Tensor

TIMEOUT_S = 0.4
ROWS = Tensor(name="x", datatype="FP64", values=np.zeros((2, 2)))
SERVER = b'{"name": "d", "extensions": ["binary_tensor_data"]}'


def reply(body: bytes, *headers: str, status: int = 200, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} x", *headers]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def tensor(raw: bytes = b"", head: str | None = None, **named: Any) -> bytes:
    """A reply with one output ``y``."""
    output = {"name": "y", "datatype": "FP64", "shape": [2], **named}
    text = json.dumps({"outputs": [output]}).encode()
    told = str(len(text)) if head is None else head
    return reply(text + raw, *([f"Inference-Header-Content-Length: {told}"] if raw or head else []))


def sized(n: Any, raw: bytes) -> bytes:
    return tensor(raw, parameters={"binary_data_size": n})


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[int]:
    """A server on loopback; whoever is still talking at the end is cut off."""
    tasks: set[asyncio.Task[None] | None] = set()

    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(held, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for task in tasks:
        assert task is not None
        task.cancel()
    await asyncio.gather(*filter(None, tasks), return_exceptions=True)


def answering(answer: bytes) -> Talk:
    """Says rightly what it is, and answers every other request with some bytes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            (length,) = (w[16:] for w in head.split(b"\r\n") if w.startswith(b"Content-Length: "))
            await reader.readexactly(int(length))
            writer.write(reply(SERVER) if b" /v2 " in head else answer)
            if not answer:
                return

    return talk


async def hanging(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    await asyncio.Event().wait()


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte now and then: each is on time, the whole never."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 x\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def babbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Headers without end."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 x\r\n" + b"A: b\r\n" * 50_000)
    await writer.drain()
    await asyncio.Event().wait()


async def infer(port: int) -> Any:
    server = HttpOip(f"http://127.0.0.1:{port}", connect_s=TIMEOUT_S)
    try:
        return await server.infer("m", [ROWS], ["y"], TIMEOUT_S)
    finally:
        await server.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(b"<html>welcome</html>"), EngineNonsense),
        (reply(b""), EngineNonsense),
        (reply(b"null"), EngineNonsense),
        (reply(b"[" * 1_000_000), EngineNonsense),
        (reply(b"\xff\xfe\x00"), EngineNonsense),
        (b"SSH-2.0-OpenSSH_9.6\r\n", EngineNonsense),
        (reply(b"", "Location: http://127.0.0.1:1/", status=301), EngineRefused),
        (reply(b"no", status=404), EngineRefused),
        (reply(b"\x00\xff" * 999, status=500), EngineRefused),
        (reply(b"bad gateway", status=502), EngineUnreachable),
        (reply(b"{}", length=1 << 60), EngineTimeout),
        (reply(b"{}", length=-1), EngineNonsense),
        (b"", EngineUnreachable),
        (reply(b'{"outputs": []}', "Content-Encoding: gzip"), EngineNonsense),
        (tensor(data=[1.0]), EngineNonsense),
        (tensor(data=[[[1.0, 2.0]]]), EngineNonsense),
        (tensor(data=["a", "b"]), EngineNonsense),
        (tensor(data=None), EngineNonsense),
        (tensor(data={"0": 1}), EngineNonsense),
        (tensor(data=[1.0, 2.0], datatype="FP128"), EngineNonsense),
        (tensor(data=[1.0, 2.0], shape=[-2]), EngineNonsense),
        (tensor(data=[1.0, 2.0], shape=[]), EngineNonsense),
        (tensor(data=[1.0, 2.0], shape=[1 << 62, 1 << 62]), EngineNonsense),
        (tensor(data=[1.0, 2.0], shape="two"), EngineNonsense),
        (tensor(data=[1, 1 << 80], datatype="INT64"), EngineNonsense),
        (sized(16, bytes(15)), EngineNonsense),
        (sized(8, bytes(16)), EngineNonsense),
        (sized(-1, bytes(16)), EngineNonsense),
        (sized("16", bytes(16)), EngineNonsense),
        (tensor(bytes(16), head="99999", parameters={"binary_data_size": 16}), EngineNonsense),
        (tensor(bytes(16), head="-5", parameters={"binary_data_size": 16}), EngineNonsense),
        (tensor(bytes(16), head="x", parameters={"binary_data_size": 16}), EngineNonsense),
    ],
)
async def test_what_is_no_answer_is_typed_with_a_way_out(
    answer: bytes, error: type[SeatrialError]
) -> None:
    async with listening(answering(answer)) as port:
        with pytest.raises(error) as caught:
            await infer(port)
    assert type(caught.value) is error
    assert f"127.0.0.1:{port}" in caught.value.problem
    assert len(caught.value.problem) < 500
    assert caught.value.remedy


@pytest.mark.parametrize("talk", [hanging, dripping])
async def test_a_slow_engine_ends_with_the_time_of_its_request(talk: Talk) -> None:
    async with listening(talk) as port:
        begun = asyncio.get_running_loop().time()
        with pytest.raises(EngineTimeout, match=r"within 0\.4 s"):
            await infer(port)
        assert asyncio.get_running_loop().time() - begun < TIMEOUT_S * 5


async def test_headers_without_end_are_cut_off() -> None:
    async with listening(babbling) as port:
        with pytest.raises(EngineNonsense):
            await infer(port)


async def test_a_port_where_nobody_listens_is_named() -> None:
    async with listening(hanging) as port:
        pass
    with pytest.raises(EngineUnreachable, match=f"127.0.0.1:{port} cannot be reached"):
        await infer(port)


@pytest.mark.parametrize("talk", [hanging, answering(reply(b"<html>welcome</html>"))])
async def test_a_server_that_speaks_no_grpc_is_unreachable_or_late(talk: Talk) -> None:
    async with listening(talk) as port:
        server = GrpcOip(f"grpc://127.0.0.1:{port}", connect_s=TIMEOUT_S)
        try:
            with pytest.raises((EngineUnreachable, EngineTimeout)) as caught:
                await server.infer("m", [ROWS], ["y"], TIMEOUT_S)
        finally:
            await server.close()
    assert caught.value.remedy

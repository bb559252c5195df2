"""Many streams open at once, and one that nobody reads: what they keep in a gateway's memory.

The upstream holds every stream after its first word until it is told to go on. The flood is one
stream that it writes as fast as it is taken, and whose client stops reading.
"""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from benchmarks.gateway.apps.words import FLOOD_BYTES, WORDS
from benchmarks.gateway.streams import StreamWrong
from benchmarks.serving.server import HOST

LIMIT_S = 120.0
"""For all streams to begin, and again for all to end."""
_AT_ONCE = 100
_STILL_S = 0.5
_END = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Memory of a gateway, in MB.

    Args: rest: before; streaming: with all streams open; flooded: while one is not read, over what
        it was just before.
    """

    rest: float
    streaming: float
    flooded: float


def weigh(
    port: int,
    upstream_port: int,
    requests: Sequence[bytes],
    flood: bytes,
    memory_mb: Callable[[], float],
) -> Weights:
    """Open all streams, let them end, then leave one unread for a while.

    Args:
        requests: each of a stream, as it travels.
        flood: that of the stream whose answer is `FLOOD_BYTES` long.
    Raises: StreamWrong: a stream did not begin, or did not end whole; OSError.
    """
    rest = memory_mb()
    try:
        streaming = asyncio.run(_all_open(port, upstream_port, requests, memory_mb))
        before = memory_mb()
        flooded = asyncio.run(_unread(port, flood, memory_mb)) - before
    except TimeoutError:
        raise StreamWrong(f"not all streams began and ended within {LIMIT_S:g} s") from None
    finally:
        _tell(upstream_port, "/release")
    return Weights(rest=rest, streaming=streaming, flooded=flooded)


async def _all_open(
    port: int, upstream_port: int, requests: Sequence[bytes], memory_mb: Callable[[], float]
) -> float:
    _tell(upstream_port, "/hold")
    entrance = asyncio.Semaphore(_AT_ONCE)

    async def begin(request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
        async with entrance:
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(request)
            return reader, writer, await _until(reader, f'"{WORDS[0]}"'.encode())

    async with asyncio.timeout(LIMIT_S):
        streams = await asyncio.gather(*map(begin, requests))
    weighed = memory_mb()
    _tell(upstream_port, "/release")
    async with asyncio.timeout(LIMIT_S):
        ended = await asyncio.gather(*(_until(reader, _END, heard) for reader, _, heard in streams))
    for _, writer, _ in streams:
        await _closed(writer)
    for heard in ended:
        if b" 200 " not in heard[:15] or b"[DONE]" not in heard or WORDS[-1].encode() not in heard:
            raise StreamWrong(f"a stream of many is wrong: {heard[:300]!r}")
    return weighed


async def _unread(port: int, flood: bytes, memory_mb: Callable[[], float]) -> float:
    """Memory while nobody reads; the stream is read to its end afterwards."""
    async with asyncio.timeout(LIMIT_S):
        reader, writer = await asyncio.open_connection(HOST, port, limit=4096)
        writer.write(flood)
        n_heard = len(await reader.read(100))
        weighed, before = memory_mb(), -1.0
        while abs(weighed - before) > 0.1:
            before = weighed
            await asyncio.sleep(_STILL_S)
            weighed = memory_mb()
        tail = b""
        while data := await reader.read(1 << 20):
            n_heard += len(data)
            tail = (tail + data)[-200:]
            if tail.endswith(_END):
                break
    await _closed(writer)
    if n_heard < 0.9 * FLOOD_BYTES or b"[DONE]" not in tail:
        raise StreamWrong(f"of the stream that waited {n_heard:,} bytes came, to {tail!r}")
    return weighed


async def _until(reader: asyncio.StreamReader, mark: bytes, heard: bytes = b"") -> bytes:
    while mark not in heard:
        data = await reader.read(65536)
        if not data:
            raise StreamWrong(f"a stream of many broke off: {heard[-300:]!r}")
        heard += data
    return heard


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def _tell(port: int, what: str) -> None:
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request("GET", what)
        connection.getresponse().read()
    finally:
        connection.close()

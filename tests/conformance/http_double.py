"""HTTP for doubles of servers, with the faults that a world can have."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from inspect import isawaitable

from seatrial.testing.memory_oip import Fault, OipWorld

Answer = tuple[int, bytes]
Serve = Callable[[str, str, bytes], Answer | Awaitable[Answer]]


@asynccontextmanager
async def over_http(world: OipWorld, answer: Serve) -> AsyncIterator[str]:
    """The address of a double that answers method, path and body with status and body."""
    serving: set[asyncio.Task[None] | None] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            method, path = head.split(b" ")[:2]
            length = re.search(rb"(?mi)^content-length: (\d+)", head)
            assert length is not None
            body = await reader.readexactly(int(length[1]))
            if world.fault is Fault.GONE:
                writer.transport.abort()
                return
            if world.fault is Fault.SLOW:
                await asyncio.sleep(0.3)
            found = answer(method.decode(), path.decode(), body)
            status, reply = await found if isawaitable(found) else found
            writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: {len(reply)}\r\n\r\n".encode())
            writer.write(reply)

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await talk(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    listening = await asyncio.start_server(quietly, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    listening.close()
    await asyncio.gather(*filter(None, serving))

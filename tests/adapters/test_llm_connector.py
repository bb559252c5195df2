import asyncio
import os
import socket
from typing import Any

import aiohttp
import uvloop

from seatrial.adapters.llm_connector import connector


async def cancelled_when_connected(session: aiohttp.ClientSession, pool: Any, url: str) -> None:
    """A request that is given up in the very moment in which its connection comes to be."""
    loop = asyncio.get_running_loop()
    make = pool._factory

    def factory() -> Any:
        loop.call_soon(asking.cancel)
        return make()

    pool._factory = factory
    asking = asyncio.ensure_future(session.post(url, data=b"x"))
    await asyncio.wait({asking})
    pool._factory = make
    assert asking.cancelled()


def test_a_connection_that_nobody_waits_for_closes_no_file_of_somebody_else() -> None:
    async def body(url: str) -> None:
        pool = connector(keepalive_timeout=1)
        async with aiohttp.ClientSession(connector=pool) as session:
            for _ in range(30):
                await cancelled_when_connected(session, pool, url)
                file = os.open(os.devnull, os.O_RDONLY)
                for _ in range(5):
                    await asyncio.sleep(0)
                os.fstat(file)  # raises for a number that was closed meanwhile
                os.close(file)
            assert len(asyncio.all_tasks()) == 1

    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        uvloop.run(body(url))


def test_a_connection_that_is_waited_for_is_used_and_kept() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    async def body() -> int:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with aiohttp.ClientSession(connector=connector(keepalive_timeout=5)) as session:
            for _ in range(2):
                async with session.get(url) as reply:
                    assert await reply.text() == "ok"
        server.close()
        await server.wait_closed()
        return 2

    assert uvloop.run(body()) == 2


def test_what_cannot_be_connected_is_told() -> None:
    async def body() -> str:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            url = f"http://127.0.0.1:{gone.getsockname()[1]}/"
        async with aiohttp.ClientSession(connector=connector(keepalive_timeout=5)) as session:
            try:
                await session.get(url)
            except aiohttp.ClientConnectorError as error:
                return type(error).__name__
        return ""

    assert uvloop.run(body()).startswith("ClientConnector")

"""Connections that are kept, and those that nobody waits for."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import uvloop

from seatrial.adapters.http.pool import HttpPool, NotConnected

REQUEST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    handlers = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await reader.readexactly(len(REQUEST)):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*handlers)


def in_s(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def asked(pool: HttpPool) -> object:
    connection = pool.take() or await pool.connect(in_s(10))
    connection.ask(REQUEST, most=100)
    assert (await connection.whole(in_s(10)))[1] == b"ok"
    connection.leave()
    return connection


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_connection_is_kept_and_asked_again(run) -> None:
    async def body() -> None:
        async with serving() as url:
            pool = HttpPool(url, connect_s=5, keep_alive_s=5)
            first = await asked(pool)
            assert await asked(pool) is first
            assert len(set(await asyncio.gather(*(asked(pool) for _ in range(5))))) == 5
            await pool.close()
            assert pool.take() is None

    run(body())


def test_one_that_was_free_for_long_is_closed() -> None:
    async def body() -> None:
        async with serving() as url:
            pool = HttpPool(url, connect_s=5, keep_alive_s=0.02)
            first = await asked(pool)
            await asyncio.sleep(0.1)
            assert first.closing
            assert pool.take() is None
            assert await asked(pool) is not first
            await pool.close()

    uvloop.run(body())


def test_a_connection_that_nobody_waits_for_closes_no_file_of_somebody_else() -> None:
    async def given_up(pool: HttpPool, after: int) -> None:
        """A call that is given up after so many turns of the loop."""
        connecting = asyncio.ensure_future(pool.connect(in_s(10)))
        for _ in range(after):
            await asyncio.sleep(0)
        connecting.cancel()
        await asyncio.wait({connecting})

    async def body(url: str) -> None:
        pool = HttpPool(url, connect_s=5, keep_alive_s=5)
        for turn in range(60):
            await given_up(pool, turn % 12)
            file = os.open(os.devnull, os.O_RDONLY)
            for _ in range(5):
                await asyncio.sleep(0)
            os.fstat(file)  # raises for a number that was closed meanwhile
            os.close(file)
        await asyncio.sleep(0.05)
        await pool.close()
        assert len(asyncio.all_tasks()) == 1

    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        uvloop.run(body(f"http://127.0.0.1:{server.getsockname()[1]}/"))


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_what_cannot_be_connected_is_told(host) -> None:
    async def body() -> BaseException | None:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        with pytest.raises(NotConnected) as failed:
            await HttpPool(f"http://{host}:{port}", connect_s=5, keep_alive_s=5).connect(in_s(10))
        return failed.value.__cause__

    assert isinstance(uvloop.run(body()), OSError)

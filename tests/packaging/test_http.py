"""The client of staging on servers that answer in pieces, late, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from seatrial.packaging import http
from seatrial.packaging.http import (
    AnswerLate,
    AnswerTooLong,
    Connection,
    NoAnswer,
    request_bytes,
)

HOST = "127.0.0.1"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-A: b\r\n\r\nhi"


@asynccontextmanager
async def scripted(*answers: Sequence[bytes]) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Answers one script of pieces per connection; yields the port and what was received."""
    received: list[bytes] = []
    scripts = iter(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in next(scripts):
            if piece == b"READ":
                received.append(await reader.read(65536))
                continue
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1], received
    finally:
        server.close()


GET = request_bytes("GET", "/")


async def test_an_answer_in_single_bytes_is_put_together() -> None:
    pieces = [b"READ", *(OK[i : i + 1] for i in range(len(OK)))]
    async with scripted(pieces) as (port, received), Connection(HOST, port) as connection:
        answer = await connection.send(GET)
    assert (answer.status, answer.body, answer.headers["x-a"]) == (200, b"hi", "b")
    assert answer.elapsed_s > 0
    assert received == [b"GET / HTTP/1.1\r\nhost: seatrial\r\ncontent-length: 0\r\n\r\n"]


async def test_chunks_are_joined() -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n"
    async with scripted([b"READ", chunked]) as (port, _), Connection(HOST, port) as connection:
        assert (await connection.send(GET)).body == b"hi"


async def test_the_connection_is_used_again() -> None:
    script = [b"READ", OK, b"READ", OK]
    async with scripted(script) as (port, received), Connection(HOST, port) as connection:
        await connection.send(GET)
        await connection.send(GET)
    assert received == [GET, GET]


async def test_a_connection_the_server_ends_is_opened_anew() -> None:
    last = OK.replace(b"X-A: b", b"Connection: close")
    async with (
        scripted([b"READ", last], [b"READ", OK]) as (port, received),
        Connection(HOST, port) as connection,
    ):
        await connection.send(GET)
        await connection.send(GET)
    assert len(received) == 2


async def test_a_connection_closed_while_idle_is_opened_anew() -> None:
    async with (
        scripted([b"READ", OK], [b"READ", OK]) as (port, received),
        Connection(HOST, port) as connection,
    ):
        await connection.send(GET)
        while not connection._streams[0].at_eof():  # type: ignore[index]
            await asyncio.sleep(0)
        await connection.send(GET)
    assert len(received) == 2


@pytest.mark.parametrize("pieces", [[b"READ"], [b"READ", OK[:-1]], [b"READ", b"nonsense\r\n\r\n"]])
async def test_half_an_answer_is_none(pieces: list[bytes]) -> None:
    async with scripted(pieces) as (port, _), Connection(HOST, port) as connection:
        with pytest.raises(NoAnswer, match=f"port {port} broke"):
            await connection.send(GET)


async def test_nobody_listening_is_no_answer() -> None:
    async with scripted() as (port, _):
        pass
    with pytest.raises(NoAnswer):
        await Connection(HOST, port).send(GET)


async def test_a_late_answer_is_given_up_and_not_taken_for_the_next() -> None:
    async with (
        scripted([b"READ", b"READ"], [b"READ", OK]) as (port, _),
        Connection(HOST, port, timeout_s=0.1) as connection,
    ):
        with pytest.raises(AnswerLate):
            await connection.send(GET)
        assert (await connection.send(GET)).body == b"hi"


async def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER_BYTES", 1000)
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 999999\r\n\r\n" + b"x" * 5000
    async with scripted([b"READ", endless]) as (port, _), Connection(HOST, port) as connection:
        with pytest.raises(AnswerTooLong):
            await connection.send(GET)

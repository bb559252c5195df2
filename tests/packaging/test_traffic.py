"""Traffic as users make it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import msgspec
import pytest

from seatrial.packaging.traffic import Spec, requests_of, send, who_asks

SPEC = Spec(host="127.0.0.1", port=1, path="/p", rows=[[i] for i in range(50)], n_users=200)


def test_a_user_asks_the_same_again_and_keeps_a_key() -> None:
    first, again = requests_of(SPEC), requests_of(SPEC)
    assert first == again
    assert len(first) == 200
    assert b"x-seatrial-key: user-7\r\n" in first[7]


def test_some_users_ask_for_many_rows_at_once() -> None:
    sizes = Counter(
        len(json.loads(request.partition(b"\r\n\r\n")[2])["instances"])
        for request in requests_of(SPEC)
    )
    assert set(sizes) == {1, SPEC.many_rows}
    assert 5 <= sizes[SPEC.many_rows] <= 45


def test_few_users_ask_often() -> None:
    asked = Counter(who_asks(SPEC, 20_000, seed=1))
    assert asked[0] > 5 * asked[50] > 0
    assert set(asked) <= set(range(200))


def test_an_unknown_field_of_a_spec_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(b'{"host":"h","port":1,"path":"/","rows":[],"rte":1}', type=Spec)


async def test_every_answer_is_counted_with_the_version_that_gave_it() -> None:
    n = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal n
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                n += 1
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-seatrial-version: %d\r\n\r\n"
                    % (1 + n % 2)
                )
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    spec = msgspec.structs.replace(
        SPEC, port=server.sockets[0].getsockname()[1], rate=400.0, connections=4
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.3, stop.set)
    tally = await send(spec, stop)
    server.close()
    assert sum(tally.statuses.values()) == n > 0
    assert set(tally.statuses) == {"200 v1", "200 v2"}


async def test_a_server_that_is_gone_is_no_answer() -> None:
    server = await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0)
    spec = msgspec.structs.replace(SPEC, port=server.sockets[0].getsockname()[1], rate=200.0)
    server.close()
    await server.wait_closed()
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, stop.set)
    assert set((await send(spec, stop)).statuses) == {"no answer"}

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any, TypeVar

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from seatrial.kernel.errors import SeatrialError
from seatrial.serving.exchange import JSON, Limits, Reply, Request, StreamReply
from seatrial.serving.plane import DataPlane
from seatrial.web import streaming
from seatrial.web.app import build
from seatrial.web.errors import error_reply
from seatrial.web.protocol import HotProtocol

T = TypeVar("T")

CHAT = b"/v1/chat/completions"
CUT = b"data: cut\n\n"
CLOSE = b"Connection: close"


class Talk:
    """A plane that does what the body of a request says."""

    limits = Limits(max_body_bytes=10_000)

    def __init__(self) -> None:
        self.n_parts = 0
        self.n_open = 0
        self.go = threading.Event()

    def owns(self, path: str) -> bool:
        return path == CHAT.decode()

    def refused(self, error: SeatrialError, path: str) -> Reply:
        return error_reply(error, path)

    def described(self) -> dict[str, Any]:
        return {"paths": {CHAT.decode(): {"post": {}}}, "tags": [{"name": "talk"}]}

    async def answer(self, request: Request) -> Reply | StreamReply:
        said = json.loads(request.body or b"{}")
        if "wait" in said:
            self.n_open += 1
            try:
                await self._wait()
            finally:
                self.n_open -= 1
        if "stream" in said:
            parts = self._parts(said)
            return StreamReply(200, parts, CUT, headers=((b"x-a", b"1"),))
        return Reply(200, request.body, JSON, ((b"x-a", b"1"),))

    async def _parts(self, said: dict[str, Any]) -> AsyncGenerator[bytes, None]:
        self.n_open += 1
        try:
            for index in range(said["stream"]):
                self.n_parts += 1
                yield b"data: %d%b\n\n" % (index, b"x" * said.get("size", 0))
            if said.get("fails"):
                raise ValueError(said["fails"])
            if said.get("stalls"):
                await self._wait()
        finally:
            await asyncio.sleep(0)
            self.n_open -= 1

    async def _wait(self) -> None:
        while not self.go.is_set():
            await asyncio.sleep(0.005)


@pytest.fixture
def talk() -> Iterator[Talk]:
    plane = Talk()
    yield plane
    plane.go.set()


@pytest.fixture(params=["hot", "asgi"])
def door(request: Any, serve: Any, talk: Talk, two_models: DataPlane) -> Any:
    http = HotProtocol if request.param == "hot" else "httptools"
    return serve(build(two_models, streams=talk), http, timeout_graceful_shutdown=0.2)


def post(said: dict[str, Any], *headers: bytes, version: bytes = b"1.1") -> bytes:
    body = json.dumps(said).encode()
    lines = [b"POST %b HTTP/%b" % (CHAT, version), b"Host: x", *headers]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])


def parted(raw: bytes) -> tuple[list[bytes], bytes]:
    """The lines of the head, in lower case, and what follows it."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    return head.lower().split(b"\r\n"), rest


def unchunked(raw: bytes) -> tuple[bytes, bytes]:
    """A chunked body, and what follows its end; it has to have one."""
    body = b""
    while True:
        size, _, raw = raw.partition(b"\r\n")
        n = int(size, 16)
        body, raw = body + raw[:n], raw[n + 2 :]
        if n == 0:
            return body, raw


def wait_until(happened: Callable[[], T]) -> T:
    until = time.monotonic() + 10
    while not (answer := happened()):
        assert time.monotonic() < until
        time.sleep(0.002)
    return answer


EVENTS = b"data: 0\n\ndata: 1\n\ndata: 2\n\n"


def test_a_stream_comes_in_chunks_with_its_headers(door: Any) -> None:
    head, rest = parted(door.exchange(post({"stream": 3}, CLOSE)))
    assert head[0] == b"http/1.1 200 ok"
    assert {b"x-a: 1", b"content-type: text/event-stream; charset=utf-8"} <= set(head)
    assert {b"transfer-encoding: chunked", b"connection: close"} <= set(head)
    assert unchunked(rest) == (EVENTS, b"")


def test_a_whole_reply_comes_in_one_piece(door: Any) -> None:
    head, rest = parted(door.exchange(post({"a": 1}, CLOSE)))
    assert {b"x-a: 1", b"content-length: 8"} <= set(head)
    assert rest == b'{"a": 1}'


def test_a_client_of_http_1_0_gets_no_chunks(serve: Any, talk: Talk, two_models: Any) -> None:
    served = serve(build(two_models, streams=talk))
    for headers in ((), (b"Expect: 100-continue",), (b"Connection: keep-alive",)):
        raw = served.exchange(post({"stream": 3}, *headers, version=b"1.0"))
        head, rest = parted(raw.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n"))
        assert b"transfer-encoding: chunked" not in head
        assert b"connection: close" in head
        assert rest == EVENTS


def test_the_connection_stays_and_requests_behind_a_stream_are_answered_in_order(
    door: Any,
) -> None:
    with door.connect() as client:
        client.sendall(post({"stream": 3}) + post({"b": 2}) + post({"stream": 1}, CLOSE))
        raw = b""
        while part := client.recv(65536):
            raw += part
    first, raw = unchunked(parted(raw)[1])
    assert first == EVENTS
    second, raw = parted(raw)[1][:8], parted(raw)[1][8:]
    assert second == b'{"b": 2}'
    assert unchunked(parted(raw)[1]) == (b"data: 0\n\n", b"")


def test_other_requests_of_the_connection_follow_a_stream(door: Any) -> None:
    with door.connect() as client:
        for _ in range(2):
            client.sendall(post({"stream": 3}))
            raw = b""
            while not raw.endswith(b"0\r\n\r\n"):
                raw += client.recv(65536)
            assert unchunked(parted(raw)[1]) == (EVENTS, b"")
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert parted(client.recv(65536))[0][0] == b"http/1.1 200 ok"


def test_a_client_that_hangs_up_ends_the_work(door: Any, talk: Talk) -> None:
    for said in ({"wait": 1}, {"stream": 2, "stalls": 1}):
        with door.connect() as client:
            client.sendall(post(said))
            wait_until(lambda: talk.n_open == 1)
            if "stream" in said:
                client.recv(100)
        wait_until(lambda: talk.n_open == 0)


class Silent(asyncio.Transport):
    """Leads nowhere."""

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass


class Postponed(Talk):
    """Answers by a future."""

    def answer(self, request: Request) -> Any:
        return asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("n_rounds", [0, 1, 3])
async def test_of_a_client_that_hangs_up_no_task_stays(
    n_rounds: int, two_models: DataPlane
) -> None:
    config = uvicorn.Config(build(two_models, streams=Postponed()), http=HotProtocol)
    config.load()
    state = ServerState()
    protocol = HotProtocol(config=config, server_state=state, app_state={})
    protocol.connection_made(Silent())
    protocol.data_received(post({}))
    assert len(state.tasks) == 1
    for _ in range(n_rounds):
        await asyncio.sleep(0)
    protocol.connection_lost(None)
    await asyncio.wait(set(state.tasks))
    await asyncio.sleep(0)
    assert not state.tasks


def test_a_slow_client_pauses_the_work_and_loses_nothing(door: Any, talk: Talk) -> None:
    n, size = 4000, 10_000
    with door.connect() as client:
        client.sendall(post({"stream": n, "size": size}, CLOSE))
        wait_until(lambda: talk.n_parts > 1)
        seen = -1
        while seen != talk.n_parts:  # until it does not go on
            seen = talk.n_parts
            time.sleep(0.1)
        assert seen * size < 20e6  # what sockets hold; all of it were 40 MB
        raw = b"".join(iter(lambda: client.recv(1 << 20), b""))
    assert raw.count(b"data: ") == talk.n_parts == n
    assert raw.endswith(b"\r\n0\r\n\r\n")


def test_no_more_than_a_buffer_waits_for_a_slow_client(
    serve: Any, talk: Talk, two_models: Any
) -> None:
    served = serve(build(two_models, streams=talk))
    with served.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client.sendall(post({"stream": 100_000, "size": 1000}))
        protocol = wait_until(lambda: next(iter(served.server.server_state.connections), None))
        wait_until(lambda: protocol.flow is not None and protocol.flow.write_paused)
        assert protocol.transport.get_write_buffer_size() < 2 * streaming.BUFFER_BYTES
    wait_until(lambda: talk.n_open == 0)


def test_a_server_that_ends_says_so_to_whom_it_still_owes(door: Any, talk: Talk) -> None:
    with door.connect() as stream, door.connect() as whole:
        stream.sendall(post({"stream": 2, "stalls": 1}))
        whole.sendall(post({"wait": 1}))
        wait_until(lambda: talk.n_open == 2)
        door.server.should_exit = True
        told = b"".join(iter(lambda: stream.recv(65536), b""))
        refused = b"".join(iter(lambda: whole.recv(65536), b""))
    body, _ = unchunked(parted(told)[1])
    assert body == b"data: 0\n\ndata: 1\n\n" + CUT
    head, rest = parted(refused)
    assert head[0] == b"http/1.1 503 service unavailable"
    assert b"retry-after: 1" in head
    assert json.loads(rest)["code"] == "serving.stopping"


def test_a_stream_that_breaks_is_never_taken_for_whole(door: Any, talk: Talk) -> None:
    said = {"stream": 2, "fails": "a fault of ours"}
    raw = door.exchange(post(said))
    _, rest = parted(raw)
    assert CUT in rest
    assert not rest.endswith(b"0\r\n\r\n")
    assert talk.n_open == 0


def test_a_body_over_the_limit_of_its_plane_is_refused(door: Any) -> None:
    head, rest = parted(door.exchange(post({"a": "x" * 20_000})))
    assert head[0].startswith(b"http/1.1 413")
    assert json.loads(rest)["code"] == "serving.body_too_large"


def test_predictions_keep_their_own_limit(serve: Any, talk: Talk, two_models: Any) -> None:
    served = serve(build(two_models, streams=talk))
    body = b" " * 20_000
    head = b"POST /v2/models/churn/infer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    raw = served.exchange(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert parted(raw)[0][0].startswith(b"http/1.1 400")


async def test_its_paths_are_in_the_document(talk: Talk, two_models: DataPlane) -> None:
    transport = httpx.ASGITransport(build(two_models, streams=talk))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        document = (await client.get("/openapi.json")).json()
    assert CHAT.decode() in document["paths"]
    assert {"name": "talk"} in document["tags"]

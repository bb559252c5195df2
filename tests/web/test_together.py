"""Requests of one turn of the event loop are answered in one go."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest
from uvicorn.server import ServerState

from seatrial.serving.exchange import Reply, Request
from seatrial.serving.plane import DataPlane
from seatrial.testing.models import live_version, matrix_signature, router_of
from seatrial.web.app import build
from seatrial.web.errors import error_reply
from seatrial.web.together import Together, plane_of, shared

POST = (
    b"POST /v2/models/churn/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 84\r\n\r\n"
    b'{"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}]} '
)


class Watched(DataPlane):
    """A data plane that tells how many requests it was given at once."""

    def __init__(self) -> None:
        super().__init__(router_of(live_version(matrix_signature())), error_reply)
        self.sizes: list[int] = []

    def handle_together(
        self, requests: Sequence[Request], arrived: Sequence[float]
    ) -> list[Reply | Awaitable[Reply]]:
        self.sizes.append(len(requests))
        return super().handle_together(requests, arrived)


class Caller:
    def __init__(self) -> None:
        self.replies: list[Any] = []
        self.n_forsaken = 0

    def answered(self, request: Request, reply: Reply | Awaitable[Reply]) -> None:
        self.replies.append((request.path, reply))

    def forsaken(self) -> None:
        self.n_forsaken += 1


def ask(path: str) -> Request:
    return Request("GET", path, b"", {}, b"")


async def test_each_caller_gets_its_own_reply_once_in_the_next_turn() -> None:
    plane = Watched()
    together = Together(plane, asyncio.get_running_loop())
    callers = [Caller() for _ in range(3)]
    for caller, path in zip(callers, ("/livez", "/v2", "/nope"), strict=True):
        together.ask(caller, ask(path))
    assert not any(caller.replies for caller in callers)
    await asyncio.sleep(0)
    assert [[path for path, _ in caller.replies] for caller in callers] == [
        ["/livez"],
        ["/v2"],
        ["/nope"],
    ]
    together.ask(callers[0], ask("/v2"))
    await asyncio.sleep(0)
    assert plane.sizes == [3, 1]
    assert len(callers[0].replies) == 2


async def test_nobody_waits_for_ever_when_the_plane_itself_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plane = Watched()
    loop = asyncio.get_running_loop()
    told: list[Any] = []
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
    monkeypatch.setattr(plane, "handle_together", lambda *_: 1 / 0)
    together = Together(plane, loop)
    callers = [Caller(), Caller()]
    for caller in callers:
        together.ask(caller, ask("/livez"))
    await asyncio.sleep(0)
    assert [caller.n_forsaken for caller in callers] == [1, 1]
    assert [type(error) for error in told] == [ZeroDivisionError]


def test_connections_that_ask_at_once_are_answered_together(serve: Any) -> None:
    plane = Watched()
    served = serve(build(plane))
    clients = [served.connect() for _ in range(8)]
    for _ in range(30):
        for client in clients:
            client.sendall(POST)
        for client in clients:
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
    for client in clients:
        client.close()
    assert sum(plane.sizes) == 240
    assert max(plane.sizes) > 1


def test_a_client_that_leaves_meanwhile_harms_nobody(serve: Any) -> None:
    served = serve(build(Watched()))
    for _ in range(20):
        leaving, staying = served.connect(), served.connect()
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        leaving.sendall(POST)
        staying.sendall(POST)
        leaving.close()
        assert staying.recv(65536).startswith(b"HTTP/1.1 200")
        staying.close()


def test_a_plane_is_found_through_middleware_and_its_absence_is_no_error() -> None:
    class Wrapping:
        def __init__(self, app: Any) -> None:
            self.app = app

    plane = Watched()
    assert plane_of(Wrapping(Wrapping(build(plane)))) is plane
    assert plane_of(Wrapping(object())) is None


async def test_connections_share_what_belongs_to_their_server_and_plane() -> None:
    loop, server, plane = asyncio.get_running_loop(), ServerState(), Watched()
    first = shared(server, plane, loop)
    assert shared(server, plane, loop) is first
    assert shared(server, Watched(), loop) is not first
    assert shared(ServerState(), plane, loop) is not first

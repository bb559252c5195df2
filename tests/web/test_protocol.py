import asyncio
import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from seatrial.serving.exchange import Reply
from seatrial.serving.plane import DataPlane
from seatrial.testing.models import live_version, matrix_signature, router_of
from seatrial.web import bounds
from seatrial.web.app import build
from seatrial.web.errors import error_reply
from seatrial.web.protocol import HotProtocol

T = TypeVar("T")

INFER = b"/v2/models/churn/infer"
BODY = json.dumps(
    {"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}]}
).encode()


def post(
    body: bytes = BODY, *headers: bytes, path: bytes = INFER, version: bytes = b"1.1"
) -> bytes:
    lines = [b"POST %b HTTP/%b" % (path, version), b"Host: x", *headers]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])


CLOSE = b"Connection: close"


def replies(raw: bytes) -> list[tuple[int, dict[bytes, bytes], bytes]]:
    """The replies in a stream of bytes."""
    found = []
    while raw:
        head, _, raw = raw.partition(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(b": ") for line in lines)
        }
        length = int(headers.get(b"content-length", 0))
        found.append((int(status.split()[1]), headers, raw[:length]))
        raw = raw[length:]
    return found


def statuses(raw: bytes) -> list[int]:
    return [status for status, _, _ in replies(raw)]


class Slow:
    """A model of another process whose answers the test lets go."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.n_waiting = 0

    async def __call__(self) -> None:
        self.n_waiting += 1
        while not self.gate.is_set():
            await asyncio.sleep(0.005)
        self.n_waiting -= 1

    def app(self) -> Any:
        live = live_version(matrix_signature(), wait=self)
        return build(DataPlane(router_of(live), error_reply))

    def wait_for(self, n: int) -> None:
        wait_until(lambda: self.n_waiting == n)


def wait_until(happened: Callable[[], T]) -> T:
    """What ``happened`` returns once it is true."""
    until = time.monotonic() + 10
    while not (answer := happened()):
        assert time.monotonic() < until
        time.sleep(0.002)
    return answer


def test_hot_routes_never_reach_the_asgi_app(serve: Any, two_models: DataPlane) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError(scope["path"])

    app.plane = two_models  # type: ignore[attr-defined]
    served = serve(app)
    for sent in (post(BODY, CLOSE), b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n"):
        assert statuses(served.exchange(sent)) == [200]


def test_one_connection_serves_many_requests_in_order(served: Any) -> None:
    sent = b"".join(post(BODY, b"x-request-id: %d" % i) for i in range(50)) + post(BODY, CLOSE)
    answered = replies(served.exchange(sent))
    assert [headers.get(b"x-request-id") for _, headers, _ in answered[:-1]] == [
        b"%d" % i for i in range(50)
    ]
    assert answered[-1][1][b"connection"] == b"close"


def test_a_request_may_arrive_in_any_pieces(served: Any) -> None:
    sent = post(BODY, CLOSE)
    with served.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(0, len(sent), 7):
            client.sendall(sent[i : i + 7])
            time.sleep(0.001)
        assert statuses(client.recv(65536)) == [200]


def test_chunked_bodies_and_their_trailers_are_read(served: Any) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in (BODY[:20], BODY[20:]))
    sent = (
        b"POST /v2/models/churn/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        b"Connection: close\r\n\r\n" + chunks + b"0\r\nX-Seatrial-Version: 9\r\n\r\n"
    )
    assert statuses(served.exchange(sent)) == [200]


def test_hot_and_cold_requests_may_follow_each_other_without_waiting(served: Any) -> None:
    cold = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
    expecting = post(BODY, b"Expect: 100-continue")
    sent = post() + cold + post() + cold + cold + post(BODY, CLOSE)
    assert statuses(served.exchange(sent)) == [200, 404, 200, 404, 404, 200]
    raw = served.exchange(expecting + post(BODY, CLOSE))
    assert statuses(raw.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")) == [200, 200]


def test_head_has_the_length_but_not_the_body(served: Any) -> None:
    get = served.exchange(b"GET /v2 HTTP/1.1\r\nConnection: close\r\n\r\n")
    head = served.exchange(b"HEAD /v2 HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert head == get.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


@pytest.mark.parametrize("headers", [(), (b"Connection: keep-alive",)])
def test_http_1_0_gets_its_reply_and_the_connection_is_closed(
    served: Any, headers: tuple[bytes, ...]
) -> None:
    ((status, sent, _),) = replies(served.exchange(post(BODY, *headers, version=b"1.0")))
    assert (status, sent[b"connection"]) == (200, b"close")


def test_percent_encoded_names_and_queries_are_understood(served: Any) -> None:
    path = b"/v2/models/%63hurn/infer?x=1"
    assert statuses(served.exchange(post(BODY, CLOSE, path=path))) == [200]


def test_a_body_over_the_limit_is_refused_before_it_is_read(served: Any) -> None:
    with served.connect() as client:
        client.sendall(b"POST /invocations HTTP/1.1\r\nContent-Length: 200001\r\n\r\n")
        ((status, headers, body),) = replies(client.recv(65536))
        assert (status, headers[b"connection"]) == (413, b"close")
        assert b"200000" in body
        client.sendall(bytes(100_000))  # a client that goes on sending still gets its reply


def test_a_chunked_body_over_the_limit_is_refused_while_it_comes(served: Any) -> None:
    with served.connect() as client:
        client.sendall(b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            client.sendall(b"%x\r\n%b\r\n" % (100_000, bytes(100_000)))
        assert statuses(client.recv(65536)) == [413]


def test_framing_without_end_is_refused_too(served: Any) -> None:
    with served.connect() as client:
        client.sendall(b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ")
        client.setblocking(False)

        def refused() -> bytes:
            with contextlib.suppress(BlockingIOError):
                client.send(b"a" * 10_000)
            with contextlib.suppress(BlockingIOError):
                return client.recv(65536)
            return b""

        assert statuses(wait_until(refused)) == [413]


def test_headers_without_end_are_refused(served: Any) -> None:
    with served.connect() as client:
        client.sendall(b"GET /v2 HTTP/1.1\r\n")
        for i in range(20):
            client.sendall(b"X-%d: %b\r\n" % (i, b"a" * 5000))
            time.sleep(0.002)
        assert statuses(client.recv(65536)) == [431]


@pytest.mark.parametrize(
    "sent",
    [b"nonsense\r\n\r\n", b"POST /v2 HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"\x00" * 50],
)
def test_what_is_no_http_is_refused(served: Any, sent: bytes) -> None:
    assert served.exchange(sent).startswith(b"HTTP/1.1 400")


def test_a_client_that_leaves_disturbs_nobody(serve: Any) -> None:
    slow = Slow()
    served = serve(slow.app())
    for _ in range(5):
        with served.connect() as client:
            client.sendall(post())
            slow.wait_for(1)
            slow.gate.set()
        slow.wait_for(0)
        slow.gate.clear()
    slow.gate.set()
    assert statuses(served.exchange(post(BODY, CLOSE))) == [200]
    assert not served.server.server_state.tasks


def test_requests_behind_a_slow_one_wait_their_turn(serve: Any) -> None:
    slow = Slow()
    served = serve(slow.app())
    with served.connect() as client:
        live = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
        client.sendall(
            post(BODY, b"x-request-id: a") + live + post(BODY, b"x-request-id: b", CLOSE)
        )
        slow.wait_for(1)
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(1)
        slow.gate.set()
        client.settimeout(10)
        answered = replies(b"".join(iter(lambda: client.recv(65536), b"")))
    assert [headers.get(b"x-request-id") for _, headers, _ in answered] == [b"a", None, b"b"]


def test_shutdown_lets_a_request_end_and_then_closes(serve: Any) -> None:
    slow = Slow()
    served = serve(slow.app(), timeout_keep_alive=60)
    idle, busy, sending = served.connect(), served.connect(), served.connect()
    busy.sendall(post())
    sending.sendall(post()[:-10])
    slow.wait_for(1)
    served.server.should_exit = True
    assert idle.recv(1) == b""
    slow.gate.set()
    assert statuses(b"".join(iter(lambda: busy.recv(65536), b""))) == [200]
    sending.sendall(post()[-10:])
    assert statuses(b"".join(iter(lambda: sending.recv(65536), b""))) == [200]
    for client in (idle, busy, sending):
        client.close()


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(serve: Any) -> None:
    slow = Slow()
    served = serve(slow.app(), timeout_keep_alive=1)
    idle, busy, never = served.connect(), served.connect(), served.connect()
    idle.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    busy.sendall(post())
    assert statuses(idle.recv(65536)) == [200]
    assert idle.recv(1) == b""
    assert never.recv(1) == b""
    slow.gate.set()
    assert statuses(busy.recv(65536)) == [200]
    for client in (idle, busy, never):
        client.close()


@pytest.mark.parametrize("part", [post()[:30], post()[:-5]])
def test_a_client_that_sends_too_slowly_is_refused(
    serve: Any, two_models: DataPlane, monkeypatch: pytest.MonkeyPatch, part: bytes
) -> None:
    monkeypatch.setattr(bounds, "READ_S", 0.2)
    served = serve(build(two_models))
    assert statuses(served.exchange(part)) == [408]


def test_a_client_that_does_not_read_is_not_read_from(serve: Any, two_models: DataPlane) -> None:
    served = serve(build(two_models))
    with served.connect() as client:
        client.setblocking(False)
        (connection,) = wait_until(lambda: served.server.server_state.connections)
        request = b"GET /v2/models/col HTTP/1.1\r\nHost: x\r\n\r\n" * 100

        def flooded() -> bool:
            with contextlib.suppress(BlockingIOError):
                client.send(request)
            return bool(connection.flow.read_paused)

        wait_until(flooded)
        assert connection.transport.get_write_buffer_size() < 4_000_000
        client.setblocking(True)
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        client.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            while client.recv(1_000_000):
                pass
        assert not connection.flow.read_paused


def test_the_count_of_requests_and_the_access_log_are_kept(
    serve: Any, two_models: DataPlane, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("uvicorn.access")
    with caplog.at_level(logging.INFO, "uvicorn.access"):
        served = serve(build(two_models))
        logger.propagate = True
        served.exchange(post(BODY, CLOSE, path=INFER + b"?a=1"))
    assert served.server.server_state.total_requests == 1
    assert any('"POST /v2/models/churn/infer?a=1 HTTP/1.1" 200' in m for m in caplog.messages)


def test_an_app_without_a_plane_is_served_all_the_same(serve: Any) -> None:
    async def bare(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    assert statuses(serve(bare).exchange(post(BODY, CLOSE))) == [204]


def test_a_fault_of_the_plane_itself_closes_the_connection_and_no_other(serve: Any) -> None:
    class Broken(DataPlane):
        def handle_together(self, requests: Any, arrived: Any) -> Any:
            async def fail() -> Reply:
                raise RuntimeError("broken")

            if requests[0].method == "PUT":
                raise RuntimeError("broken at once")
            if requests[0].method == "POST":
                return [fail()]
            return super().handle_together(requests, arrived)

    served = serve(build(Broken(router_of(live_version(matrix_signature())), error_reply)))
    assert served.exchange(post()) == b""
    assert served.exchange(post().replace(b"POST", b"PUT")) == b""
    assert statuses(served.exchange(b"GET /livez HTTP/1.0\r\n\r\n")) == [200]


def test_hot_protocol_is_a_uvicorn_protocol() -> None:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    assert issubclass(HotProtocol, HttpToolsProtocol)

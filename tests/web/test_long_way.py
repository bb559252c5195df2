"""What leaves the hot path: upgrades, Expect, bodies that do not end, replies nobody reads."""

import contextlib
import json
import logging
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seatrial.serving.plane import DataPlane
from seatrial.web import bounds, unread
from seatrial.web.app import build

INFER = b"/v2/models/churn/infer"
BODY = json.dumps(
    {"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}]}
).encode()
CLOSE = b"Connection: close"
JAVA = (
    b"Connection: Upgrade, HTTP2-Settings",
    b"Upgrade: h2c",
    b"HTTP2-Settings: AAEAAEAAAAIAAAAB",
)
LIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def post(body: bytes = BODY, *headers: bytes, path: bytes = INFER) -> bytes:
    lines = [b"POST %b HTTP/1.1" % path, b"Host: x", *headers]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])


def chunked(*headers: bytes, path: bytes = INFER, body: bytes = BODY) -> bytes:
    lines = [b"POST %b HTTP/1.1" % path, b"Host: x", *headers, b"Transfer-Encoding: chunked"]
    head = b"\r\n".join([*lines, b"", b""])
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def statuses(raw: bytes) -> list[int]:
    """Of the replies in a stream of bytes, each with its length."""
    found = []
    while raw:
        head, _, raw = raw.partition(b"\r\n\r\n")
        found.append(int(head.split()[1]))
        raw = raw[int(head.lower().partition(b"content-length: ")[2].split()[0]) :]
    return found


def read_all(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


def wait_until(happened: Callable[[], object]) -> None:
    until = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.002)


# Upgrades


@pytest.mark.parametrize("make", [post, chunked])
def test_a_wish_to_change_the_protocol_is_ignored_and_the_body_read(
    served: Any, make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        wish = make(*JAVA) if make is chunked else make(BODY, *JAVA)
        assert statuses(served.exchange(wish * 3 + post(BODY, CLOSE))) == [200] * 4
    assert caplog.messages == []


def test_such_a_request_may_arrive_in_any_pieces(served: Any) -> None:
    sent = post(BODY, *JAVA) + LIVE + chunked(b"Connection: upgrade, close", b"Upgrade: x/1")
    for size in (1, 7, 61, len(sent)):
        with served.connect() as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(0, len(sent), size):
                client.sendall(sent[i : i + size])
            assert statuses(read_all(client)) == [200, 200, 200]


def test_the_body_of_an_upgrade_is_never_taken_for_a_request(served: Any) -> None:
    hidden = b"GET /v2/models/churn HTTP/1.1\r\nHost: x\r\n\r\n"
    for path in (b"/v1/models/noname:predict", b"/nothing"):
        for wish in (post(hidden, *JAVA, path=path), chunked(*JAVA, path=path, body=hidden)):
            assert statuses(served.exchange(wish + post(BODY, CLOSE))) == [404, 200]
            with served.connect() as client:
                client.sendall(wish[: -len(hidden)])
                time.sleep(0.02)
                client.sendall(wish[-len(hidden) :] + post(BODY, CLOSE))
                assert statuses(read_all(client)) == [404, 200]


def test_other_wishes_of_the_connection_header_still_count(served: Any) -> None:
    wish = b"Connection: close, Upgrade", b"Upgrade: h2c"
    answer = served.exchange(post(BODY, *wish))  # returns at the end of the connection
    assert statuses(answer) == [200]
    assert b"\r\nconnection: close\r\n" in answer


@pytest.mark.parametrize("path", [b"/livez", b"/nothing"])
def test_a_websocket_is_an_ordinary_request(
    served: Any, path: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    wish = (
        b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % path
    )
    expected = 200 if path == b"/livez" else 404
    with caplog.at_level(logging.WARNING):
        assert statuses(served.exchange(wish + post(BODY, CLOSE))) == [expected, 200]
    assert caplog.messages == []


def test_many_upgrades_at_once_take_no_more_time_than_others(served: Any) -> None:
    wish = b"GET /livez HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\n"
    assert statuses(served.exchange(wish * 3000 + post(BODY, CLOSE))) == [200] * 3001


def test_nothing_here_is_a_tunnel(served: Any) -> None:
    assert statuses(served.exchange(b"CONNECT a.example:443 HTTP/1.1\r\n\r\n" + LIVE)) == [400]


@pytest.mark.skipif(shutil.which("java") is None, reason="no java here")
@pytest.mark.integration
def test_the_client_of_java_is_answered(served: Any, tmp_path: Path) -> None:
    source = tmp_path / "Ask.java"
    source.write_text(
        """
        import java.net.URI;
        import java.net.http.*;
        public class Ask {
            public static void main(String[] a) throws Exception {
                var client = HttpClient.newHttpClient();
                var body = HttpRequest.BodyPublishers.ofString(a[1]);
                var request = HttpRequest.newBuilder(URI.create(a[0])).POST(body).build();
                for (int i = 0; i < 3; i++)
                    System.out.println(
                        client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
            }
        }"""
    )
    url = f"http://127.0.0.1:{served.port}{INFER.decode()}"
    try:
        ran = subprocess.run(
            ["java", source, url, BODY.decode()],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("java takes over a minute here")
    if "javac" in ran.stderr or "jdk.compiler" in ran.stderr:
        pytest.skip("java without a compiler")
    assert ran.stdout.split() == ["200"] * 3, ran.stderr


# Time


def slow_parts() -> list[bytes]:
    nothing = b"/nothing"
    return [
        post(BODY, b"Expect: 100-continue")[: -len(BODY)],
        post(BODY, b"Expect: 100-continue")[:-5],
        post(BODY, b"Expect: 100-continue", path=nothing)[:-5],
        post(bytes(200_000), path=nothing)[:-100],
        chunked(path=nothing)[:-5],
    ]


@pytest.mark.parametrize("part", slow_parts())
@pytest.mark.parametrize("drips", [False, True])
def test_a_body_on_the_long_way_has_its_time_too(
    serve: Any, monkeypatch: pytest.MonkeyPatch, two_models: DataPlane, part: bytes, drips: bool
) -> None:
    monkeypatch.setattr(bounds, "READ_S", 0.3)
    app = build(two_models)

    async def reading(scope: Any, receive: Any, send: Any) -> None:
        """As routes with a body do, for those that are none of the plane's."""
        if scope["path"] != "/nothing":
            await app(scope, receive, send)
            return
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            pass

    reading.plane = two_models  # type: ignore[attr-defined]
    served = serve(reading, timeout_keep_alive=60)
    with served.connect() as client:
        client.sendall(part)
        began = time.monotonic()
        if drips:
            for _ in range(3):
                time.sleep(0.05)
                client.sendall(b"1\r\n" if b"chunked" in part else b" ")
        assert statuses(read_all(client).removeprefix(CONTINUE)) == [408]
    assert time.monotonic() - began < 5
    wait_until(lambda: not served.server.server_state.tasks)


def test_a_body_that_nobody_waits_for_any_more_has_its_time_too(
    serve: Any, monkeypatch: pytest.MonkeyPatch, two_models: DataPlane
) -> None:
    monkeypatch.setattr(bounds, "READ_S", 0.3)
    served = serve(build(two_models), timeout_keep_alive=60)
    get = b"GET /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1"
    assert statuses(served.exchange(get)) == [404]


def test_trailers_add_no_headers(serve: Any) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        seen.extend(name for name, _ in scope["headers"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    late = chunked(CLOSE)[:-2] + b"Authorization: Bearer late\r\n\r\n"
    assert serve(app).exchange(late).startswith(b"HTTP/1.1 204")
    assert b"authorization" not in seen


def test_framing_without_end_is_refused_on_the_long_way(served: Any) -> None:
    with served.connect() as client:
        client.sendall(chunked(b"Expect: 100-continue")[:-2] + b"X: ")
        client.setblocking(False)
        came = bytearray()

        def refused() -> bool:
            with contextlib.suppress(BlockingIOError):
                client.send(b"a" * 10_000)
            with contextlib.suppress(BlockingIOError):
                came.extend(client.recv(65536))
            return len(came) > len(CONTINUE)

        wait_until(refused)
    assert statuses(bytes(came).removeprefix(CONTINUE)) == [413]


# Replies


def deaf(served: Any) -> socket.socket:
    """A client whose replies soon fill all buffers."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", served.port))
    wait_until(lambda: served.server.server_state.connections)
    return client


def test_replies_that_are_not_read_are_given_up(
    serve: Any, monkeypatch: pytest.MonkeyPatch, two_models: DataPlane
) -> None:
    monkeypatch.setattr(unread, "UNREAD_S", 0.2)
    served = serve(build(two_models), timeout_keep_alive=60)
    with deaf(served) as client:
        client.setblocking(False)
        (connection,) = served.server.server_state.connections

        def flooded() -> bool:
            with contextlib.suppress(BlockingIOError):
                client.send(b"GET /v2/models/col HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
            return bool(connection.flow.write_paused)

        wait_until(flooded)
        wait_until(lambda: not served.server.server_state.connections)


@pytest.mark.parametrize("closes", [b"", b"Connection: close\r\n"])
def test_a_large_reply_that_is_not_read_is_given_up(
    serve: Any, monkeypatch: pytest.MonkeyPatch, closes: bytes
) -> None:
    monkeypatch.setattr(unread, "UNREAD_S", 0.2)

    async def large(scope: Any, receive: Any, send: Any) -> None:
        length = [(b"content-length", b"%d" % (20 << 20))]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": bytes(20 << 20)})

    served = serve(large, timeout_keep_alive=60)
    with deaf(served) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + closes + b"\r\n")
        wait_until(lambda: not served.server.server_state.connections)


def test_a_client_that_reads_slowly_gets_all_of_it(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "UNREAD_S", 0.3)

    async def large(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(8 << 20)})

    with serve(large).connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        n = 0
        while part := client.recv(300_000):
            n += len(part)
            time.sleep(0.02)
    assert n > 8 << 20


def test_a_client_that_drops_requests_in_a_row_leaves_no_trace(
    serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"late"})

    with caplog.at_level(logging.WARNING):
        served = serve(slow)
        with served.connect() as client:
            client.sendall(LIVE * 3)
            wait_until(lambda: served.server.server_state.tasks)
        wait_until(lambda: not served.server.server_state.tasks)
    assert caplog.messages == []

"""What is refused before anything of a body is read, and how much of one is."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from fastapi import APIRouter

from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.release.desk import Desk
from seatrial.serving.plane import DataPlane
from seatrial.testing import MemoryStore
from seatrial.web import inference
from seatrial.web.app import build
from seatrial.web.console.pages import console_router
from seatrial.web.control import control_router
from seatrial.web.entrance import MAX_BODY_BYTES, MAX_LABELS_BYTES, limit_of
from seatrial.web.guard import Guard
from seatrial.web.protocol import HotProtocol
from seatrial.web.watch import watch_router

TOKEN = "correct-horse"
BEARER = f"Authorization: Bearer {TOKEN}".encode()
GUARDED = [b"/api/endpoints/churn/promote", b"/api/silences", b"/console/endpoints/churn/promote",
           b"/console/endpoints/churn/watch/alerts/a/close"]  # fmt: skip


@pytest.fixture(params=[HotProtocol, "httptools"], ids=["hot", "plain"])
def door(serve: Any, two_models: DataPlane, request: pytest.FixtureRequest) -> Any:
    """A server with all routers and a token, behind either protocol."""
    store, guard = MemoryStore(), Guard(token=TOKEN)
    desk, watch = Desk(store), WatchDesk(store)

    def routers() -> list[APIRouter]:
        return [
            control_router(desk, guard),
            watch_router(watch, guard),
            console_router(desk, watch, guard),
        ]

    return serve(build(two_models, routers, guard=guard), request.param)


def begun(path: bytes, *headers: bytes) -> bytes:
    """The head of a request whose body never ends."""
    lines = [b"POST %b HTTP/1.1" % path, b"Host: x", *headers, b"Transfer-Encoding: chunked"]
    return b"\r\n".join([*lines, b"", b""])


def whole(path: bytes, body: bytes, *headers: bytes) -> bytes:
    lines = [b"POST %b HTTP/1.1" % path, b"Host: x", *headers, b"Content-Length: %d" % len(body)]
    return b"\r\n".join([*lines, b"", body])


def answer(client: socket.socket) -> tuple[int, dict[str, Any], bytes]:
    """Status, body and head of a reply that ends the connection."""
    raw = b""
    while b"\r\n\r\n" not in raw or not raw.endswith(b"}"):
        raw += client.recv(65536)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"\r\nconnection: close" in head
    return int(head.split()[1]), json.loads(body), head


@pytest.mark.parametrize("path", GUARDED)
def test_the_guard_decides_before_a_byte_of_the_body_is_read(door: Any, path: bytes) -> None:
    with door.connect() as client:
        client.sendall(begun(path))
        status, said, _ = answer(client)
    assert (status, said["code"]) == (403, "control.token_needed")


@pytest.mark.parametrize("path", [*GUARDED, b"/nothing"])
def test_a_body_is_read_up_to_a_bound_only(door: Any, path: bytes) -> None:
    with door.connect() as client:
        client.sendall(begun(path, BEARER))
        for _ in range(MAX_BODY_BYTES // 2**18 + 1):
            client.sendall(b"%x\r\n%b\r\n" % (2**18, bytes(2**18)))
        status, said, _ = answer(client)
    assert (status, said["code"]) == (413, "serving.body_too_large")


def test_a_length_over_the_bound_is_refused_at_once(door: Any) -> None:
    for path, n in ((GUARDED[0], MAX_BODY_BYTES + 1), (b"/console/login", 10_001)):
        with door.connect() as client:
            client.sendall(whole(path, b"", BEARER).replace(b"Length: 0", b"Length: %d" % n))
            assert answer(client)[0] == 413


@pytest.mark.parametrize("path", [GUARDED[0], b"/console/login"])
def test_a_body_that_does_not_come_is_given_up(
    door: Any, path: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "READ_S", 0.2)
    with door.connect() as client:
        client.sendall(begun(path, BEARER))
        assert answer(client)[0] == 408


def test_files_of_labels_may_be_larger() -> None:
    assert limit_of("/api/endpoints/churn/labels") == MAX_LABELS_BYTES
    for path in ("/api/endpoints/churn/promote", "/api/endpoints/labels/promote", "/labels"):
        assert limit_of(path) == MAX_BODY_BYTES


def test_what_passes_is_read_whole(door: Any) -> None:
    body = json.dumps({"reason": "x" * 900}).encode()
    sent = whole(GUARDED[0], body, BEARER, b"Content-Type: application/json", b"Connection: close")
    assert b'"code":"release.unknown_endpoint"' in door.exchange(sent)


def test_a_page_of_another_origin_may_not_log_in(door: Any) -> None:
    form = b"token=" + TOKEN.encode()
    with door.connect() as client:
        client.sendall(whole(b"/console/login", form, b"Origin: http://evil.example"))
        status, said, head = answer(client)
    assert (status, said["code"]) == (403, "control.foreign_request")
    assert b"set-cookie" not in head
    own = whole(b"/console/login", form, b"Origin: http://x", b"Connection: close")
    assert door.exchange(own).startswith(b"HTTP/1.1 303")

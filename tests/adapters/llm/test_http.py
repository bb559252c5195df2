"""The way to a vendor: bounds, addresses, and what is no answer."""

import asyncio
import os
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import trustme

from seatrial.adapters.llm.endpoint import Endpoint, HttpLimits
from seatrial.adapters.llm.http import HttpVendor
from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.failures import (
    BadReply,
    ConnectionLost,
    Overloaded,
    ProviderFailure,
    Rejected,
    ServerFault,
    StreamCut,
    TimedOut,
    Unreachable,
)
from seatrial.gateway.dialects.fields import RequestInvalid
from seatrial.kernel.errors import MissingExtra


def call(within_s=20.0):
    return Call(id="c", deadline=time.monotonic() + within_s, journal=Journal())


@asynccontextmanager
async def answering(raw: bytes, *, silent=False) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers every request with the same bytes and closes; its address and heads."""
    heads: list[bytes] = []
    handlers = []

    async def answer(reader, writer):
        handlers.append(asyncio.current_task())
        heads.append(head := await reader.readuntil(b"\r\n\r\n"))
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        await reader.readexactly(int(length))
        writer.write(raw)
        if silent:
            await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield f"http://127.0.0.1:{port}/v1", heads
        await asyncio.gather(*handlers)


@asynccontextmanager
async def asking(url, **limits) -> AsyncIterator[HttpVendor]:
    vendor = HttpVendor(Endpoint(name="p", base_url=url, limits=HttpLimits(**limits)))
    try:
        yield vendor
    finally:
        await vendor.close()


def reply(body: bytes, kind=b"application/json", status=b"200 OK") -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: %b\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    return head % (status, kind, len(body)) + body


def endless(body: bytes, kind=b"application/json") -> bytes:
    """A reply that ends with its connection."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n\r\n" % kind + body


async def posted(raw, **limits):
    async with answering(raw) as (url, _), asking(url, **limits) as vendor:
        return await vendor.post("/x", {"a": 1}, call())


async def streamed(raw, **limits):
    async with answering(raw) as (url, _), asking(url, **limits) as vendor:
        events = vendor.events("/x", {}, call(), is_last=lambda event: event.data == b"last")
        return [event.data async for event in events]


async def test_json_comes_and_goes():
    async with answering(reply(b'{"b": 2}')) as (url, heads), asking(url + "/") as vendor:
        assert await vendor.post("/x", {"a": 1}, call()) == {"b": 2}
        assert heads[0].startswith(b"POST /v1/x HTTP/1.1\r\n")
        assert await vendor.post("/x", {"a": 1}, call()) == {"b": 2}  # over a new connection


@pytest.mark.parametrize(
    ("raw", "kind", "says"),
    [
        (reply(b'{"a": 1'), BadReply, "no JSON: '{\"a\": 1'"),
        (reply(b""), BadReply, "it is empty"),
        (reply(b"<p>", kind=b"text/html"), BadReply, "text/html"),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", BadReply, "not HTTP"),
        (b"", ConnectionLost, "closed the connection"),
        (reply(b"x" * 100)[:-50], StreamCut, "ended early"),
        (reply(b'{"error": {"message": "full", "code": 503}}'), Overloaded, "full"),
        (reply(b"gone", kind=b"text/plain", status=b"404 Not Found"), Rejected, "404"),
        (reply(b"<p>", kind=b"text/html", status=b"502 Bad Gateway"), ServerFault, "502"),
        (reply(b"", status=b"302 Found"), ProviderFailure, "points elsewhere"),
    ],
)
async def test_what_is_no_answer(raw, kind, says):
    with pytest.raises(ProviderFailure) as failed:
        await posted(raw)
    assert type(failed.value) is kind
    assert says in failed.value.problem


@pytest.mark.parametrize("frame", [reply, endless])
async def test_a_reply_has_a_bound(frame):
    assert await posted(frame(b"[" + b" " * 198 + b"]"), max_reply_bytes=200) == []
    with pytest.raises(BadReply, match="longer than 200 bytes"):
        await posted(frame(b"[" + b" " * 199 + b"]"), max_reply_bytes=200)
    with pytest.raises(BadReply, match="longer than 200 bytes"):
        await posted(frame(b"[" + b" " * 300_000 + b"]"), max_reply_bytes=200)


async def test_events_come_to_the_last_one():
    raw = endless(b"data: a\n\ndata: last\n\ndata: more\n\n", b"text/event-stream")
    assert await streamed(raw) == [b"a", b"last"]
    raw = endless(b"data: a\n\ndata: b", b"text/event-stream; charset=utf-8")
    assert await streamed(raw) == [b"a", b"b"]


@pytest.mark.parametrize(
    ("raw", "kind", "says"),
    [
        (reply(b'{"choices": []}'), BadReply, "is whole"),
        (reply(b'{"error": {"message": "full", "code": 529}}'), Overloaded, "full"),
        (reply(b"<p>", kind=b"text/html"), BadReply, "text/html"),
        (reply(b"{}", status=b"500 Oh"), ServerFault, "500"),
        (reply(b"", status=b"307 There"), ProviderFailure, "points elsewhere"),
        (reply(b"data: " + b"x" * 300, kind=b"text/event-stream"), BadReply, "longer than 200"),
        (reply(b"data: a\n\n" * 9, kind=b"text/event-stream")[:-5], StreamCut, "ended early"),
    ],
)
async def test_what_is_no_stream(raw, kind, says):
    with pytest.raises(ProviderFailure) as failed:
        await streamed(raw, max_reply_bytes=200)
    assert type(failed.value) is kind
    assert says in failed.value.problem


async def test_a_silence_between_pieces_has_a_bound():
    raw = endless(b"data: a\n\n", b"text/event-stream")
    async with answering(raw, silent=True) as (url, _), asking(url, idle_s=0.05) as vendor:
        events = vendor.events("/x", {}, call(), is_last=lambda _: False)
        assert (await anext(events)).data == b"a"
        with pytest.raises(TimedOut, match="silent in the middle"):
            await anext(events)


async def test_certificates_are_checked(hooks):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    hooks.encrypt(tls)
    async with asking(f"https://127.0.0.1:{hooks.port}/v1") as vendor:
        with pytest.raises(Unreachable, match="SSLCertVerificationError"):
            await vendor.post("/x", {}, call())
    assert hooks.n_requests == 0


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:9")
    assert await posted(reply(b"{}")) == {}


async def test_cookies_are_not_kept():
    raw = reply(b"{}").replace(b"\r\n", b"\r\nSet-Cookie: a=b\r\n", 1)
    async with answering(raw) as (url, heads), asking(url) as vendor:
        await vendor.post("/x", {}, call())
        await vendor.post("/x", {}, call())
    assert b"cookie" not in heads[1].lower()


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohappyeyeballs", None)
    with pytest.raises(MissingExtra, match=r"seatrial\[gateway\]"):
        HttpVendor(Endpoint(name="p", base_url="http://127.0.0.1:9"))


async def test_what_is_no_json_is_not_sent():
    async with answering(reply(b"{}")) as (url, heads), asking(url) as vendor:
        with pytest.raises(RequestInvalid, match="written as JSON"):
            await vendor.post("/x", {"a": "\ud800"}, call())
        assert heads == []


@pytest.mark.parametrize(("connect_s", "within_s"), [(0.2, 20.0), (20.0, 1.0)])
async def test_a_connection_that_never_stands_was_never_paid(connect_s, within_s):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(address)
        async with asking(f"http://127.0.0.1:{address[1]}", connect_s=connect_s) as vendor:
            with pytest.raises(Unreachable) as failed:
                await vendor.post("/x", {}, call(within_s))
        for client in waiting:
            client.close()
    assert not failed.value.may_be_paid

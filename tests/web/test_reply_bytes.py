"""Replies as bytes: what a client reads, and heads that are kept no longer than they are true."""

from __future__ import annotations

from http.client import HTTPResponse
from io import BytesIO
from typing import Any

import pytest

from seatrial.serving.exchange import JSON, Reply
from seatrial.web.reply_bytes import ReplyBytes

REPLY = Reply(429, b'{"error":"full"}', JSON, ((b"retry-after", b"1"),))


def read(raw: bytes, method: str = "POST") -> HTTPResponse:
    class Socket:
        def makefile(self, *args: Any) -> BytesIO:
            return BytesIO(raw)

    response = HTTPResponse(Socket(), method=method)  # type: ignore[arg-type]
    response.begin()
    return response


@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_client_reads_what_was_replied(keep_alive: bool) -> None:
    default = [(b"server", b"x")]
    raw = ReplyBytes().of(REPLY, default, bodiless=False, keep_alive=keep_alive)
    response = read(raw)
    assert (response.status, response.read()) == (429, REPLY.body)
    assert (response.headers["retry-after"], response.headers["server"]) == ("1", "x")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["connection"] == (None if keep_alive else "close")


def test_a_reply_to_head_has_the_length_and_not_the_body() -> None:
    raw = ReplyBytes().of(REPLY, [], bodiless=True, keep_alive=True)
    assert raw.endswith(b"content-length: %d\r\n\r\n" % len(REPLY.body))
    assert read(raw, "HEAD").read() == b""


def test_a_kept_head_is_given_up_when_the_headers_of_all_replies_change() -> None:
    replies = ReplyBytes()
    dates = [
        read(replies.of(REPLY, [(b"date", day)], bodiless=False, keep_alive=True))
        for day in (b"Mon", b"Tue")
    ]
    assert [one.headers["date"] for one in dates] == ["Mon", "Tue"]


def test_replies_of_another_status_or_with_other_headers_have_heads_of_their_own() -> None:
    replies, default = ReplyBytes(), [(b"server", b"x")]
    made = [REPLY, Reply(200, b"{}", JSON), Reply(429, b"{}", JSON), REPLY]
    made += [Reply(200, b"%d" % i, JSON, ((b"x-n", b"%d" % i),)) for i in range(100)]
    for reply in made:
        found = read(replies.of(reply, default, bodiless=False, keep_alive=True))
        assert (found.status, found.read()) == (reply.status, reply.body)
        assert found.headers["x-n"] == (reply.body.decode() if reply.body.isdigit() else None)


def test_of_replies_that_differ_in_a_header_each_time_no_head_is_kept() -> None:
    replies, default = ReplyBytes(), [(b"server", b"x")]
    for i in range(10):
        reply = Reply(200, b"{}", JSON, ((b"x-request-id", b"%d" % i),))
        replies.of(reply, default, bodiless=False, keep_alive=True)
    assert replies.n_heads == 0
    for _ in range(3):
        replies.of(REPLY, default, bodiless=False, keep_alive=True)
    assert replies.n_heads == 1

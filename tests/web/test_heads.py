"""Known heads say what the parser said, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seatrial.serving.exchange import Request
from seatrial.web.heads import Heads

HEAD = b"POST /v2/models/churn/infer HTTP/1.1\r\nHost: x\r\ncontent-length: %d"
HEADERS = {b"host": b"x", b"content-length": b"2"}


def data(body: bytes, head: bytes = HEAD) -> bytes:
    return head.replace(b"%d", b"%d" % len(body)) + b"\r\n\r\n" + body


def request(body: bytes) -> Request:
    return Request("POST", "/v2/models/churn/infer", b"", HEADERS, body)


def test_the_same_head_with_another_body_of_its_length_is_known() -> None:
    heads = Heads()
    assert heads.read(data(b"{}")) is None
    heads.learn(data(b"{}"), request(b"{}"))
    assert heads.read(data(b"[]")) == request(b"[]")


@given(st.binary(max_size=12), st.binary(max_size=300))
def test_only_all_of_a_request_and_no_more_is_read(body: bytes, noise: bytes) -> None:
    heads = Heads()
    heads.learn(data(body), request(body))
    assert heads.read(data(body)) == request(body)
    for cut in range(len(data(body))):
        assert heads.read(data(body)[:cut]) is None
    if noise:
        assert heads.read(data(body) + noise) is None
        assert heads.read(noise + data(body)) is None


def test_what_the_parser_read_otherwise_is_not_learnt() -> None:
    heads = Heads()
    heads.learn(data(b"{}") + data(b"[]"), request(b"{}"))  # pipelined
    heads.learn(data(b"2\r\n{}\r\n0\r\n\r\n"), request(b"{}"))  # chunked, or cut otherwise
    without = Request("GET", "/livez", b"", {b"host": b"x"}, b"")
    heads.learn(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", without)
    assert heads.read(data(b"{}")) is None
    assert heads.read(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n") is None


def test_memory_is_bounded_and_heads_in_use_come_back() -> None:
    heads = Heads(max_bytes=64 * 200)
    long = HEAD + b"\r\nx-long: " + b"y" * 300
    heads.learn(data(b"{}", long), request(b"{}"))
    assert heads.read(data(b"{}", long)) is None
    for i in range(500):
        heads.learn(data(b"{}", HEAD + b"\r\nx-request-id: %03d" % i), request(b"{}"))
    kept = [i for i in range(500) if heads.read(data(b"{}", HEAD + b"\r\nx-request-id: %03d" % i))]
    assert 0 < len(kept) <= 64 * 200 // len(HEAD)
    assert kept[-1] == 499

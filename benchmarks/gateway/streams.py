"""How long streams take to their first word, one after the other over a kept connection."""

from __future__ import annotations

import socket
import time
from statistics import median

from benchmarks.gateway.apps.words import WORDS
from benchmarks.serving.server import HOST
from benchmarks.serving.wire import Call

_FIRST = f'"{WORDS[0]}"'.encode()
_LAST = b"[DONE]"
_END = b"0\r\n\r\n"
_WAIT_S = 30


class StreamWrong(Exception):
    """A stream is not what the upstream sent; the message says how."""


def first_word_ms(port: int, calls: list[Call]) -> float:
    """Median time from request to first word, in ms, over whole streams.

    Raises: StreamWrong; OSError.
    """
    with socket.create_connection((HOST, port), timeout=_WAIT_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        times = [_one(connection, call.raw(f"{HOST}:{port}")) for call in calls]
    return median(times) * 1e3


def _one(connection: socket.socket, request: bytes) -> float:
    began = time.perf_counter()
    connection.sendall(request)
    heard, first_s = b"", None
    while not heard.endswith(_END):
        data = connection.recv(65536)
        if first_s is None and _FIRST in heard + data:
            first_s = time.perf_counter() - began
        heard += data
        if not data:
            break
    status = heard[:15]
    if b" 200 " not in status or first_s is None or _LAST not in heard:
        raise StreamWrong(f"a stream is wrong: {heard[:300]!r}")
    missing = [word for word in WORDS if word.encode() not in heard]
    if missing:
        raise StreamWrong(f"a stream lacks {missing}")
    return first_s

"""Heads of HTTP requests that were parsed before, so that the same bytes need no second parse."""

from __future__ import annotations

from typing import TypeAlias

from seatrial.serving.exchange import Request

_END = b"\r\n\r\n"

_Fields: TypeAlias = tuple[str, str, bytes, dict[bytes, bytes]]
"""Of a request: method, path, query, headers."""


class Heads:
    """Heads of requests that were parsed before, by their bytes; shared by all connections.

    Only those that leave nothing to decide are kept: a request with a content-length, on a
    connection that stays. When there is no more room all are forgotten, and those still in use come
    back with their next request.

    Args:
        max_bytes: of all heads together; a single one may take a 64th of it.
    """

    def __init__(self, max_bytes: int = 1 << 20) -> None:
        self._known: dict[bytes, tuple[_Fields, int]] = {}
        self._max_bytes = max_bytes
        self._n_bytes = 0

    def read(self, data: bytes) -> Request | None:
        """The request that ``data`` is, neither less nor more; None when its head is not known."""
        head, end, body = data.partition(_END)
        known = self._known.get(head)
        if known is None or not end:
            return None
        (method, path, query, headers), length = known
        return Request(method, path, query, headers, body) if len(body) == length else None

    def learn(self, data: bytes, request: Request) -> None:
        """Keep the head of a request that the parser has read from ``data`` alone."""
        head, end, body = data.partition(_END)
        whole = end and b"content-length" in request.headers and body == request.body
        if not whole or len(head) > self._max_bytes // 64:
            return
        if self._n_bytes + len(head) > self._max_bytes:
            self._known.clear()
            self._n_bytes = 0
        fields = request.method, request.path, request.query, request.headers
        self._known[head] = fields, len(request.body)
        self._n_bytes += len(head)

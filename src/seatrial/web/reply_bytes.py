"""Replies of the data plane as bytes of HTTP/1.1, in one piece for one write."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from seatrial.serving.exchange import Reply

_MAX_HEADS = 64


class ReplyBytes:
    """Keeps the heads of replies that it has written before.

    Most replies differ in their length and body alone: status, content type and further headers are
    looked up, up to where the value of content-length begins.
    """

    __slots__ = ("_default", "_heads")

    def __init__(self) -> None:
        self._heads: dict[tuple[object, ...], bytes] = {}
        self._default: list[tuple[bytes, bytes]] = []

    def of(
        self, reply: Reply, default: list[tuple[bytes, bytes]], *, bodiless: bool, keep_alive: bool
    ) -> bytes:
        """The whole reply.

        Args:
            default: headers of every reply; another list when they change, as with the date.
            bodiless: leave out the body, as in reply to HEAD.
            keep_alive: whether the connection stays.
        """
        if default is not self._default:
            self._heads.clear()
            self._default = default
        known = (reply.status, reply.content_type, reply.headers)
        head = self._heads.get(known)
        if head is None:
            head = _head(reply, default)
            if len(self._heads) < _MAX_HEADS:
                self._heads[known] = head
        return b"%b%d%b%b" % (
            head,
            len(reply.body),
            b"\r\n\r\n" if keep_alive else b"\r\nconnection: close\r\n\r\n",
            b"" if bodiless else reply.body,
        )


def _head(reply: Reply, default: list[tuple[bytes, bytes]]) -> bytes:
    headers = (*default, (b"content-type", reply.content_type), *reply.headers)
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"".join([STATUS_LINE[reply.status], *lines, b"content-length: "])

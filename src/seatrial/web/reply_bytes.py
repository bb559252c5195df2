"""Replies of the data plane as bytes of HTTP/1.1, in one piece for one write."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from seatrial.serving.exchange import Reply

_MAX_HEADS = 64


class ReplyBytes:
    """Keeps the heads of replies that it has written before.

    Most replies differ in their length and body alone: status, content type and further headers are
    looked up, up to where the value of content-length begins. One that comes but once, such as with
    an id in it, is not kept.
    """

    __slots__ = ("_default", "_heads", "_last")

    def __init__(self) -> None:
        self._heads: dict[tuple[object, ...], bytes] = {}
        self._default: list[tuple[bytes, bytes]] = []
        self._last: tuple[object, ...] = ()

    @property
    def n_heads(self) -> int:
        """How many are kept."""
        return len(self._heads)

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
        head = self._heads.get(known) if self._heads else None
        if head is None:
            head = _head(reply, default)
            if known == self._last and len(self._heads) < _MAX_HEADS:
                self._heads[known] = head
            self._last = known
        return b"%b%d%b%b" % (
            head,
            len(reply.body),
            b"\r\n\r\n" if keep_alive else b"\r\nconnection: close\r\n\r\n",
            b"" if bodiless else reply.body,
        )


def _head(reply: Reply, default: list[tuple[bytes, bytes]]) -> bytes:
    headers = (*default, (b"content-type", reply.content_type), *reply.headers)
    lines = b"\r\n".join(map(b": ".join, headers))
    return b"%b%b\r\ncontent-length: " % (STATUS_LINE[reply.status], lines)

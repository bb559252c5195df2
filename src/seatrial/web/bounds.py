"""What one connection may cost, in time and in bytes, and how it ends when that is too much.

Below ASGI, on uvicorn's protocol. A request has so long to become whole, and so many bytes; a reply
so long to be taken. How requests are answered is `web/protocol.py`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from seatrial.serving.exchange import JSON, BodyTooLarge, Reply, Request
from seatrial.serving.plane import DataPlane
from seatrial.web import unread
from seatrial.web.inference import READ_S
from seatrial.web.reply_bytes import ReplyBytes
from seatrial.web.streaming import StreamPlane

_LINGER_S = 2.0
"""How long a client that was refused half-way may go on sending before it is cut off: closing at
once would reset the connection and take the reply with it."""

_MAX_HEAD_BYTES = 64 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """One connection, whose requests and replies are bounded.

    Args: as uvicorn gives them.
    """

    plane: DataPlane | None = None
    """Whose limits hold for bodies; without one they have no limit here."""
    _owner: DataPlane | StreamPlane | None = None  # of the request being read

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hot: Request | None = None  # the request being read, when the plane will answer it
        self._parts: list[bytes] = []  # of its body
        self._owed = False  # the rest of a request
        self._in_head = False
        self._n_unfinished = 0  # bytes of it so far, framing included
        self._since = 0.0  # when it last became the client's turn
        self._over = False
        self._replies = ReplyBytes()
        self._unread = unread.Unread()
        self._watcher: asyncio.TimerHandle | None = None

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._over = True
        self._hot, self._parts = None, []
        if self._watcher is not None:
            self._watcher.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Take no more requests from a client that does not read its replies."""
        super().pause_writing()
        if self._idle():
            self.flow.pause_reading()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        super().resume_writing()
        self._unread.forget()
        if self._idle() and not self.transport.is_closing():
            self.flow.resume_reading()

    def send(self, data: bytes) -> None:
        """See `Connection`."""
        if not self.ending():
            self.transport.write(data)

    def close_after_reply(self) -> None:
        """See `Connection`."""
        if self._owed and not self.ending():
            self._linger()
        else:
            self.transport.close()

    def ending(self) -> bool:
        """See `Connection`."""
        return self._over or self.transport.is_closing()

    # Where it stands

    def _idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _on_long_way(self) -> bool:
        """Whether the request that is being read goes through the ASGI app."""
        return self._owed and not self._in_head and self._hot is None

    def _is_next(self) -> bool:
        """Whether a reply written now would be taken for that of the request being read."""
        if self._on_long_way():
            return not self.pipeline and not self.cycle.response_started
        return self._idle()

    def _waits_for_client(self) -> bool:
        """Whether it is the client's turn: to begin a request, or to go on with one."""
        return self._idle() or (self._on_long_way() and not self.pipeline)

    # Too much

    def _bound_body(self, n_bytes: int) -> None:
        """Refuse the request being read when its body has so many bytes that it is too large."""
        owner = self._owner
        if owner is not None and self._hot is not None:
            most = owner.limits.max_body_bytes
            if n_bytes > most:
                self._refuse(owner.refused(BodyTooLarge(most), self._hot.path))

    def _bound_unfinished(self) -> None:
        """Bound what a request that is not whole yet has taken, framing included."""
        if self._in_head:
            if self._n_unfinished > _MAX_HEAD_BYTES:
                self._refuse(Reply(431, b'{"error":"The headers are too long. Send less."}', JSON))
        elif self.plane is not None:
            most = self.plane.limits.max_body_bytes
            if self._n_unfinished > 2 * (most + _MAX_HEAD_BYTES):
                path = self.url.partition(b"?")[0].decode("latin-1")
                self._refuse(self.plane.refused(BodyTooLarge(most), path))

    def _refuse(self, reply: Reply) -> None:
        """Reply before the request is whole, and read no more of it."""
        if not self._is_next():
            self._over = True
            self.transport.close()
            return
        if self._on_long_way():
            disconnect(self.cycle)
        default = self.server_state.default_headers
        bodiless = self._hot is not None and self._hot.method == "HEAD"
        self.transport.write(self._replies.of(reply, default, bodiless=bodiless, keep_alive=False))
        self._linger()

    def _linger(self) -> None:
        """End the connection without a reset, which would take the reply with it."""
        self._over, self._owed, self._hot, self._parts = True, False, None, []
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(_LINGER_S, self.transport.abort)

    # Too long

    def _watch(self) -> None:
        """Close a connection whose client lets us wait; look again later otherwise."""
        now = self.loop.time()
        closing = self.transport.is_closing()
        if (closing or self.flow.write_paused) and self._unread.too_long(self.transport, now):
            self.transport.abort()
            return
        waits = not closing and not self.flow.read_paused and self._waits_for_client()
        longest = min(READ_S, float(self.timeout_keep_alive), unread.UNREAD_S / 2)
        pause = longest
        if waits:
            left = self._since + (READ_S if self._owed else self.timeout_keep_alive) - now
            if left <= 0 and self._owed:
                self._refuse(Reply(408, b'{"error":"The request took too long. Send it."}', JSON))
            elif left <= 0:
                self.transport.close()
            pause = min(longest, max(left, 0.05))
        self._watcher = self.loop.call_later(pause, self._watch)


def disconnect(cycle: RequestResponseCycle) -> None:
    """Tell an application that its client is gone."""
    cycle.disconnected = True
    cycle.message_event.set()

"""Frames over a stream socket, as an asyncio protocol: whole messages in, whole messages out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

from seatrial.kernel.errors import SeatrialError
from seatrial.serving import frames


class Channel(asyncio.Protocol):
    """One end of a socket.

    Args:
        heard: called with each message.
        lost: called once, when the other end is gone or talks nonsense.
    """

    def __init__(
        self, heard: Callable[[dict[str, object]], None], lost: Callable[[], None]
    ) -> None:
        self._heard = heard
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._wanted = frames.PREFIX.size
        self._sizes: tuple[int, int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._buffer += data
        try:
            while len(self._buffer) >= self._wanted:
                self._advance()
        except SeatrialError:
            self.close()

    def _advance(self) -> None:
        if self._sizes is None:
            self._sizes = frames.sizes(self._buffer[: frames.PREFIX.size])
            self._wanted = frames.PREFIX.size + sum(self._sizes)
            return
        frame, self._buffer = self._buffer, self._buffer[self._wanted :]
        body = memoryview(frame)[frames.PREFIX.size :]
        header, payload = self._sizes
        self._sizes, self._wanted = None, frames.PREFIX.size
        self._heard(frames.unpack(body[:header], body[header : header + payload]))

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        del exc
        self._transport = None
        self._lost()

    def send(self, buffers: Sequence[frames.Buffer]) -> None:
        """Write a frame; nothing happens when the other end is gone."""
        if self._transport is not None:
            self._transport.writelines(buffers)

    def close(self) -> None:
        """Close the socket; ``lost`` is called soon."""
        if self._transport is not None:
            self._transport.abort()

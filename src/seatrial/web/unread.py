"""Replies that a client does not take: how long they are kept for it."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from contextlib import suppress

UNREAD_S = 30.0
"""How long a client may take nothing worth mentioning of what was written for it."""

_PROGRESS_BYTES = 64 * 1024
"""What it has to take meanwhile, or all that is left: a byte now and then would hold megabytes."""


class Unread:
    """What was written to one connection and not taken by its client, and since when."""

    __slots__ = ("_n_bytes", "_since")

    def __init__(self) -> None:
        self._n_bytes = 0
        self._since = 0.0

    def forget(self) -> None:
        """The client has caught up."""
        self._n_bytes = 0

    def too_long(self, transport: asyncio.Transport, now: float) -> bool:
        """Whether the client is to be given up. Ask now and then while nothing more is written.

        Args:
            now: seconds, by a clock that only goes forward.
        """
        n_bytes = transport.get_write_buffer_size() + _in_kernel(transport)
        if not self._n_bytes or n_bytes <= self._n_bytes - _PROGRESS_BYTES:
            self._n_bytes, self._since = n_bytes, now
            return False
        return now - self._since >= UNREAD_S


def _in_kernel(transport: asyncio.Transport) -> int:
    """Bytes the socket was given that the other side has not confirmed.

    A slow client takes from these for long before the socket wants more from us.
    """
    taken = bytearray(4)
    with suppress(OSError, AttributeError, ValueError):  # gone, or no TCP
        fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, taken)
    return int(struct.unpack("i", taken)[0])

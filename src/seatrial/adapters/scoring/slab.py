"""Memory that a scoring process shares with the one that started it: a piece and its answers.

Sockets would copy every row four times. The memory has no name, so that it is gone when both
processes are, however they end.
"""

from __future__ import annotations

import mmap
import os
from typing import Final

import numpy as np

from seatrial.serving.scoring import Bytes

_ROOM: Final = 64 << 20
"""Bytes for answers beyond those of their piece; what is not written takes no memory."""
_ALIGNMENT: Final = 64


class Slab:
    """The memory behind a file descriptor; one side writes at a time.

    Args: fd: of `made`, or as it was inherited.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._bytes = np.empty(0, np.uint8)

    @classmethod
    def made(cls) -> Slab:
        """A new one, for a process to inherit."""
        return cls(os.memfd_create("seatrial-scoring"))

    def put(self, content: Bytes) -> None:
        """Write a piece, at least a byte, and make room for its answers."""
        n = 2 * len(content) + _ROOM
        if len(self._bytes) < n:
            os.ftruncate(self.fd, n)
        self.piece(n)[: len(content)] = content

    def piece(self, n: int) -> Bytes:
        """The first ``n`` bytes, which are there."""
        if len(self._bytes) < n:  # the other side has made it larger
            self._bytes = np.frombuffer(mmap.mmap(self.fd, os.fstat(self.fd).st_size), np.uint8)
        return self._bytes[:n]

    def answer(self, content_bytes: int, table: Bytes) -> bool:
        """Write answers behind a piece; False where there is no room for them."""
        place = self.answers(content_bytes, len(table))
        if len(place) < len(table):
            return False
        place[:] = table
        return True

    def answers(self, content_bytes: int, n: int) -> Bytes:
        """``n`` bytes behind a piece, or as many as there are."""
        start = content_bytes + -content_bytes % _ALIGNMENT
        return self._bytes[start : start + n]

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fd)

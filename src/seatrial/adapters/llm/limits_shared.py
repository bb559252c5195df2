"""Rate limits that several processes of one machine share, in a file mapped into memory.

A store costs each request a transaction; two numbers a key need none. The file is a table of slots
found by a hash of the key; a lock on the file makes what is taken one step. It holds nothing that
outlives a minute, so it may lie in a folder that is gone after a restart of the machine, and must
not be kept over one: the clock starts anew.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from seatrial.gateway.policies.gcra import Buckets, Limits, Refusal, correct, take

_SLOT = struct.Struct("=Qdd")
_PROBES = 32


class SharedLimits:
    """`gateway.policies.limit_store.LimitStore` in a file.

    Where more keys are busy at once than there are slots, the one whose buckets are fullest starts
    with full ones again.

    Args:
        path: made where it is not there; all who share it give the same ``n_slots``.
        n_slots: 24 bytes each, for keys that are busy within the same minute; >= 1.
    """

    def __init__(self, path: Path, n_slots: int = 65_536) -> None:
        self._n_slots = n_slots
        size = n_slots * _SLOT.size
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with self._alone():
            if os.fstat(self._file).st_size != size:
                os.ftruncate(self._file, size)
        self._table = mmap.mmap(self._file, size)

    async def take(self, key: str, limits: Limits, n_tokens: float, now: float) -> Refusal | None:
        """See LimitStore."""
        name = _named(key)
        with self._alone():
            place, buckets = self._slot(name)
            after, refusal = take(buckets, now, limits, n_tokens)
            if refusal is None:
                _SLOT.pack_into(self._table, place, name, after.requests, after.tokens)
        return refusal

    async def correct(self, key: str, limits: Limits, n_tokens: float, now: float) -> None:
        """See LimitStore."""
        name = _named(key)
        with self._alone():
            place, buckets = self._slot(name)
            after = correct(buckets, now, limits, n_tokens)
            _SLOT.pack_into(self._table, place, name, after.requests, after.tokens)

    def close(self) -> None:
        """Let go of the file; it stays."""
        self._table.close()
        os.close(self._file)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)

    def _slot(self, name: int) -> tuple[int, Buckets]:
        """Where a key is kept, and its buckets; else the slot that is least missed."""
        best, soonest = 0, float("inf")
        for step in range(min(_PROBES, self._n_slots)):
            place = (name + step) % self._n_slots * _SLOT.size
            found, requests, tokens = _SLOT.unpack_from(self._table, place)
            if found == name:
                return place, Buckets(requests, tokens)
            full_at = max(requests, tokens)
            if full_at < soonest:
                best, soonest = place, full_at
            if not found:
                break
        return best, Buckets()


def _named(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") or 1

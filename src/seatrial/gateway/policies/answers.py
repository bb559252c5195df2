"""The port: where answers are kept for all processes and beyond their lives."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

import msgspec


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept under a key.

    Args:
        value: as it was put.
        left_s: for how much longer it is kept, > 0.
    """

    value: bytes
    left_s: float


class Answers(Protocol):
    """Bytes under keys, each until it expires or until room is needed.

    Several processes may use one; each asks from one event loop. No call waits for longer than a
    second or two: who is not answered by then is told so.

    Raises: StoreUnavailable, StoreFull, StoreDenied, StoreDamaged, StoreMissing.
    """

    async def get(self, key: str) -> Held | None:
        """What is kept; None where there is nothing, or nothing any more."""
        ...

    def put(self, key: str, value: bytes, *, ttl_s: float) -> Awaitable[None]:
        """Keep a value for ``ttl_s`` > 0 seconds, in place of the one before."""
        ...

    async def delete(self, key: str) -> None:
        """Keep it no longer; does nothing where there is nothing."""
        ...

    async def close(self) -> None:
        """Give back files and connections; nothing may be asked afterwards."""
        ...

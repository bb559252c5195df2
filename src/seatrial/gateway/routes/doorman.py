"""Says who calls: keys as this process knows them, read again from the store every other second.

A key that is revoked is refused within `FRESH_S` seconds while the store answers. While it does
not, keys go on as they were last known, for at most `STALE_S`: after that nobody comes in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from seatrial.gateway.routes.keys import Key, KeyRing, KeyUnknown
from seatrial.kernel.errors import SeatrialError, Unavailable

FRESH_S = 2.0
STALE_S = 300.0
_UNKNOWN_S = 0.2
"""How soon an unknown key may cause another look at the store: a new key works at once, and whoever
sends wrong ones makes no work."""
_PATIENCE_S = 1.0
"""How long a call waits for a store that is slow to answer, while older keys are known."""

_log = logging.getLogger(__name__)


class KeysUnknown(Unavailable):
    """The store with the keys has not answered for too long."""

    code = "gateway.keys_unavailable"


class Doorman:
    """Lets callers in.

    Args:
        read: the ring after what came since the one given; blocks, and runs in a thread.
        open: whether calls without a key are let in while there is none at all.
        now: monotonic, in s.
        wall: seconds since 1970.
    """

    def __init__(
        self,
        read: Callable[[KeyRing], KeyRing],
        *,
        open: bool,  # noqa: A002 - as doors are
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._read, self._open, self._now, self._wall = read, open, now, wall
        self._ring = KeyRing()
        self._read_at: float | None = None
        self._tried_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def admit(self, secret: str | None) -> Key | None:
        """The caller's key; None for one who needs none.

        Raises: KeyUnknown; KeysUnknown.
        """
        age = self._age()
        if age > FRESH_S:
            if self._is_reading() or self._now() - self._tried_at > FRESH_S:
                await self._refresh()
            if self._age() > STALE_S:
                raise KeysUnknown(
                    "The keys of callers cannot be read from the store.",
                    remedy="Try again; if it lasts, see to the store.",
                    retry_after_s=5.0,
                )
        elif age > FRESH_S / 2:
            self._begin_reading()
        key = self._known(secret)
        if key is None and secret is not None and self._now() - self._tried_at > _UNKNOWN_S:
            await self._refresh()
            key = self._known(secret)
        if key is None and (self._ring or not self._open):
            raise KeyUnknown(
                "The API key is missing." if secret is None else "The API key is not known.",
                remedy="Send one made by 'seatrial llm keys create' that was not revoked.",
            )
        return key

    def key(self, key_id: str | None) -> Key | None:
        """The key of a caller who was let in."""
        return None if key_id is None else self._ring.get(key_id)

    def _known(self, secret: str | None) -> Key | None:
        return None if secret is None else self._ring.find(secret, at_s=self._wall())

    def _age(self) -> float:
        return float("inf") if self._read_at is None else self._now() - self._read_at

    async def _refresh(self) -> None:
        reading = self._begin_reading()
        left_s = None
        if self._age() <= STALE_S:
            left_s = max(0.0, _PATIENCE_S - (self._now() - self._tried_at))
        await asyncio.wait({reading}, timeout=left_s)

    def _is_reading(self) -> bool:
        return self._reading is not None and not self._reading.done()

    def _begin_reading(self) -> asyncio.Task[None]:
        if self._reading is None or self._reading.done():
            self._tried_at = self._now()
            self._reading = asyncio.ensure_future(self._read_again())
        return self._reading

    async def _read_again(self) -> None:
        began = self._tried_at
        try:
            self._ring = await asyncio.to_thread(self._read, self._ring)
            self._read_at = began
        except SeatrialError as problem:
            _log.warning("the keys of callers were not read again: %s", problem)

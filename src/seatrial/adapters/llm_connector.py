"""Connections of aiohttp that are not cut short while they are being made.

When connecting is cancelled, aiohttp closes the socket, which uvloop has taken over by then and
closes as well. The second of the two hits whatever has got the number in between, another client's
connection or the ledger's file, and libuv ends a process whose descriptors vanish (libuv/libuv
#5130). So connecting goes on by itself when whoever asked for it has left, and what comes of it is
closed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp import TCPConnector


def connector(*, keepalive_timeout: float) -> TCPConnector:
    """A connector without a limit of its own.

    Args:
        keepalive_timeout: how long a connection without work is kept, in s.
    """
    import aiohttp

    class Unhurried(aiohttp.TCPConnector):
        """See the module."""

        async def _create_connection(self, *args: Any, **options: Any) -> Any:
            making = asyncio.ensure_future(super()._create_connection(*args, **options))
            try:
                return await asyncio.shield(making)
            except asyncio.CancelledError:
                making.add_done_callback(_close)
                raise

    return Unhurried(limit=0, keepalive_timeout=keepalive_timeout)


def _close(made: asyncio.Future[Any]) -> None:
    """Close a connection that nobody waits for any more."""
    if not made.cancelled() and made.exception() is None:
        made.result().close()

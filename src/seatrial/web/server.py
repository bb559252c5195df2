"""Runs an ASGI app on a listening socket until it is told to stop, through uvicorn."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import uvicorn
import uvloop

from seatrial.web.app import App
from seatrial.web.protocol import HotProtocol

_KEEP_ALIVE_S = 75
_DRAIN_S = 10
_COLLECT_AFTER = (50_000, 20, 50)
"""Requests make thousands of objects and next to no cycles: looking for these less often takes a
tenth less CPU."""
_SETTLE_S = 5.0
"""For replies that were ended in the middle: what was begun for them has to be put in order."""


class _Server(uvicorn.Server):
    """uvicorn's, but for signals: it would end the process with them before ``after`` has run."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone; the loop tells `handle_exit` of them."""
        yield


async def _nothing() -> None:
    """What happens before and after when nobody says otherwise."""


def serve(
    app: App,
    listening: socket.socket,
    *,
    stop_fd: int | None = None,
    before: Callable[[], Awaitable[None]] = _nothing,
    after: Callable[[], Awaitable[None]] = _nothing,
) -> None:
    """Serve until SIGTERM or SIGINT, or until ``stop_fd`` reaches its end; then drain and return.

    Args:
        listening: a bound, listening socket; may be shared with other processes.
        stop_fd: a file that ends when the parent process does, such as the reading end of a pipe.
        before: runs on the event loop before the first connection is accepted.
        after: runs on the event loop when the last connection has been answered.
    """
    config = uvicorn.Config(
        app,
        http=HotProtocol,
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_DRAIN_S,
    )
    uvloop.run(_run(_Server(config), listening, stop_fd, before, after))


async def _run(
    server: _Server,
    listening: socket.socket,
    stop_fd: int | None,
    before: Callable[[], Awaitable[None]],
    after: Callable[[], Awaitable[None]],
) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.handle_exit, number, None)
    if stop_fd is not None:
        loop.add_reader(stop_fd, _on_readable, server, loop, stop_fd)
    await before()
    # What is there now stays: the collector, which stops everything, need not look at it again.
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    try:
        await server.serve(sockets=[listening])
        if cut := set(server.server_state.tasks):
            await asyncio.wait(cut, timeout=_SETTLE_S)
    finally:
        await after()


def _on_readable(server: uvicorn.Server, loop: asyncio.AbstractEventLoop, stop_fd: int) -> None:
    if not os.read(stop_fd, 512):
        loop.remove_reader(stop_fd)
        server.should_exit = True

"""Runs an ASGI app on an inherited socket until it is told to stop, through uvicorn."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable

import uvicorn
import uvloop

from seatrial.web.protocol import HotProtocol

_KEEP_ALIVE_S = 75
_DRAIN_S = 20


def serve(
    app: Callable[..., Awaitable[None]],
    listening: socket.socket,
    *,
    stop_fd: int | None = None,
    on_loop: Callable[[asyncio.AbstractEventLoop], None] = lambda _: None,
) -> None:
    """Serve until SIGTERM or SIGINT, or until ``stop_fd`` reaches its end; then drain and return.

    Args:
        app: an ASGI application that carries its data plane as ``app.plane``.
        listening: a bound, listening socket; may be shared with other processes.
        stop_fd: reading end of a pipe that nobody writes to: its end means that the parent is gone.
        on_loop: is called on the running event loop before the first connection is accepted.
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
        backlog=2048,
    )
    server = uvicorn.Server(config)
    uvloop.run(_run(server, listening, stop_fd, on_loop))


async def _run(
    server: uvicorn.Server,
    listening: socket.socket,
    stop_fd: int | None,
    on_loop: Callable[[asyncio.AbstractEventLoop], None],
) -> None:
    loop = asyncio.get_running_loop()
    on_loop(loop)
    if stop_fd is not None:
        loop.add_reader(stop_fd, _on_readable, server, loop, stop_fd)
    await server.serve(sockets=[listening])


def _on_readable(server: uvicorn.Server, loop: asyncio.AbstractEventLoop, stop_fd: int) -> None:
    if not os.read(stop_fd, 512):
        loop.remove_reader(stop_fd)
        server.should_exit = True

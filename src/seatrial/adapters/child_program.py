"""What programs of child processes share: their bounds, and answering calls on a socket.

A child answers one call at a time on the socket it was given (`serving/spawn.py` starts it). It
bounds its own memory, leaves no core dump, and asks the kernel to kill its process group when the
process that started it is gone.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from seatrial.kernel.errors import SeatrialError
from seatrial.serving import frames

_F_SETSIG: Final = 10
_KEPT_OUTPUT: Final = 1 << 16
_MAX_FILE: Final = 1 << 28

Answer: TypeAlias = Callable[[Mapping[str, object]], dict[str, object]]
"""The reply to one message; it raises nothing."""


def serve(channel: socket.socket, answer: Answer) -> None:
    """Answer calls until the other side is gone."""
    while True:
        message = _receive(channel)
        if message is None:
            return
        reply = answer(message)
        reply["rss"] = _resident_bytes()
        _forget_output()
        _send(channel, reply)


def _send(channel: socket.socket, reply: Mapping[str, object]) -> None:
    try:
        buffers = frames.pack(reply)
    except SeatrialError as error:
        buffers = frames.pack({"error": error.as_dict(), "rss": reply["rss"]})
    for buffer in buffers:
        channel.sendall(buffer)


def _receive(channel: socket.socket) -> dict[str, object] | None:
    prefix = _exactly(channel, frames.PREFIX.size)
    if prefix is None:
        return None
    header_size, payload_size = frames.sizes(prefix)
    header = _exactly(channel, header_size)
    payload = _exactly(channel, payload_size)
    if header is None or payload is None:
        return None
    return frames.unpack(header, payload)


def _exactly(channel: socket.socket, size: int) -> bytearray | None:
    """The next ``size`` bytes, writable for models that work in place; None at the end."""
    data = bytearray(size)
    view, at = memoryview(data), 0
    while at < size:
        got = channel.recv_into(view[at:])
        if got == 0:
            return None
        at += got
    return data


def _resident_bytes() -> int:
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  on the way of every call
        return int(file.read().split()[1]) * resource.getpagesize()


def _forget_output() -> None:
    """Keep what the model prints from growing without end."""
    if os.fstat(1).st_size > _KEPT_OUTPUT:
        os.ftruncate(1, 0)


def _bound(memory_bytes: int, lifeline: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    file_bytes = max(_MAX_FILE, memory_bytes)  # a model that fits in memory may be written down
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The pipe becomes readable only when the last writer, the server, is gone. The kernel sends
    # the signal, so it arrives even while native code holds the interpreter; PR_SET_PDEATHSIG
    # would fire when the thread that started us ends.
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(lifeline, _F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    _die_if_alone(lifeline)


def _die_if_alone(lifeline: int) -> None:
    """The server may have gone before the kernel was asked."""
    watch = select.poll()
    watch.register(lifeline, select.POLLIN)
    if watch.poll(0):
        sys.exit(0)


def run(arguments: list[str], answer: Answer) -> None:
    """Serve on the socket and under the limits given as file descriptors and bytes."""
    channel, lifeline, memory_bytes = map(int, arguments)
    _bound(memory_bytes, lifeline)
    for inherited in (channel, lifeline):
        fcntl.fcntl(inherited, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    with socket.socket(fileno=channel) as connection:
        serve(connection, answer)

"""Child processes that parse: a few, started when first needed, replaced when one is lost."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, Self, cast

import msgspec

from seatrial.adapters.documents.child import about_to_dict
from seatrial.kernel.errors import SeatrialError
from seatrial.rag.loading.loader import About, Flaw, Parsed, Piece
from seatrial.rag.loading.outcome import Reason, Unloadable
from seatrial.serving import frames
from seatrial.serving.spawn import ChildLimits, Spawned

_PROGRAM: Final = "seatrial.adapters.documents.child"
_START_S: Final = 60.0
_MOST_WORKERS: Final = 4


class LoaderPool:
    """See Isolation. A context manager; its processes end with it.

    Args:
        n_workers: how many run at once; 0 for one a core, up to 4.
        memory_bytes: what each may use.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        n_workers: int = 0,
        *,
        memory_bytes: int = 1_500_000_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        cores = len(os.sched_getaffinity(0))
        self._n_workers = n_workers or min(cores, _MOST_WORKERS)
        self._limits = ChildLimits(memory_bytes=memory_bytes * 2 // 3, start_s=_START_S)
        self._clock = clock
        self._idle: list[_Parser] = []
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(self._n_workers)
        self._closed = False

    @property
    def n_workers(self) -> int:
        """See Isolation."""
        return self._n_workers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; those at work end with their file."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for parser in idle:
            parser.dispose()

    def load(self, format_: str, content: bytes, about: About) -> Sequence[Piece]:
        """See Isolation."""
        message = {"format": format_, "content": content, "about": about_to_dict(about)}
        with self._slots:
            parser = self._taken()
            try:
                reply = parser.call(message, about.limits.time)
            except BaseException:
                parser.dispose()
                raise
            self._give_back(parser)
        if "error" in reply:
            raise _revived(cast("Mapping[str, object]", reply["error"]))
        return [_piece(plain) for plain in cast("list[dict[str, object]]", reply["ok"])]

    def _taken(self) -> _Parser:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        try:
            return _Parser(self._limits, self._clock)
        except OSError as error:
            raise Unloadable(
                f"could not be parsed: no process can be started ({error.strerror or error}).",
                remedy="Free memory, processes or file descriptors, and load again.",
                reason=Reason.CRASHED,
            ) from error

    def _give_back(self, parser: _Parser) -> None:
        with self._lock:
            kept = not self._closed and parser.rss_bytes < self._limits.memory_bytes // 2
            if kept:
                self._idle.append(parser)
        if not kept:
            parser.dispose()


class _Parser:
    """One child process; one call at a time."""

    def __init__(self, limits: ChildLimits, clock: Callable[[], float]) -> None:
        self._process = Spawned(limits, (), program=_PROGRAM)
        self._clock = clock
        self.rss_bytes = 0
        try:
            self.call({"op": "ping"}, limits.start_s)
        except BaseException:
            self.dispose()
            raise

    def call(self, message: Mapping[str, object], timeout_s: float) -> dict[str, object]:
        """The reply to a message.   Raises: Unloadable."""
        until = self._clock() + timeout_s
        try:
            for buffer in frames.pack(message):
                self._channel(until).sendall(buffer)
            sizes = frames.sizes(self._exactly(frames.PREFIX.size, until))
            header, payload = (self._exactly(size, until) for size in sizes)
            reply = frames.unpack(header, payload)
        except TimeoutError as error:
            raise Unloadable(
                f"was not parsed within {timeout_s:g} s.",
                remedy="Split it or leave it out, or raise limits.time.",
                reason=Reason.TOO_SLOW,
                timeout_s=timeout_s,
            ) from error
        except (OSError, EOFError) as error:
            raise Unloadable(
                "ended the process that parsed it.",
                remedy="Save it again in the program it is from, or leave it out with exclude.",
                reason=Reason.CRASHED,
                output=self._process.output()[-1000:],
            ) from error
        except SeatrialError as error:
            raise Unloadable(error.problem, remedy=error.remedy, reason=Reason.TOO_LARGE) from error
        self.rss_bytes = int(cast("int", reply.get("rss", 0)))
        return reply

    def dispose(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            self._process.channel.close()
        self._process.dispose()

    def _channel(self, until: float) -> socket.socket:
        left = until - self._clock()
        if left <= 0:
            raise TimeoutError
        self._process.channel.settimeout(left)
        return self._process.channel

    def _exactly(self, size: int, until: float) -> bytearray:
        data = bytearray(size)
        view, at = memoryview(data), 0
        while at < size:
            got = self._channel(until).recv_into(view[at:])
            if not got:
                raise EOFError
            at += got
        return data


def _piece(plain: dict[str, object]) -> Piece:
    if "flaw" in plain:
        return msgspec.convert(plain["flaw"], Flaw)
    return msgspec.convert(plain["parsed"], Parsed)


def _revived(record: Mapping[str, object]) -> Unloadable:
    facts = cast("dict[str, object]", record.get("facts") or {})
    reason = str(facts.pop("reason", Reason.UNREADABLE))
    return Unloadable(
        str(record.get("problem")), remedy=str(record.get("remedy")), reason=reason, **facts
    )

"""Database connections kept between calls: one thread at a time uses each, none crosses a fork."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import StoreUnavailable

C = TypeVar("C")


class Pool(Generic[C]):
    """Lends connections, newest first, and makes one when none is idle.

    A connection opened before a fork belongs to the parent: using it in the child, or only closing
    it there, breaks the parent's locks or session. The child keeps such connections untouched.

    Args:
        connect: makes a connection.
        close: ends one; must not raise.
        fresh: whether an idle connection still works, without asking the server.
        n_idle: how many idle ones are kept.
    """

    def __init__(
        self,
        connect: Callable[[], C],
        close: Callable[[C], None],
        *,
        fresh: Callable[[C], bool] = lambda _: True,
        n_idle: int = 4,
    ) -> None:
        self._connect = connect
        self._close = close
        self._fresh = fresh
        self._n_idle = n_idle
        self._open = True
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._idle: list[C] = []

    @contextmanager
    def lend(self) -> Iterator[C]:
        """A connection for one call; it is dropped after any error that is not of seatrial's.

        Raises: StoreUnavailable when the pool was closed; whatever ``connect`` raises.
        """
        connection = self._take()
        try:
            yield connection
        except SeatrialError:
            self._give_back(connection)
            raise
        except BaseException:
            self._close(connection)
            raise
        self._give_back(connection)

    def close(self) -> None:
        """Close the idle connections; lent ones are closed when they come back."""
        if self._pid != os.getpid():
            self._forked()
        with self._lock:
            self._open = False
            idle, self._idle = self._idle, []
        for connection in idle:
            self._close(connection)

    def _take(self) -> C:
        if self._pid != os.getpid():
            self._forked()
        while True:
            with self._lock:
                if not self._open:
                    raise StoreUnavailable("The store was closed.", remedy="Open it again.")
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._connect()
            if self._fresh(connection):
                return connection
            self._close(connection)

    def _give_back(self, connection: C) -> None:
        with self._lock:
            keep = self._open and len(self._idle) < self._n_idle
            if keep:
                self._idle.append(connection)
        if not keep:
            self._close(connection)

    def _forked(self) -> None:
        # The parent's lock may be held by a thread that does not exist here, hence a new one. The
        # old connections stay referenced so that no destructor closes them.
        self._inherited = (getattr(self, "_inherited", None), self._idle)
        self._begin()

"""Child processes started before a model comes: starting them is most of packaging's time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum
from typing import TypeAlias

from seatrial.kernel.errors import SeatrialError
from seatrial.packaging.session import ModelSession
from seatrial.serving.spawn import ChildLimits


class For(Enum):
    """What a session is for, with the modules it will need most likely."""

    MODEL = (
        "sklearn.pipeline",
        "sklearn.linear_model",
        "sklearn.ensemble",
        "pandas",
        "picklescan",
        "seatrial.adapters.native.opening",
        "seatrial.adapters.export.sklearn",
        "skl2onnx",
    )
    GRAPH = ("seatrial.adapters.serving.onnxruntime",)


Start: TypeAlias = Callable[[For], ModelSession]
"""Gives a session that is entered; whoever asked exits it."""


def starter(limits: ChildLimits) -> Start:
    """Starts a session when it is asked for."""
    return lambda _: ModelSession(limits=limits).__enter__()


class Standby:
    """Keeps one session ready of each kind. Thread-safe.

    Args:
        limits: of the processes.
        start: starts one.
    """

    def __init__(self, limits: ChildLimits, *, start: Start | None = None) -> None:
        self._start = start or starter(limits)
        self._ready: dict[For, ModelSession] = {}
        self._lock = threading.Lock()
        self._closed = False

    def session(self, kind: For) -> ModelSession:
        """The session that is ready, else a new one.   Raises: as starting one does."""
        with self._lock:
            ready = self._ready.pop(kind, None)
        if ready is not None:
            try:
                ready.prepare(())  # it may have been ended meanwhile
            except SeatrialError:
                ready.__exit__(None, None, None)
            else:
                return ready
        return self._start(kind)

    def refill(self) -> None:
        """Make ready what is missing. Blocks: for a thread that nobody waits for."""
        for kind in For:
            with self._lock:
                missing = kind not in self._ready and not self._closed
            if missing:
                self._keep(kind)

    def close(self) -> None:
        """End what is ready."""
        with self._lock:
            self._closed = True
            ready, self._ready = list(self._ready.values()), {}
        for session in ready:
            session.__exit__(None, None, None)

    def _keep(self, kind: For) -> None:
        session = self._start(kind)
        try:
            session.prepare(kind.value)
        except BaseException:
            session.__exit__(None, None, None)
            raise
        with self._lock:
            if not self._closed and kind not in self._ready:
                self._ready[kind] = session
                return
        session.__exit__(None, None, None)

"""A sample of what serving looked up, in files of JSON lines: one a worker, bounded, pruned."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from seatrial.features.served import Served, from_line, to_line

_log = logging.getLogger(__name__)

MAX_BYTES = 16 << 20
"""Of a file; then the one before is forgotten and this takes its place."""

_MAX_WAITING = 10_000
_WRITE_S = 2.0


class ServedFile:
    """`features.served.ServedSink` in a folder of an endpoint.

    A thread writes every two seconds; what cannot be written is dropped, and said once.

    Args:
        folder: made at the first row.
        name: of the worker, unique among those that write there.
        rate: share of rows that are kept, in [0, 1].
        chance: a number in [0, 1), drawn anew with each call.
    """

    def __init__(
        self, folder: Path, *, name: str, rate: float, chance: Callable[[], float]
    ) -> None:
        self._folder = folder
        self._path = folder / f"{name}.jsonl"
        self._rate = rate
        self._chance = chance
        self._waiting: deque[Served] = deque(maxlen=_MAX_WAITING)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._said = False

    def wants(self) -> bool:
        """See ServedSink."""
        return self._chance() < self._rate

    def offer(self, served: Served) -> None:
        """See ServedSink."""
        self._waiting.append(served)
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="served", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Write what waits, and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _write(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stop.wait(_WRITE_S)
            lines = []
            while self._waiting:
                lines.append(to_line(self._waiting.popleft()))
            if lines:
                try:
                    self._append("\n".join(lines) + "\n")
                except OSError as problem:
                    if not self._said:
                        _log.warning("looked-up features are not kept: %s", problem)
                    self._said = True

    def _append(self, text: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._path.exists() and self._path.stat().st_size > MAX_BYTES:
            self._path.replace(self._path.with_suffix(".before.jsonl"))
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text)


def read_served(folder: Path, *, since_us: int, limit: int) -> list[Served]:
    """What was kept since a time, the newest first.

    Args: limit: how many at most; of more, as many are taken evenly over time.
    """
    found = sorted(
        (one for one in _all(folder) if one.at_us >= since_us), key=lambda one: -one.at_us
    )
    step = max(1, -(-len(found) // limit))
    return found[::step]


def prune_served(folder: Path, *, before_s: float) -> None:
    """Remove files of all endpoints that were last written before a time, in seconds since 1970."""
    for file in folder.glob("*/*.jsonl"):
        if file.stat().st_mtime < before_s:
            file.unlink(missing_ok=True)


def _all(folder: Path) -> Iterator[Served]:
    for file in sorted(folder.glob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                served = from_line(line)
                if served is not None:
                    yield served

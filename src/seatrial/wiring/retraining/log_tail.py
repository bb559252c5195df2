"""What is new in a log that grows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class LogTail:
    """The new lines of a growing log."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self._path = path
        self._say = say
        self._place = 0

    def read(self) -> None:
        """Say what came since the last time; lines that are not whole yet wait."""
        with suppress(OSError), self._path.open("rb") as file:
            file.seek(self._place)
            text = file.read(1 << 20)
            whole = text[: text.rfind(b"\n") + 1]
            self._place += len(whole)
            for line in whole.decode("utf-8", "replace").splitlines():
                self._say(line)

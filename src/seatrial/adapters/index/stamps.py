"""Stamps of the files that an index was built from, kept in its folder while they can be trusted.

They can within the boot of the machine in which they were taken, while nobody set its clock back.
After the next start, on another machine, or where the file is damaged, every file is read once
more: nothing depends on it but time.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from seatrial.adapters.index.drives_linux import BootClock
from seatrial.adapters.index.file import read_checked, write_checked
from seatrial.rag.index.failures import IndexDamaged
from seatrial.rag.loading.stamps import Stamped

_FORMAT = 1
_TOLERATED_NS = 50_000_000
"""So far may the clock seem to be set back, for it is read twice; stamps are of files that had
settled for longer (`SETTLED_NS`)."""


class _Kept(msgspec.Struct, array_like=True, frozen=True):
    """Args: clock_ns: most that the clock was ahead of the time since the start."""

    format: int
    boot: str
    clock_ns: int
    files: dict[str, Stamped]


_kept = msgspec.msgpack.Decoder(_Kept)


class StampFile:
    """The file of one index, for one builder at a time.

    Args: clock: as it was before any file was read; None where stamps cannot be trusted at all.
    """

    def __init__(self, path: Path, clock: BootClock | None) -> None:
        self._path = path
        self._clock = clock
        self._clock_ns = clock.most_ns if clock else 0
        self._read: Mapping[str, Stamped] | None = None

    def read(self) -> Mapping[str, Stamped]:
        """The stamps that can be trusted, by the name of the source.

        Raises: IndexDenied, IndexUnavailable.
        """
        if self._clock is None:
            return {}
        with suppress(FileNotFoundError, IndexDamaged, msgspec.MsgspecError):
            kept = _kept.decode(read_checked(self._path))
            was_set_back = self._clock.least_ns + _TOLERATED_NS < kept.clock_ns
            if kept.format == _FORMAT and kept.boot == self._clock.boot and not was_set_back:
                self._clock_ns = max(self._clock_ns, kept.clock_ns)
                self._read = kept.files
                return kept.files
        return {}

    def write(self, files: Mapping[str, Stamped]) -> None:
        """Keep these, and no others.   Raises: IndexDenied, IndexUnavailable."""
        if self._clock is None or files == self._read:
            return
        kept = _Kept(_FORMAT, self._clock.boot, self._clock_ns, dict(files))
        write_checked(self._path, msgspec.msgpack.encode(kept))

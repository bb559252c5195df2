"""SQLite's result codes as the store's errors.   Source: sqlite.org/rescode.html."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import (
    StoreDamaged,
    StoreDenied,
    StoreFull,
    StoreMissing,
    StoreUnavailable,
)


def translate(error: sqlite3.Error, path: Path) -> SeatrialError | None:
    """What ``error`` means for the store at ``path``; None for a mistake of our own.

    Args:
        error: as raised by `sqlite3`.
        path: the file.
    """
    code = getattr(error, "sqlite_errorcode", 0)
    make = _MEANING.get(code) or _MEANING.get(code & 0xFF)
    return make(error, path) if make else None


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise SQLite's errors as `translate` has them; a mistake of our own stays what it is."""
    try:
        yield
    except sqlite3.Error as error:
        meaning = translate(error, path)
        if meaning is None:
            raise
        raise meaning from error


def damaged(path: Path, how: str) -> StoreDamaged:
    """The error for a file that cannot be read as a store."""
    return StoreDamaged(
        f"The file {path} {how}.",
        remedy="Name another file, restore a backup, or salvage it: sqlite3 FILE .recover",
    )


def absent(path: Path) -> StoreMissing:
    """The error for a file that is to be read and is not there."""
    return StoreMissing(
        f"There is no store {path}.", remedy="Name the home folder with --home or SEATRIAL_HOME."
    )


def outdated(path: Path) -> StoreDenied:
    """The error for tables that are not of this version, where nothing may be written."""
    return StoreDenied(
        f"{path} is of an earlier version of seatrial, and this user may not bring it up to date.",
        remedy="Run a command as its owner once, such as `seatrial status`.",
    )


def moved(path: Path) -> StoreMissing:
    """The error for a file that is no longer the one that was opened."""
    return StoreMissing(
        f"The store {path} was moved or deleted while in use.",
        remedy="Stop every seatrial that uses it, then put it back or start anew.",
    )


def _not_opened(error: sqlite3.Error, path: Path) -> SeatrialError:
    if path.parent.is_dir():
        return _denied(error, path)
    return StoreMissing(
        f"The folder of the store {path} is not there.",
        remedy=f"Make it: mkdir -p {path.parent}",
    )


def _denied(error: sqlite3.Error, path: Path) -> SeatrialError:
    return StoreDenied(
        f"{path} cannot be opened for writing ({error}).",
        remedy="Give this user the right to write the file and its folder.",
    )


def _full(error: sqlite3.Error, path: Path) -> SeatrialError:
    return StoreFull(
        f"There is no room left to write {path} ({error}).",
        remedy="Free space on its drive, or raise the quota, and try again.",
    )


def _broken(error: sqlite3.Error, path: Path) -> SeatrialError:
    return damaged(path, f"cannot be read as a store ({error})")


def _unavailable(error: sqlite3.Error, path: Path) -> SeatrialError:
    return StoreUnavailable(
        f"{path} does not answer ({error}).",
        remedy="Try again; if it stays so, end the process that holds it.",
    )


_MEANING: dict[int, Callable[[sqlite3.Error, Path], SeatrialError]] = {
    sqlite3.SQLITE_FULL: _full,
    sqlite3.SQLITE_IOERR_WRITE: _full,  # a quota or a limit on file sizes, more often than a fault
    sqlite3.SQLITE_IOERR_SHMSIZE: _full,
    sqlite3.SQLITE_CANTOPEN: _not_opened,
    sqlite3.SQLITE_READONLY: _denied,
    sqlite3.SQLITE_PERM: _denied,
    sqlite3.SQLITE_AUTH: _denied,
    sqlite3.SQLITE_CORRUPT: _broken,
    sqlite3.SQLITE_NOTADB: _broken,
    sqlite3.SQLITE_BUSY: _unavailable,
    sqlite3.SQLITE_LOCKED: _unavailable,
    sqlite3.SQLITE_PROTOCOL: _unavailable,
    sqlite3.SQLITE_IOERR: _unavailable,
    sqlite3.SQLITE_NOMEM: _unavailable,
    sqlite3.SQLITE_INTERRUPT: _unavailable,
}

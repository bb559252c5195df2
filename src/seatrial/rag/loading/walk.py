"""The files under what was named, and how they are opened: nothing outside it is ever read.

Links are followed to files inside the folder; links out of it, and links to folders, are told.
Pipes, sockets and devices are never opened. A file that is swapped for a link while loading runs
is noticed after it was opened, by the path that the kernel says it has.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

import msgspec

from seatrial.rag.loading.globs import Globs
from seatrial.rag.loading.outcome import Reason, Skipped, Unloadable, skipped

_CHUNK_BYTES = 1 << 20
_NAME = attrgetter("name")


class Found(msgspec.Struct, frozen=True):
    """A file to read.

    Args:
        path: where it lies, links resolved.
        root: the folder that it must lie in, links resolved.
        source: its path under the folder named, with ``/``; bytes that are no UTF-8 are escaped.
        status: as of when it was found.
    """

    path: str
    root: str
    source: str
    status: os.stat_result


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which files of a folder count. The number of files bounds the walk, not the folder."""

    include: Globs
    exclude: Globs
    hidden: bool
    max_files: int

    def takes(self, source: str) -> bool:
        """Whether a file is among them by its path."""
        if self.include and not self.include.match(source):
            return False
        return not self.exclude.match(source)


def walk(named: Path, choice: Choice) -> Iterator[Found | Skipped]:
    """The files under a path in the order of their names, each folder after its files."""
    shown = str(named)
    try:
        path = os.path.realpath(named, strict=True)
        status = os.stat(path)  # noqa: PTH116  one style in this module: paths are strings
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        yield skipped(
            shown,
            Unloadable(
                "is not there." if missing else f"cannot be read ({_why(error)}).",
                remedy="Give the path of a file or folder, and the right to read it.",
                reason=Reason.NOT_FOUND if missing else Reason.UNREADABLE,
            ),
        )
        return
    if stat.S_ISDIR(status.st_mode):
        yield from _Walk(path, choice).files()
        return
    root, _ = os.path.split(path)
    yield _found_or_special(path, root, escaped(named.name), status)


class _Walk:
    def __init__(self, root: str, choice: Choice) -> None:
        self._root = root
        self._choice = choice
        self._chooses = bool(choice.include or choice.exclude)

    def files(self) -> Iterator[Found | Skipped]:
        n_files, hidden = 0, self._choice.hidden
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(os.path.join(self._root, folder)) as entries:  # noqa: PTH118
                    listed = sorted(entries, key=_NAME)
            except OSError as error:
                yield skipped(escaped(folder) or self._root, _unreadable(error))
                continue
            inner: list[str] = []
            for entry in listed:
                name = entry.name
                if name[0] == "." and not hidden:
                    continue
                item = self._entry(folder + name, entry, inner)
                if item is None:
                    continue
                n_files += 1
                if n_files > self._choice.max_files:
                    yield skipped(self._root, _too_many(self._choice.max_files))
                    return
                yield item
            folders.extend(f"{name}/" for name in reversed(inner))

    def _entry(
        self, name: str, entry: os.DirEntry[str], inner: list[str]
    ) -> Found | Skipped | None:
        """What an entry of a folder is; a folder is added to ``inner``."""
        source = name if name.isascii() else escaped(name)
        try:
            if entry.is_dir(follow_symlinks=False):
                if not self._choice.exclude.cover(source):
                    inner.append(name)
                return None
            if self._chooses and not self._choice.takes(source):
                return None
            if entry.is_file(follow_symlinks=False):  # and if it is not any more, it is not read
                return Found(entry.path, self._root, source, entry.stat(follow_symlinks=False))
            if entry.is_symlink():
                return self._link(entry.path, source)
            return skipped(source, _special())
        except OSError as error:
            return skipped(source, _unreadable(error))

    def _link(self, path: str, source: str) -> Found | Skipped:
        target = os.path.realpath(path, strict=True)
        if target != self._root and not _inside(target, self._root):
            return skipped(source, _outside("is a link that leads"))
        status = os.stat(target)  # noqa: PTH116
        if stat.S_ISDIR(status.st_mode):
            error = Unloadable(
                "is a link to a folder, whose files are read where they lie.",
                remedy="Leave it out with exclude to be rid of this line.",
                reason=Reason.LINK,
            )
            return skipped(source, error)
        return _found_or_special(target, self._root, source, status)


def open_found(found: Found) -> tuple[BinaryIO, os.stat_result]:
    """Open a file for reading, if it still is a file inside its folder.

    Returns: also its status, of before anything is read.   Raises: Unloadable.
    """
    fd, status = _opened(found)
    return os.fdopen(fd, "rb", buffering=0), status


def read_found(found: Found, limit: int) -> tuple[bytes | None, os.stat_result]:
    """All of a file that `open_found` would open, which may have grown since it was found.

    Returns: None where it has more than `limit` bytes; its status, of before it was read.
    Raises: Unloadable; OSError of its drive.
    """
    fd, status = _opened(found)
    try:
        return _read(fd, status.st_size, limit), status
    finally:
        os.close(fd)


def _read(fd: int, n_bytes: int, limit: int) -> bytes | None:
    if n_bytes > limit:
        return None
    content = os.read(fd, n_bytes + 1)
    if len(content) == n_bytes:  # asked for more: this is its end
        return content
    grown = bytearray(content)
    while len(grown) <= limit and (more := os.read(fd, _CHUNK_BYTES)):
        grown += more
    return bytes(grown) if len(grown) <= limit else None


def _opened(found: Found) -> tuple[int, os.stat_result]:
    """A descriptor of a file inside its folder, and its status.   Raises: Unloadable."""
    try:
        # Without O_NONBLOCK a pipe that took the file's place would hang us.
        fd = os.open(found.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise _unreadable(error) from error
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise _special()
        if not _inside(os.readlink(f"/proc/self/fd/{fd}"), found.root):  # noqa: PTH115
            raise _outside("lies, by now,")
    except OSError as error:
        os.close(fd)
        raise _unreadable(error) from error
    except BaseException:
        os.close(fd)
        raise
    return fd, status


def escaped(path: str) -> str:
    """A path as text that can be stored: bytes that are no UTF-8 become ``\\xNN``."""
    return path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")


def _found_or_special(path: str, root: str, source: str, status: os.stat_result) -> Found | Skipped:
    if not stat.S_ISREG(status.st_mode):
        return skipped(source, _special())
    return Found(path, root, source, status)


def _inside(path: str, root: str) -> bool:
    return path.startswith(root if root.endswith("/") else f"{root}/")


def _outside(how: str) -> Unloadable:
    return Unloadable(
        f"{how} out of the folder that was named.",
        remedy="Name the folder it leads to as a source of its own.",
        reason=Reason.OUTSIDE,
    )


def _special() -> Unloadable:
    return Unloadable(
        "is a pipe, a socket or a device, not a file.",
        remedy="Leave it out with exclude.",
        reason=Reason.SPECIAL,
    )


def _unreadable(error: Exception) -> Unloadable:
    return Unloadable(
        f"cannot be read ({_why(error)}).",
        remedy="Give this user the right to read it, or leave it out with exclude.",
        reason=Reason.UNREADABLE,
    )


def _too_many(limit: int) -> Unloadable:
    return Unloadable(
        f"has more than {limit:,} files; those after them are left out.",
        remedy="Choose fewer with include and exclude, or raise limits.files.",
        reason=Reason.TOO_LARGE,
        limit=limit,
    )


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)

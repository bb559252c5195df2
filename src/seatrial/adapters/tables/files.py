"""Rows from files: one, a folder, or a pattern; read in the order of their names, and followed.

The place in them holds for each file how far it was read and a mark of how it begins. A file that
grew is read on from there; one that begins otherwise was replaced, and is read anew and reported.
One that is gone is forgotten. How a file is read is the business of `table_parquet`, `table_csv`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from seatrial.kernel.errors import SeatrialError
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import (
    Chunk,
    SourceDenied,
    SourceMissing,
    SourceProblem,
    SourceUnavailable,
    SourceUnreadable,
    bad_cursor,
    place_of,
)
from seatrial.monitoring.rows.table import Table

_KIND: Final = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some rows of a file.

    Args:
        position: where the rows after these begin, in the reader's own unit.
        mark: how the file begins, so that it is known again; plain JSON values.
    """

    table: Table
    columns: Columns
    position: int
    mark: Any
    problems: tuple[SourceProblem, ...] = ()


class OpenFile(Protocol):
    """A file as its format knows it."""

    length: int
    """Where its rows end now, in units of `Part.position`."""

    def begins_with(self, mark: Any) -> bool:
        """Whether it begins as the file did that the mark is of."""

    def parts(self, position: int, mark: Any, roles: Roles) -> Iterator[Part]:
        """Its rows from ``position`` on; one part of no rows when there are none at 0."""

    def close(self) -> None:
        """Let go of the file."""


class Format(Protocol):
    """How files of one kind are read.   The errors of `open` are those of a source."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """How the names of such files end, in lower case."""

    def open(self, path: Path, where: str) -> OpenFile:
        """Open a file; ``where`` names it in problems."""


@dataclass(slots=True)
class Roles:
    """The roles of columns over all files of a source: asked for strictly in the first one only."""

    asked: Columns
    strict: bool = True

    def among(self, names: tuple[str, ...], where: str) -> tuple[Columns, list[SourceProblem]]:
        """The roles in one file.   Raises: NoSuchColumn, DuplicateColumn."""
        if self.strict:
            found = self.asked.among(names)
            self.strict = False
            return found, []
        there, missing = self.asked.where_there(names)
        problems = [
            SourceProblem(
                flaw="column", where=where, column=name, message=f"{where} has no column {name!r}."
            )
            for name in missing
        ]
        return there.among(names), problems


class _Seen(NamedTuple):
    """What is known of a file that was read before; a list in the place."""

    size: int
    mtime_ns: int
    position: int
    ended: bool
    mark: Any = None


class FileSource:
    """See TableSource.

    Args:
        path: a file, a folder with all that lies under it, or a pattern such as ``log/*.csv``.
            Names that begin with ``.`` or ``_`` are left out, as by other readers of such folders.
        reading: how a file is read.
        columns: roles as asked for.
    """

    def __init__(self, path: str | Path, reading: Format, columns: Columns) -> None:
        self._path = Path(path)
        self._reading = reading
        self._columns = columns

    @property
    def name(self) -> str:
        """See TableSource."""
        return str(self._path)

    def chunks(self, *, after: str | None = None) -> Iterator[Chunk]:
        """See TableSource."""
        known = _known(after)
        files = self.files()
        seen = {name: known[name] for name in files if name in known}
        roles = Roles(self._columns, strict=not known)
        for name, path in files.items():
            yield from self._file(name, path, seen, roles, alone=len(files) == 1)

    def _file(
        self, name: str, path: Path, seen: dict[str, _Seen], roles: Roles, *, alone: bool
    ) -> Iterator[Chunk]:
        """The chunks of a file; brings ``seen`` up to date."""
        before = seen.get(name)
        try:
            stat = path.stat()
            if before and before.ended and _same(before, stat):
                return
            opened = self._reading.open(path, name)
        except (SeatrialError, OSError) as error:
            failed = _failure(error, name)
            if alone or not isinstance(failed, SourceUnreadable | SourceMissing):
                raise failed from error
            yield self._left_out(name, path, seen, failed)
            return
        try:
            yield from self._opened(name, stat, opened, seen, roles)
        finally:
            opened.close()

    def _opened(
        self,
        name: str,
        stat: os.stat_result,
        opened: OpenFile,
        seen: dict[str, _Seen],
        roles: Roles,
    ) -> Iterator[Chunk]:
        position, mark, problems = _start(name, seen.get(name), opened)
        for part in opened.parts(position, mark, roles):
            position, mark = part.position, part.mark
            seen[name] = _Seen(
                stat.st_size, stat.st_mtime_ns, position, position >= opened.length, mark
            )
            yield Chunk(
                table=part.table,
                columns=part.columns,
                place=_place(seen),
                problems=(*problems, *part.problems),
            )
            problems = ()
        seen[name] = _Seen(
            stat.st_size, stat.st_mtime_ns, position, position >= opened.length, mark
        )
        if problems:
            yield self._report(seen, problems)

    def _left_out(
        self, name: str, path: Path, seen: dict[str, _Seen], error: SeatrialError
    ) -> Chunk:
        # Looked at again only when it changes: whoever writes it may not be done.
        try:
            stat = path.stat()
            seen[name] = _Seen(stat.st_size, stat.st_mtime_ns, 0, ended=True)
        except OSError:
            seen.pop(name, None)
        problem = SourceProblem(flaw="part", where=name, message=f"{error.problem} It is left out.")
        return self._report(seen, (problem,))

    def _report(self, seen: dict[str, _Seen], problems: tuple[SourceProblem, ...]) -> Chunk:
        nothing = Table(columns={}, n=0, at=np.empty(0, "datetime64[us]"))
        return Chunk(table=nothing, columns=self._columns, place=_place(seen), problems=problems)

    def files(self) -> dict[str, Path]:
        """The files by the name they have in the place, in order.

        Raises: SourceMissing, SourceDenied, SourceUnavailable.
        """
        try:
            if self._path.is_file():
                return {self._path.name: self._path}
            if self._path.is_dir():
                return _under(self._path, self._reading.suffixes)
        except OSError as error:
            raise _failure(error, self.name) from error
        found = _matching(self._path)
        if not found and not _has_pattern(self.name):
            raise SourceMissing(
                f"There is no file or folder {self.name!r}.",
                remedy="Give the path of the data.",
                source=self.name,
            )
        return found


def _has_pattern(name: str) -> bool:
    return any(sign in name for sign in "*?[")


def _matching(pattern: Path) -> dict[str, Path]:
    """Files by a pattern, whose plain beginning is a folder."""
    plain = list(takewhile(lambda part: not _has_pattern(part), pattern.parts))
    rest = pattern.parts[len(plain) :]
    found = Path(*plain).glob("/".join(rest)) if rest else ()
    return {
        path.as_posix(): path
        for path in sorted(found)
        if path.is_file() and not any(map(_hidden, path.parts[len(plain) :]))
    }


def _under(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for root, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not _hidden(name)]
        for name in files:
            if not _hidden(name) and name.lower().endswith(suffixes):
                path = Path(root) / name
                found[path.relative_to(folder).as_posix()] = path
    return dict(sorted(found.items()))


def _raise(error: OSError) -> None:
    # A folder that cannot be listed must not look as if its files were gone.
    raise error


def _hidden(name: str) -> bool:
    return name.startswith((".", "_"))


def _known(after: str | None) -> dict[str, _Seen]:
    place = place_of(after, _KIND)
    try:
        return {name: _Seen(*entry) for name, entry in place.get("files", {}).items()}
    except (TypeError, AttributeError) as error:
        raise bad_cursor(after or "") from error


def _place(seen: dict[str, _Seen]) -> dict[str, Any]:
    return {"of": _KIND, "files": dict(seen)}


def _same(seen: _Seen, stat: os.stat_result) -> bool:
    return (seen.size, seen.mtime_ns) == (stat.st_size, stat.st_mtime_ns)


def _start(
    name: str, before: _Seen | None, opened: OpenFile
) -> tuple[int, Any, tuple[SourceProblem, ...]]:
    """Where to read on in a file: position, mark, and what must be said about it."""
    if before is None or not before.position:
        return 0, None, ()
    if not opened.begins_with(before.mark):
        problem = SourceProblem(
            flaw="replaced",
            where=name,
            message=f"{name} was replaced by other data; it is read from its beginning.",
        )
        return 0, None, (problem,)
    if opened.length < before.position:
        problem = SourceProblem(
            flaw="truncated",
            where=name,
            message=f"{name} lost its end, which had been read before; what is added now counts.",
        )
        return opened.length, before.mark, (problem,)
    return before.position, before.mark, ()


def _failure(error: Exception, name: str) -> SeatrialError:
    if isinstance(error, SeatrialError):
        return error
    if isinstance(error, FileNotFoundError):
        return SourceMissing(f"{name} is gone.", remedy="Put it back.", source=name)
    if isinstance(error, PermissionError):
        return SourceDenied(
            f"{name} may not be read.", remedy="Give this user the right to read it.", source=name
        )
    reason = getattr(error, "strerror", None) or error
    return SourceUnavailable(
        f"{name} cannot be read ({reason}).", remedy="Check the drive it lies on.", source=name
    )


def unreadable(where: str, why: str, remedy: str) -> SourceUnreadable:
    """The error for a file that is not what its name says."""
    return SourceUnreadable(f"{where} {why}.", remedy=remedy, source=where)

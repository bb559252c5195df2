"""The port through which rows come: bounded chunks, each with the place to go on from.

Chunks are read in one pass; what is held in memory is one of them. A source keeps nothing between
calls, so whoever follows a growing log stores the cursor of the last chunk together with what it
made of it, and after a restart neither misses a row nor counts one twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeAlias

from seatrial.kernel.errors import Denied, Invalid, NotFound, Unavailable
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.table import Table

MAX_ROWS: Final = 65_536
MIN_ROWS: Final = 256
MAX_VALUES: Final = 1_000_000
"""Values of a chunk: 8 MB of 64-bit numbers, which a processor's cache still helps with."""
VECTOR_VALUES: Final = 256
"""Values of a vector whose length is not known before it is read."""


class SourceMissing(NotFound):
    """There is no file, folder or table of that name."""

    code = "monitoring.source_missing"


class SourceUnreadable(Invalid):
    """The data are not what their name says, or cannot be read as rows."""

    code = "monitoring.source_unreadable"


class SourceDenied(Denied):
    """The data may not be read by this user."""

    code = "monitoring.source_denied"


class SourceUnavailable(Unavailable):
    """The server or the disk that holds the data does not answer."""

    code = "monitoring.source_unavailable"


class CursorInvalid(Invalid):
    """The place to go on from belongs to other data, or this source cannot be followed."""

    code = "monitoring.cursor_invalid"


Flaw: TypeAlias = Literal[
    "part",
    "rows",
    "line",
    "value",
    "type",
    "column",
    "inexact",
    "replaced",
    "truncated",
    "late",
    "order",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceProblem:
    """Something that could not be read as it should; everything else was.

    Args:
        flaw: ``part`` a file or row group was left out, ``line`` a malformed line was left out,
            ``value`` a value is no number and counts as missing, ``type`` a column of a type that
            the watch does not know was left out, ``column`` a column with a role is not there,
            ``inexact`` integers beyond 2^53 became the nearest float, ``replaced`` or
            ``truncated`` a file is no longer the one that was followed and is read anew,
            ``late`` rows came after their window had closed, ``order`` rows are not in the order
            of their times, ``rows`` rows were left out for another reason.
        where: file, line or table.
        message: a sentence.
        column: which, when it is about one.
        n: rows or values concerned, >= 1; None when that cannot be known.
    """

    flaw: Flaw
    where: str
    message: str
    column: str | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Chunk:
    """Some rows, what they mean, and where to go on.

    The dtype of a column may differ between chunks of one source: integers with a missing value
    are floats, and each chunk of names has codes of its own.

    Args:
        table: may have no rows, when there is only something to report.
        columns: the roles of its columns.
        place: where the rows after these begin; plain JSON values.
        problems: of these rows, and of what was left out before them.
    """

    table: Table
    columns: Columns
    place: Mapping[str, Any]
    problems: tuple[SourceProblem, ...] = field(default=())

    @property
    def cursor(self) -> str:
        """``place`` as text, to be stored and given to `TableSource.chunks`."""
        return json.dumps(self.place, separators=(",", ":"), ensure_ascii=False)


class TableSource(Protocol):
    """Rows in a file, a folder, a database or this process's memory."""

    @property
    def name(self) -> str:
        """What a person calls it; holds no secret."""

    def chunks(self, *, after: str | None = None) -> Iterator[Chunk]:
        """Its rows in order, at most `rows_per_chunk` at a time.

        From the beginning a source yields at least one chunk, of no rows when it has none, so that
        its columns are known; with ``after`` it yields what is new, possibly nothing.

        Args:
            after: the cursor of the last chunk that was taken in; None for the beginning.
        Raises: SourceMissing, SourceUnreadable, SourceDenied, SourceUnavailable, CursorInvalid,
            NoSuchColumn, DuplicateColumn, MissingExtra. Parts that cannot be read are problems of
            a chunk instead, when there are others.
        """


def rows_per_chunk(n_values: int) -> int:
    """How many rows of so many values each are read at once, in [256, 65536].

    Args: columns, a vector counting as `VECTOR_VALUES` where its length is not known.
    """
    return max(MIN_ROWS, min(MAX_ROWS, MAX_VALUES // max(1, n_values)))


def place_of(cursor: str | None, kind: str) -> dict[str, Any]:
    """The place in a cursor; an empty one for None.

    Args:
        cursor: as `Chunk.cursor` gave it.
        kind: what the place must say under ``of``, such as ``files``.
    Raises: CursorInvalid.
    """
    if cursor is None:
        return {}
    try:
        place = json.loads(cursor)
    except ValueError as error:
        raise bad_cursor(cursor) from error
    if not isinstance(place, dict) or place.get("of") != kind:
        raise bad_cursor(cursor)
    return place


def bad_cursor(cursor: str) -> CursorInvalid:
    """The error for a place that is not one of this source."""
    return CursorInvalid(
        f"The stored place {cursor[:80]!r} is not one in these data.",
        remedy="Forget it and read from the beginning, or name the data it was made from.",
    )


def cannot_follow(name: str, remedy: str) -> CursorInvalid:
    """The error for going on in data that have no order to go on in."""
    return CursorInvalid(f"{name} cannot be followed.", remedy=remedy)

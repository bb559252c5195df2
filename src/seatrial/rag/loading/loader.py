"""The ports of loaders: from the bytes of one source to what its documents hold.

A loader reads one document (and what is attached to it), a splitter cuts a long file into records,
each of which a loader reads. Both are pure: equal bytes and settings give equal results. The suite
`seatrial.testing.LoaderSuite` says what a loader must do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol, TypeAlias, runtime_checkable

from seatrial.rag.loading.outcome import Reason, Unloadable
from seatrial.rag.loading.settings import Fields, LimitsConfig
from seatrial.rag.text.document import MetaValue, Section


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a loader is told besides the bytes.

    Args:
        name: of the file, without folders.
        encoding: of text, where it is known; None: to be found out.
        replace: put U+FFFD where bytes are wrong in the encoding, instead of refusing.
        fields: which fields of records are what.
        header: whether the first row of a table names its columns.
        delimiter: between the cells of a table in text; None: to be found out.
        depth: how many messages lie around this one.
    """

    name: str
    encoding: str | None = None
    replace: bool = False
    fields: Fields = field(default_factory=Fields)
    header: bool = True
    delimiter: str | None = None
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    depth: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A document as its loader sees it.

    Args:
        part: which part of the source; empty for the source itself.
        format: of the part, where it is not that of its source.
        title, language: None where the source does not say.
        readers: as the source itself says; None where it says nothing.
    """

    text: str
    part: str = ""
    format: str | None = None
    title: str | None = None
    language: str | None = None
    metadata: dict[str, MetaValue] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    pages: tuple[int, ...] = ()
    readers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """A part of a source that cannot be loaded, while the rest can."""

    part: str
    reason: Reason
    problem: str
    remedy: str

    def as_error(self) -> Unloadable:
        """The same as an error."""
        return Unloadable(self.problem, remedy=self.remedy, reason=self.reason)


Piece: TypeAlias = Parsed | Flaw


@dataclass(frozen=True, slots=True)
class Record:
    """One of many documents in a file: its id there, unique, and its bytes."""

    part: str
    content: bytes


class Loader(Protocol):
    """Reads one document."""

    @property
    def version(self) -> str:
        """Changes when equal bytes may be read otherwise; holds the version of its library."""
        ...

    @property
    def isolated(self) -> bool:
        """Whether it must run in a process of its own, with a deadline and limits, since its
        library may hang, crash or want too much memory."""
        ...

    def load(self, content: bytes, about: About) -> Iterable[Piece]:
        """The document, and what is attached to it.

        Raises: Unloadable.
        """
        ...


@runtime_checkable
class Splitter(Protocol):
    """Cuts a file into records while it reads, so that a file may be larger than memory."""

    @property
    def version(self) -> str:
        """As of a loader."""
        ...

    @property
    def record_format(self) -> str:
        """The format whose loader reads a record."""
        ...

    def records(self, file: BinaryIO, about: About) -> Iterator[Record | Flaw]:
        """The records in their order.

        Raises: Unloadable, for what is left of the file.
        """
        ...


class Isolation(Protocol):
    """Where loaders run that must not run here. May be used from several threads at once."""

    @property
    def n_workers(self) -> int:
        """How many run at once."""
        ...

    def load(self, format_: str, content: bytes, about: About) -> Sequence[Piece]:
        """What the loader of a format gives. Raises: Unloadable."""
        ...

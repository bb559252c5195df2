"""How the files of one kind are read: their loader, its settings, and the rules that hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO, Protocol

from seatrial.kernel.errors import MissingExtra
from seatrial.rag.loading.config import SourceConfig
from seatrial.rag.loading.loader import About, Flaw, Loader, Piece, Record, Splitter
from seatrial.rag.loading.outcome import Reason, Unloadable
from seatrial.rag.loading.rules import Rules, Said
from seatrial.rag.loading.settings import Fields, LimitsConfig


class Hasher(Protocol):
    """What takes bytes and gives a digest, as of hashlib."""

    def update(self, data: bytes, /) -> None:
        """Take some bytes."""

    def hexdigest(self) -> str:
        """The digest of all of them."""
        ...


class Treatment:
    """How files are read; shared by all files to which the same settings and rules apply.

    Args:
        format_: name of the loader or splitter among ``loaders``.
        packed: whether the file must be unpacked first.
        said: what the rules say about these files.
    """

    def __init__(
        self,
        *,
        format_: str,
        packed: bool,
        loaders: Mapping[str, Loader | Splitter],
        source: SourceConfig,
        limits: LimitsConfig,
        rules: Rules,
        said: Said,
    ) -> None:
        first = loaders[format_]
        self.splitter: Splitter | None = None
        if isinstance(first, Splitter):
            self.splitter = first
            self.loader_name = first.record_format
            last = loaders[self.loader_name]
            assert not isinstance(last, Splitter), "records are not cut again"
            self.loader = last
        else:
            self.loader, self.loader_name = first, format_
        self.format = format_.removesuffix("_records")
        self.packed = packed
        self.limits = limits
        self.rules = rules
        self.said = said
        self._about = About(
            name="",
            encoding=source.encoding,
            replace=source.encoding_errors == "replace",
            fields=source.fields or Fields(),
            header=source.header,
            delimiter=source.delimiter,
            limits=limits,
        )
        decides = {
            "loaders": [format_, first.version, self.loader_name, self.loader.version],
            "text": [self._about.encoding, self._about.replace],
            "fields": self._about.fields.model_dump(exclude_defaults=True),
            "table": [self._about.header, self._about.delimiter],
            "metadata": said.metadata,
            "readers": [said.readers, rules.access.default, rules.access.own],
        }
        self._salt = hashlib.sha256(json.dumps(decides, sort_keys=True).encode())
        decides["limits"] = limits.model_dump()
        reading = json.dumps(decides, sort_keys=True).encode()
        self.reading = hashlib.blake2b(reading, digest_size=8).hexdigest()
        """Equal for equal bytes that give equal documents, and of which the same is skipped."""

    def hasher(self) -> Hasher:
        """A digest begun with everything but bytes that decides what a document becomes."""
        return self._salt.copy()

    def about(self, name: str) -> About:
        """What the loader is told about a file."""
        return replace(self._about, name=name)


def pieces(loader: Loader, content: bytes, about: About) -> Sequence[Piece]:
    """What a loader gives; whatever it raises is about the source.

    Raises: Unloadable.
    """
    try:
        return list(loader.load(content, about))
    except Exception as error:
        raise _translated(error) from error


def records(splitter: Splitter, file: BinaryIO, about: About) -> Iterator[Record | Flaw]:
    """The records of a file, likewise.

    Raises: Unloadable, for what is left of the file.
    """
    try:
        yield from splitter.records(file, about)
    except Exception as error:
        raise _translated(error) from error


def out_of_memory() -> Unloadable:
    """The error for what wants more memory than there is."""
    return Unloadable(
        "needs more memory than may be used for it.",
        remedy="Split it, or raise limits.memory_bytes.",
        reason=Reason.TOO_LARGE,
    )


def _translated(error: Exception) -> Unloadable:
    if isinstance(error, Unloadable):
        return error
    if isinstance(error, MissingExtra):
        return Unloadable(
            f"needs a package that is not here: {error.problem}",
            remedy=f"{error.remedy}.",
            reason=Reason.MISSING_EXTRA,
        )
    if isinstance(error, MemoryError):
        return out_of_memory()
    return Unloadable(
        f"is damaged, or not of its format ({type(error).__name__}: {str(error)[:200]}).",
        remedy="Open it in the program it is from and save it again, or leave it out with exclude.",
        reason=Reason.UNREADABLE,
    )

"""A file that was found: its digest without parsing it, and its documents."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, cast

from seatrial.rag.loading.known import Known, attached_digest, part_id
from seatrial.rag.loading.loader import Flaw, Isolation, Parsed, Piece
from seatrial.rag.loading.metadata import moment_of_ns
from seatrial.rag.loading.outcome import Loaded, Reason, Skipped, Unchanged, Unloadable, skipped
from seatrial.rag.loading.packed import Unpacked, too_large
from seatrial.rag.loading.reading import Treatment, out_of_memory, pieces, records
from seatrial.rag.loading.stamps import Given, Stamps, no_stamps
from seatrial.rag.loading.walk import Found, open_found, read_found
from seatrial.rag.text.document import Document, MetaValue
from seatrial.rag.text.language import language_of

_CHUNK_BYTES = 1 << 20
TOLD_FLAWS = 100
"""Parts of one file that are told one by one; the others are counted."""


class Source:
    """A file that was named or found; nothing of it is read until it is asked.

    Args:
        name: its id, and that of its document where it holds one.
    """

    __slots__ = ("_found", "_isolation", "_treatment", "name")

    def __init__(self, name: str, found: Found, treatment: Treatment, isolation: Isolation) -> None:
        self.name = name
        self._found = found
        self._treatment = treatment
        self._isolation = isolation

    @property
    def format(self) -> str:
        """As `Document.format`."""
        return self._treatment.format

    @property
    def n_bytes(self) -> int:
        """Its size when it was found, packed where it is."""
        return self._found.status.st_size

    @property
    def isolated(self) -> bool:
        """Whether loading it means to wait for a process, for one document or a few."""
        return self._treatment.loader.isolated and self._treatment.splitter is None

    def digest(self) -> str:
        """SHA-256 (hex) over its bytes, and all settings that decide how they are read.

        Of a file with one document it is the document's digest, too. Nothing is parsed.

        Raises: Unloadable.
        """
        hasher = self._treatment.hasher()
        file, _ = open_found(self._found)
        with file:
            while chunk := file.read(_CHUNK_BYTES):
                hasher.update(chunk)
        return hasher.hexdigest()

    def load(self, known: Known | None = None, stamps: Stamps | None = None) -> Iterator[Loaded]:
        """Its documents, and what of it is skipped; nothing is raised for what is wrong with it.

        Args:
            known: what need not be parsed again if its digest is equal.
            stamps: are told what was read.
        """
        try:
            yield from self._load(known or Known({}), stamps or no_stamps())
        except Unloadable as error:
            yield skipped(self.name, error)
        except OSError as error:
            failed = Unloadable(
                f"cannot be read ({error.strerror or error}).",
                remedy="Check the drive it lies on.",
                reason=Reason.UNREADABLE,
            )
            yield skipped(self.name, failed)
        except MemoryError:
            yield skipped(self.name, out_of_memory())

    def _load(self, known: Known, stamps: Stamps) -> Iterator[Loaded]:
        limits = self._treatment.limits
        streamed = self._treatment.splitter is not None
        name = "stream_bytes" if streamed else "file_bytes"
        limit: int = getattr(limits, name)
        if self.n_bytes > limit:
            raise too_large("", limit, name)
        at = stamps.now()
        if streamed:
            yield from self._stream(known, stamps, at)
            return
        content, status = read_found(self._found, limit)
        if content is None:
            raise too_large("", limit, name)
        hasher = self._treatment.hasher()
        hasher.update(content)
        digest = hasher.hexdigest()
        stamps.note(self.name, status, self._treatment.reading, digest, at=at)
        yield from self._whole(content, digest, known)

    def _stream(self, known: Known, stamps: Stamps, at: int) -> Iterator[Loaded]:
        """The documents of a file of many; one that is skipped will have to be told again."""
        file, status = open_found(self._found)
        whole, given = True, Given()
        with file:
            for item in self._records(file, known):
                if isinstance(item, Skipped):
                    whole = False
                else:
                    given.add(item.id, item.digest)
                yield item
        if whole:
            stamps.note(self.name, status, self._treatment.reading, given.hexdigest(), at=at)

    def _whole(self, content: bytes, digest: str, known: Known) -> Iterator[Loaded]:
        before = known.unchanged(self.name, digest)
        if before is not None:
            yield from before
            return
        if not content:
            raise _empty()
        if self._treatment.packed:
            content = self._unpacked(io.BytesIO(content), "unpacked_bytes").read()
        found = self._parsed(content)
        del content  # it may be as large as the text that it became
        yield from self._documents("", digest, found)

    def _records(self, file: BinaryIO, known: Known) -> Iterator[Loaded]:
        treatment = self._treatment
        if not self.n_bytes:
            raise _empty()
        stream = self._unpacked(file, "stream_bytes") if treatment.packed else file
        n_flaws = n_told = 0
        with io.BufferedReader(cast("io.RawIOBase", stream), _CHUNK_BYTES) as buffered:
            for item in self._items(buffered, known):
                n_told += 1
                n_flaws += isinstance(item, Skipped)
                if n_flaws <= TOLD_FLAWS or not isinstance(item, Skipped):
                    yield item
        if n_flaws > TOLD_FLAWS:
            yield skipped(self.name, _more_flaws(n_flaws - TOLD_FLAWS))
        if not n_told:
            raise _nothing()

    def _items(self, file: BinaryIO, known: Known) -> Iterator[Loaded]:
        """What the records of a file give."""
        treatment = self._treatment
        assert treatment.splitter is not None
        for record in records(treatment.splitter, file, treatment.about(self._file_name)):
            if isinstance(record, Flaw):
                yield skipped(self.name, record.as_error(), part=record.part)
            else:
                yield from self._record(record.part, record.content, known)

    def _record(self, part: str, content: bytes, known: Known) -> Iterator[Loaded]:
        hasher = self._treatment.hasher()
        hasher.update(content)
        digest = hasher.hexdigest()
        name = part_id(self.name, part)
        before = known.unchanged(name, digest)
        if before is not None:
            yield from before
            return
        try:
            found = self._parsed(content)
        except Unloadable as error:
            yield skipped(self.name, error, part=part)
            return
        yield from self._documents(part, digest, found)

    def _parsed(self, content: bytes) -> Iterator[Piece]:
        treatment = self._treatment
        about = treatment.about(self._file_name)
        if treatment.loader.isolated:
            return iter(self._isolation.load(treatment.loader_name, content, about))
        return iter(pieces(treatment.loader, content, about))

    def _documents(self, part: str, digest: str, found: Iterator[Piece]) -> Iterator[Loaded]:
        name = part_id(self.name, part)
        for piece in found:
            inner = f"{part}#{piece.part}" if part and piece.part else part or piece.part
            if isinstance(piece, Flaw):
                yield skipped(self.name, piece.as_error(), part=inner)
            elif not piece.text or piece.text.isspace():
                yield skipped(self.name, _nothing(), part=inner)
            else:
                own = part_id(name, piece.part)
                own_digest = attached_digest(digest, own) if piece.part else digest
                yield self._document(own, inner, own_digest, piece)

    def _document(self, name: str, part: str, digest: str, parsed: Parsed) -> Document:
        treatment = self._treatment
        metadata: dict[str, MetaValue] = {}
        modified = moment_of_ns(self._found.status.st_mtime_ns)
        if modified is not None:
            metadata["modified"] = modified
        return Document(
            id=name,
            text=parsed.text,
            title=parsed.title or part or self._file_name,
            source=self.name,
            format=parsed.format or treatment.format,
            language=parsed.language or language_of(parsed.text),
            digest=digest,
            metadata=metadata | parsed.metadata | treatment.said.metadata,
            sections=parsed.sections,
            pages=parsed.pages,
            readers=treatment.rules.readers(treatment.said, parsed.readers),
        )

    @property
    def _file_name(self) -> str:
        return self.name.rpartition("/")[2]

    def _unpacked(self, file: BinaryIO, limit: str) -> BinaryIO:
        limits = self._treatment.limits
        unpacked = Unpacked(file, packed_bytes=self.n_bytes, limits=limits, limit=limit)
        return cast("BinaryIO", unpacked)


def unchanged(
    name: str, found: Found, treatment: Treatment, known: Known, stamps: Stamps
) -> list[Unchanged] | None:
    """All documents of a file, where they are known and it is as it was when they were read; None
    where it must be read."""
    digest = stamps.digest(name, found.status, treatment.reading)
    if digest is None:
        return None
    if treatment.splitter is None:
        return known.unchanged(name, digest)
    parts = known.parts_of(name)
    if Given(parts).hexdigest() != digest:
        return None
    return [Unchanged(*part) for part in parts]


def _empty() -> Unloadable:
    return Unloadable(
        "is empty.", remedy="Write it, or leave it out with exclude.", reason=Reason.EMPTY
    )


def _nothing() -> Unloadable:
    return Unloadable(
        "holds no text.",
        remedy="Scanned pages and pictures must be made text (OCR) first.",
        reason=Reason.NOTHING_TO_READ,
    )


def _more_flaws(n: int) -> Unloadable:
    return Unloadable(
        f"has {n:,} more parts that cannot be loaded.",
        remedy="Correct those that were told, or the fields that are configured.",
        reason=Reason.BAD_RECORD,
        n=n,
    )

"""What loading gives: documents, documents that did not change, and what was skipped and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import msgspec

from seatrial.kernel.errors import Invalid
from seatrial.rag.text.document import Document


class Reason(StrEnum):
    """Why a source, or a part of one, is not among the documents."""

    NOT_FOUND = "not_found"  # what was named is not there
    UNREADABLE = "unreadable"  # it cannot be opened, or is not what its name says
    UNSUPPORTED = "unsupported"  # no loader for its format
    MISSING_EXTRA = "missing_extra"  # its loader needs a package that is not installed
    ENCRYPTED = "encrypted"  # it opens with a password only
    WRONG_ENCODING = "wrong_encoding"  # its bytes are text in no encoding that was tried
    BINARY = "binary"  # its name promises text, its bytes are none
    EMPTY = "empty"  # it has no bytes
    NOTHING_TO_READ = "nothing_to_read"  # it holds no text: scanned pages, pictures, scripts
    TOO_LARGE = "too_large"  # over a limit, packed or unpacked
    TOO_SLOW = "too_slow"  # its parser did not come to an end in time
    CRASHED = "crashed"  # its parser's process ended
    OUTSIDE = "outside"  # a link that leads out of the folder named
    LINK = "link"  # a link to a folder, whose files are read where they lie
    SPECIAL = "special"  # a pipe, a socket, a device
    BAD_RECORD = "bad_record"  # a record without the fields that were configured
    BAD_METADATA = "bad_metadata"  # front matter, or who may read it, cannot be understood
    DUPLICATE = "duplicate"  # another document has its id already


class Unloadable(Invalid):
    """A source cannot be loaded; ``facts["reason"]`` is a `Reason`. Loading skips it and goes on.

    Args:
        problem: a sentence whose subject, the source, is left out: ``is not a PDF``.
    """

    code = "rag.unloadable"

    def __init__(self, problem: str, *, remedy: str, reason: str, **facts: object) -> None:
        super().__init__(problem, remedy=remedy, reason=reason, **facts)

    @property
    def reason(self) -> Reason:
        """Why."""
        return Reason(str(self.facts["reason"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A source, or a part of one, that is not among the documents.

    Args:
        source: as `Document.source`; a named path itself where nothing was found under it.
        part: which record, message or attachment; empty for the whole source.
        problem: one sentence that names it.
        remedy: what to do about it.
    """

    source: str
    reason: Reason
    problem: str
    remedy: str
    part: str = ""


class Unchanged(msgspec.Struct, frozen=True):
    """A document that is known with an equal digest, and was therefore not parsed again."""

    id: str
    digest: str


Loaded: TypeAlias = Document | Unchanged | Skipped


def skipped(source: str, error: Unloadable, *, part: str = "") -> Skipped:
    """What an error says about a source."""
    what = f"{source}#{part}" if part else source
    return Skipped(
        source=source,
        part=part,
        reason=error.reason,
        problem=f"{what} {error.problem}",
        remedy=error.remedy,
    )

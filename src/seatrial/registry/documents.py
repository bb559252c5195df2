"""Versions that are small enough to be kept whole in the fact that registers them.

A bundle has a folder of its own; a prompt is a page of text. Whoever reads the store has it, so
nothing has to be copied between machines, and nothing can be lost apart from the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from seatrial.kernel.errors import NotFound
from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.store import FactLog
from seatrial.registry.catalog import VersionUnreadable, numbered, read_stream
from seatrial.registry.naming import check_name

REGISTERED = "document.registered"
_SCHEMA = 1


class DocumentUnknown(NotFound):
    """No version with that digest was ever registered."""

    code = "document.unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A registered version.

    Args:
        name: of what it is a version of.
        number: 1, 2, 3, ... in the order of registration.
        digest: of the content; lower-case hex of SHA-256, as whoever made it counts it.
        content: all of it, as plain JSON.
        source_name: name of the file the user gave, without folders.
        at: when, aware UTC.
        by: who registered it.
    """

    name: str
    number: int
    digest: str
    content: Mapping[str, object]
    source_name: str
    at: datetime
    by: str


def register(
    log: FactLog,
    kind: str,
    name: str,
    *,
    digest: str,
    content: Mapping[str, object],
    source_name: str,
    by: str,
) -> Document:
    """Give a content the next number of its name, or find the number it already has.

    Args:
        kind: of document, such as ``prompt``.
    Raises: ModelNameInvalid; StreamChanged; NotPlain, TooLarge for what no fact can hold; what the
        log raises, in which case nothing was registered.
    """
    stream = f"{kind}/{check_name(name)}"

    def decide(facts: list[Fact]) -> Document | Draft:
        known = _fold(facts)
        same = next((document for document in known if document.digest == digest), None)
        data = {
            "version": len(known) + 1,
            "digest": digest,
            "content": dict(content),
            "source": source_name,
        }
        return same or Draft(kind=REGISTERED, data=data, by=by)

    found = numbered(log, stream, decide)
    return found if isinstance(found, Document) else _document(found)


def find(log: FactLog, kind: str, name: str, digest: str) -> Document:
    """The version with a digest.   Raises: DocumentUnknown, VersionUnreadable."""
    for document in documents(log, kind, name):
        if document.digest == digest:
            return document
    raise DocumentUnknown(
        f"No version of the {kind} {name!r} has the digest {digest[:12]}….",
        remedy="Deploy it again.",
        name=name,
    )


def documents(log: FactLog, kind: str, name: str) -> list[Document]:
    """The versions of a name by number.   Raises: VersionUnreadable."""
    return _fold(read_stream(log, f"{kind}/{name}"))


def _fold(facts: list[Fact]) -> list[Document]:
    return [_document(fact) for fact in facts if fact.kind == REGISTERED]


def _document(fact: Fact) -> Document:
    if fact.damage or fact.schema != _SCHEMA:
        raise _unreadable(fact, fact.damage or f"its schema {fact.schema} is unknown")
    data = fact.data
    number, digest, content = data.get("version"), data.get("digest"), data.get("content")
    if not (isinstance(number, int) and isinstance(digest, str) and isinstance(content, Mapping)):
        raise _unreadable(fact, "it lacks its version, digest or content")
    return Document(
        name=fact.stream.partition("/")[2],
        number=number,
        digest=digest,
        content=content,
        source_name=str(data.get("source", "")),
        at=fact.at,
        by=fact.by,
    )


def _unreadable(fact: Fact, reason: str) -> VersionUnreadable:
    return VersionUnreadable(
        f"Revision {fact.revision} of {fact.stream!r} cannot be read: {reason}.",
        remedy="Upgrade seatrial to the version that wrote it.",
        stream=fact.stream,
        revision=fact.revision,
    )

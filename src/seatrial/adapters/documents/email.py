"""E-mail by the standard library: a message, what is attached to it, and mailboxes of many."""

from __future__ import annotations

import email.policy
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cached_property
from typing import BinaryIO, cast

from seatrial.adapters.documents.encoding_detect import named_encoding
from seatrial.adapters.documents.html_text import html_text
from seatrial.adapters.documents.text import read_named
from seatrial.rag.loading.formats import format_of, instead_of
from seatrial.rag.loading.loader import About, Flaw, Loader, Parsed, Piece, Record, Splitter
from seatrial.rag.loading.metadata import flat
from seatrial.rag.loading.outcome import Reason, Unloadable
from seatrial.rag.loading.packed import too_large, too_many
from seatrial.rag.loading.reading import pieces

_MAX_DEPTH = 3
_MESSAGE_ID = re.compile(
    rb"^message-id:[ \t]*(?:\r?\n[ \t]+)?<?([^>\s]{1,300})", re.IGNORECASE | re.MULTILINE
)
_FROM = b"From "


class EmailLoader:
    """See Loader; attachments are parts, read by the loaders of their formats.

    Args: loaders: by format, this one for messages in messages.
    """

    isolated = True

    def __init__(self, loaders: Mapping[str, Loader | Splitter]) -> None:
        self._loaders = loaders

    @cached_property
    def version(self) -> str:
        """See Loader."""
        others = (one.version for one in self._loaders.values() if one is not self)
        return f"1 {hashlib.sha256(' '.join(others).encode()).hexdigest()[:16]}"

    def load(self, content: bytes, about: About) -> Iterator[Piece]:
        """See Loader."""
        message = BytesParser(_class=EmailMessage, policy=email.policy.default).parsebytes(content)
        if not message.keys():
            raise Unloadable(
                "has no headers of a message.",
                remedy="Give it the ending it should have.",
                reason=Reason.UNREADABLE,
            )
        body, attachments = _parts(message)
        text = _text(body, about)
        if text.strip() or not attachments:
            yield Parsed(
                text=text,
                format="email",
                title=_header(message, "subject"),
                metadata=flat(
                    {
                        "author": _header(message, "from"),
                        "to": _header(message, "to"),
                        "created": _header(message, "date"),
                    }
                ),
            )
        if len(attachments) > about.limits.attachments:
            raise too_many("attachments", about.limits.attachments, "attachments")
        names: set[str] = set()
        for number, part in enumerate(attachments, start=1):
            name = _name(part, number, names)
            names.add(name)
            try:
                yield from self._attached(name, part, about)
            except Unloadable as error:
                yield _flaw(name, error)

    def _attached(self, name: str, part: EmailMessage, about: About) -> Iterator[Piece]:
        file_name = name if "." in name else f"{name}{_ending(part)}"
        found = format_of(file_name, {})
        if found is None or found.packed:
            raise Unloadable(
                "is attached in no known format.",
                remedy=instead_of(file_name),
                reason=Reason.UNSUPPORTED,
            )
        loader = self._loaders[found.name]
        if isinstance(loader, Splitter):
            raise Unloadable(
                "holds many documents, which attachments may not.",
                remedy="Save it as a file of its own.",
                reason=Reason.UNSUPPORTED,
            )
        if about.depth >= _MAX_DEPTH:
            raise too_many("messages around it", _MAX_DEPTH, "attachments")
        content = _content(part)
        if len(content) > about.limits.record_bytes:
            raise too_large("", about.limits.record_bytes, "record_bytes")
        inner = replace(about, name=file_name, depth=about.depth + 1)
        named = None if about.encoding else named_encoding(part.get_content_charset())
        for piece in _pieces(loader, content, inner, named):
            part_name = f"{name}#{piece.part}" if piece.part else name
            if isinstance(piece, Parsed):
                # Whoever sends a message must not say who else may read it.
                yield replace(
                    piece, part=part_name, format=piece.format or found.name, readers=None
                )
            else:
                yield replace(piece, part=part_name)


def _pieces(loader: Loader, content: bytes, about: About, named: str | None) -> Sequence[Piece]:
    """What a loader finds, in the encoding that is named for it if that can be."""
    if named:
        try:
            return pieces(loader, content, replace(about, encoding=named))
        except Unloadable:
            pass
    return pieces(loader, content, about)


class MboxSplitter:
    """See Splitter; messages go by their Message-ID."""

    version = "1"
    record_format = "email"

    def records(self, file: BinaryIO, about: About) -> Iterator[Record | Flaw]:
        """See Splitter."""
        limit = about.limits.record_bytes
        lines: list[bytes] = []
        n_bytes = 0
        blank = True
        first = True
        while line := file.readline(limit + 1):
            if first and not line.startswith(_FROM):
                raise Unloadable(
                    "is no mailbox: it does not begin with 'From '.",
                    remedy="Give it the ending it should have.",
                    reason=Reason.UNREADABLE,
                )
            first = False
            if blank and line.startswith(_FROM):
                yield from _message(lines, n_bytes, limit)
                lines, n_bytes = [], 0
            else:
                n_bytes += len(line)
                if n_bytes <= limit:
                    lines.append(line[1:] if _is_quoted(line) else line)
            blank = not line.strip()
        yield from _message(lines, n_bytes, limit)


def _is_quoted(line: bytes) -> bool:
    """Whether a line was quoted so that it begins no message. Source: mboxrd."""
    return line.startswith(b">") and line.lstrip(b">").startswith(_FROM)


def _message(lines: list[bytes], n_bytes: int, limit: int) -> Iterator[Record | Flaw]:
    if not lines:
        return
    content = b"".join(lines)
    head, _, _ = content.partition(b"\n\n" if b"\r\n\r\n" not in content else b"\r\n\r\n")
    found = _MESSAGE_ID.search(head)
    name = hashlib.sha256(content).hexdigest()[:16]
    if found:
        name = found.group(1).decode("utf-8", "backslashreplace")
    if n_bytes > limit:
        yield _flaw(name, too_large("", limit, "record_bytes"))
    else:
        yield Record(name, content)


def _parts(message: EmailMessage) -> tuple[EmailMessage | None, list[EmailMessage]]:
    """The body, and what is attached; pictures inside the body are neither."""
    body = message.get_body(("plain", "html"))
    attachments = []
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if part is body:
            continue
        if part.get_content_maintype() == "multipart":
            inner = [one for one in part.iter_parts() if isinstance(one, EmailMessage)]
            waiting += reversed(inner)
        elif part.get_filename() or part.is_attachment() or _is_message(part):
            attachments.append(part)
    return cast("EmailMessage | None", body), attachments


def _is_message(part: EmailMessage) -> bool:
    return part.get_content_type() == "message/rfc822"


def _text(body: EmailMessage | None, about: About) -> str:
    if body is None:
        return ""
    text = read_named(_content(body), about, named_encoding(body.get_content_charset())).text
    return html_text(text).text if body.get_content_subtype() == "html" else text


def _content(part: EmailMessage) -> bytes:
    if _is_message(part):
        return b"".join(inner.as_bytes() for inner in part.iter_parts())
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _name(part: EmailMessage, number: int, taken: set[str]) -> str:
    """What an attachment is called, unique in its message; a path in it is only a name."""
    given = (part.get_filename() or "").replace("\\", "/").rpartition("/")[2].strip()
    bare = "".join(sign for sign in given if sign.isprintable())[:200]
    name = bare or f"attachment {number}{_ending(part)}"
    return f"{number} {name}" if name in taken else name


def _ending(part: EmailMessage) -> str:
    return {
        "text/plain": ".txt",
        "text/html": ".html",
        "text/csv": ".csv",
        "text/markdown": ".md",
        "application/pdf": ".pdf",
        "application/json": ".json",
        "message/rfc822": ".eml",
    }.get(part.get_content_type(), ".unknown")


def _header(message: EmailMessage, name: str) -> str | None:
    value = message.get(name)
    return " ".join(str(value).split())[:2000] or None if value is not None else None


def _flaw(name: str, error: Unloadable) -> Flaw:
    return Flaw(part=name, reason=error.reason, problem=error.problem, remedy=error.remedy)

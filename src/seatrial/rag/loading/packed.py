"""Unpacking within bounds: a small file must not become a large one unseen."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from typing import Any, BinaryIO

from seatrial.kernel.size import show_size
from seatrial.rag.loading.outcome import Reason, Unloadable
from seatrial.rag.loading.settings import LimitsConfig

_FREE_BYTES = 10_000_000
_MAX_MEMBERS = 20_000
_HEAD_BYTES = 4096
_DECLARATION = (b"<!DOCTYPE", "<!DOCTYPE".encode("utf-16-le"), "<!DOCTYPE".encode("utf-16-be"))


class Unpacked(io.RawIOBase):
    """A gzip file as it is when unpacked; reading past a bound raises Unloadable.

    Args:
        packed_bytes: size of the packed file.
        limit: name of the limit of bytes that may come out of it.
    """

    def __init__(
        self, file: BinaryIO, *, packed_bytes: int, limits: LimitsConfig, limit: str
    ) -> None:
        self._stream = gzip.GzipFile(fileobj=file, mode="rb")
        self._limit = limit
        self._max_bytes: int = getattr(limits, limit)
        self._likely_bytes = max(_FREE_BYTES, int(packed_bytes * limits.unpacked_ratio))
        self._n_bytes = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; 0 at the end."""
        try:
            chunk = self._stream.read(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            raise Unloadable(
                f"is damaged, or no gzip file ({error}).",
                remedy="Pack it again.",
                reason=Reason.UNREADABLE,
            ) from error
        self._n_bytes += len(chunk)
        if self._n_bytes > self._max_bytes:
            raise too_large("unpacked", self._max_bytes, self._limit)
        if self._n_bytes > self._likely_bytes:
            raise _bomb(self._n_bytes)
        buffer[: len(chunk)] = chunk
        return len(chunk)


def check_office_archive(content: bytes, limits: LimitsConfig) -> None:
    """Refuse a zip that would become too large, is no zip, or holds XML with a DTD.

    Members cannot be larger than the directory says: zipfile reads no more of them.

    Raises: Unloadable.
    """
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise Unloadable(
                "is encrypted.",
                remedy="Save it without a password.",
                reason=Reason.ENCRYPTED,
            )
        raise Unloadable(
            "is a file of Office before 2007, whatever its name says.",
            remedy="Save it in a format of today, such as .docx, .pptx or .xlsx.",
            reason=Reason.UNSUPPORTED,
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            _check_sizes(members, len(content), limits)
            for member in members:
                if member.filename.endswith((".xml", ".rels", ".vml")):
                    _check_xml(archive, member)
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        OSError,
        EOFError,
    ) as error:
        raise Unloadable(
            f"is damaged, or no Office file ({error}).",
            remedy="Open it in the program it is from, and save it again.",
            reason=Reason.UNREADABLE,
        ) from error


def _check_sizes(members: list[zipfile.ZipInfo], packed: int, limits: LimitsConfig) -> None:
    unpacked = sum(member.file_size for member in members)
    if unpacked > limits.unpacked_bytes:
        raise too_large("unpacked", limits.unpacked_bytes, "unpacked_bytes")
    if unpacked > max(_FREE_BYTES, packed * limits.unpacked_ratio) or len(members) > _MAX_MEMBERS:
        raise _bomb(unpacked)


def _check_xml(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    with archive.open(member) as part:
        head = part.read(_HEAD_BYTES)
    if any(sign in head for sign in _DECLARATION):
        raise Unloadable(
            f"holds a document type declaration in {member.filename!r}, which no Office file has.",
            remedy="Leave it out: it was made to harm what reads it.",
            reason=Reason.UNREADABLE,
        )


def too_large(what: str, limit: int, name: str) -> Unloadable:
    """The error for what is over a limit of bytes."""
    return Unloadable(
        f"has more than {show_size(limit)} {what}.".replace(" .", "."),
        remedy=f"Split it, or raise limits.{name}.",
        reason=Reason.TOO_LARGE,
        limit=limit,
    )


def too_many(what: str, limit: int, name: str) -> Unloadable:
    """The error for what has more parts than it may."""
    return Unloadable(
        f"has more than {limit:,} {what}.",
        remedy=f"Split it, or raise limits.{name}.",
        reason=Reason.TOO_LARGE,
        limit=limit,
    )


def _bomb(unpacked: int) -> Unloadable:
    return Unloadable(
        f"unpacks to {show_size(unpacked)} or more, far beyond its size.",
        remedy="Leave it out, or raise limits.unpacked_ratio if it is known to be harmless.",
        reason=Reason.TOO_LARGE,
        unpacked=unpacked,
    )

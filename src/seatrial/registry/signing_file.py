"""Where the signature of a bundle lies, read as a file that anybody may have put there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from seatrial.registry.incoming import incoming, write_file
from seatrial.registry.signing import SignatureUnreadable

SUFFIX = ".sig"
VERIFY_KEY = "SEATRIAL_VERIFY_KEY"
"""Names to a container its file of trusted public keys."""
MAX_SIGNATURE_BYTES = 8 << 20
"""Of a signature file; one of ten thousand files has some 3 MB."""


def signature_path(signed: Path) -> Path:
    """The signature of a bundle's folder or archive: beside it, for a bundle lists its own files
    and bears no others."""
    return signed.with_name(signed.name + SUFFIX)


def write_signature(path: Path, content: bytes) -> None:
    """Whole or not at all.   Raises: BundleDiskFull, BundleNotWritten."""
    with incoming(path.parent) as folder:
        write_file(folder, "signature", [content])
        (folder / "signature").replace(path)


def read_signature(path: Path) -> bytes | None:
    """The content of a signature file, or None where there is none.   Raises: SignatureUnreadable.

    Neither a pipe nor a disk of zeros holds us.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, f"it cannot be opened as a file: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _unreadable(path, "it is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        raw = file.read(MAX_SIGNATURE_BYTES + 1)
    if len(raw) > MAX_SIGNATURE_BYTES:
        raise _unreadable(path, "it is far larger than signatures are")
    return raw


def _unreadable(path: Path, reason: str) -> SignatureUnreadable:
    return SignatureUnreadable(
        f"The signature {str(path)!r} cannot be read: {reason}.",
        remedy="Copy it again from where it came, or sign the bundle with `seatrial sign`.",
        reason=reason,
    )

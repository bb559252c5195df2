"""Certificates and keys of a server, read from files and held against each other.

By Python's own `ssl`: nothing of gRPC is loaded where they are only looked at.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from seatrial.adapters.pem_files import read_pem
from seatrial.kernel.errors import Invalid

_MAX_PEM_BYTES = 1 << 20


class TlsUnusable(Invalid):
    """A file of TLS is not there, or holds no certificate or no key that fits it."""

    code = "server.tls_unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """What a server shows its clients, in PEM.

    Args:
        certificate: the server's own first, then those that vouch for it.
        key: of the server's own, without a password.
        client_ca: those that vouch for clients; None asks clients for no certificate.
    """

    certificate: bytes
    key: bytes
    client_ca: bytes | None = None


def read_tls(certificate: Path, key: Path, client_ca: Path | None = None) -> TlsFiles:
    """The content of the files, once they fit each other.   Raises: TlsUnusable."""
    found = TlsFiles(
        certificate=_read(certificate),
        key=_read(key),
        client_ca=None if client_ca is None else _read(client_ca),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _check_certificates(certificate, found.certificate)
    try:
        context.load_cert_chain(certificate, key, password=lambda: _refuse_password(key))
    except (ssl.SSLError, OSError) as error:
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            raise _unusable(key, f"it is not the key of the certificate in {certificate}") from None
        raise _unusable(key, f"it holds no key of a server in PEM: {_said(error)}") from error
    if client_ca is not None and found.client_ca is not None:
        _check_certificates(client_ca, found.client_ca)
    return found


def _check_certificates(path: Path, content: bytes) -> None:
    """At least one, and each of them readable; between them people write what they like."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(cadata=content.decode("ascii", "ignore"))
    except (ssl.SSLError, ValueError) as error:
        raise _unusable(path, f"it holds no certificate in PEM: {_said(error)}") from error


def _refuse_password(key: Path) -> str:
    raise TlsUnusable(
        f"The key in {str(key)!r} cannot be used: it has a password.",
        remedy=f"Write it without one, for its owner only: `openssl pkcs8 -topk8 -nocrypt -in "
        f"{key} -out {key}.plain`, and name that file.",
        file=str(key),
    )


def _read(path: Path) -> bytes:
    return read_pem(
        path, most_bytes=_MAX_PEM_BYTES, what="certificates and keys", unusable=_unusable
    )


def _said(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error)[:200]


def _unusable(path: Path, reason: str) -> TlsUnusable:
    return TlsUnusable(
        f"The file {str(path)!r} of TLS cannot be used: {reason}.",
        remedy="Name a certificate, its chain after it, and its key, in PEM.",
        file=str(path),
        reason=reason,
    )

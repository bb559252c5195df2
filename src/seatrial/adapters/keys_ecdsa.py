"""Keys that sign bundles, by `cryptography`: ECDSA on the curves P-256, P-384 and P-521, in PEM.

Ed25519 would be simpler, but OpenSSF Model Signing knows only these.
"""

from __future__ import annotations

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.adapters.pem_files import read_pem
from seatrial.kernel.errors import Conflict, Invalid, MissingExtra

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

_MAX_PEM_BYTES = 64 << 10
_END = b"-----END PUBLIC KEY-----"


class KeyUnusable(Invalid):
    """A file holds no key that can sign or check signatures."""

    code = "signing.key_unusable"


class KeyTaken(Conflict):
    """There is a file already where a new key was to be written."""

    code = "signing.key_taken"


class SigningKey:
    """A private key."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    @classmethod
    def read(cls, path: Path) -> SigningKey:
        """Of a PEM file without a password.   Raises: KeyUnusable, MissingExtra."""
        _check_installed()
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        raw = _read(path)
        try:
            key = serialization.load_pem_private_key(raw, None)
        except TypeError as error:
            raise _has_password(path) from error
        except (ValueError, UnsupportedAlgorithm) as error:
            raise _unusable(path, f"it holds no private key in PEM: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise _unusable(path, "its key is not of an elliptic curve")
        _hash(key.curve, path)
        return cls(key)

    @property
    def fingerprint(self) -> str:
        """See `registry.signing.Signer`."""
        return self.public.fingerprint

    def sign(self, message: bytes) -> bytes:
        """See `registry.signing.Signer`."""
        from cryptography.hazmat.primitives.asymmetric import ec

        return self._key.sign(message, ec.ECDSA(_hash(self._key.curve)))


class PublicKey:
    """A public key."""

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        self._key = key

    @property
    def pem(self) -> bytes:
        """As a file holds it."""
        from cryptography.hazmat.primitives import serialization

        return self._key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def fingerprint(self) -> str:
        """See `registry.signing.Verifier`."""
        return hashlib.sha256(self.pem).hexdigest()

    def accepts(self, message: bytes, signature: bytes) -> bool:
        """See `registry.signing.Verifier`."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ec

        try:
            self._key.verify(signature, message, ec.ECDSA(_hash(self._key.curve)))
        except InvalidSignature:
            return False
        return True


def read_public_keys(path: Path) -> tuple[PublicKey, ...]:
    """Every key of a PEM file; several are how one key takes over from another.

    Raises: KeyUnusable, MissingExtra.
    """
    _check_installed()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    keys = []
    for block in _read(path).split(_END)[:-1]:
        try:
            key = serialization.load_pem_public_key(block.lstrip() + _END + b"\n")
        except ValueError as error:
            raise _unusable(path, f"one of its keys cannot be read: {error}") from error
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise _unusable(path, "one of its keys is not of an elliptic curve")
        _hash(key.curve, path)
        keys.append(PublicKey(key))
    if not keys:
        raise _unusable(path, "it holds no public key")
    return tuple(keys)


def write_new_key(path: Path) -> SigningKey:
    """Make a key: ``path`` for its owner only, and ``path.pub`` for everybody.

    Raises: KeyTaken: nothing is ever written over; KeyUnusable, MissingExtra.
    """
    _check_installed()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    made = SigningKey(key)
    public = path.with_name(path.name + ".pub")
    if public.exists():
        raise _taken(public)
    _write_new(path, private, mode=0o600)
    _write_new(public, made.public.pem, mode=0o644)
    return made


def _write_new(path: Path, content: bytes, *, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        raise _unusable(path, f"it cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _read(path: Path) -> bytes:
    return read_pem(path, most_bytes=_MAX_PEM_BYTES, what="keys", unusable=_unusable)


def _hash(curve: ec.EllipticCurve, path: Path | None = None) -> HashAlgorithm:
    from cryptography.hazmat.primitives import hashes

    match curve.name:
        case "secp256r1":
            return hashes.SHA256()
        case "secp384r1":
            return hashes.SHA384()
        case "secp521r1":
            return hashes.SHA512()
        case other:
            raise _unusable(path, f"its curve is {other}, not P-256, P-384 or P-521")


def _check_installed() -> None:
    if find_spec("cryptography") is None:
        raise MissingExtra("cryptography", "signing")


def _taken(path: Path) -> KeyTaken:
    return KeyTaken(
        f"There is a file {str(path)!r} already, and a key is never written over.",
        remedy="Name another file with --new-key, or move that one away.",
        file=str(path),
    )


def _has_password(path: Path) -> KeyUnusable:
    return KeyUnusable(
        f"The key in {str(path)!r} cannot be used: it has a password.",
        remedy=f"Write it without one, for its owner only: `openssl pkcs8 -topk8 -nocrypt -in "
        f"{path} -out {path}.plain`, and name that file.",
        file=str(path),
        reason="it has a password",
    )


def _unusable(path: Path | None, reason: str) -> KeyUnusable:
    return KeyUnusable(
        f"The key in {str(path)!r} cannot be used: {reason}.",
        remedy="Make one with `seatrial sign --new-key`; its public half is in the file .pub.",
        file=str(path),
        reason=reason,
    )

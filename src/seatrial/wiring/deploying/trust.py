"""Which bundles a server loads: where a key is configured, only those that it signed.

A signature lies beside its bundle. It is asked for whenever a server or a container loads a
version; packaging, staging and evaluation come before somebody signs, and ask for none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.registry.bundle import Bundle
from seatrial.registry.signing import BundleUnsigned, check, sign
from seatrial.registry.signing_file import (
    VERIFY_KEY,
    read_signature,
    signature_path,
    write_signature,
)

if TYPE_CHECKING:
    from seatrial.adapters.keys_ecdsa import PublicKey


class Trust:
    """The keys whose signature makes a bundle one to load.

    Args:
        keys: a PEM file of public keys.
    Raises: KeyUnusable, MissingExtra.
    """

    def __init__(self, keys: Path) -> None:
        with ONE_AT_A_TIME:
            from seatrial.adapters.keys_ecdsa import read_public_keys
        self._keys: tuple[PublicKey, ...] = read_public_keys(keys)

    @property
    def pem(self) -> str:
        """The keys as a file holds them, and nothing else that theirs may hold."""
        return b"".join(key.pem for key in self._keys).decode()

    def knows(self, fingerprint: str) -> bool:
        """Whether what a key signed is loaded, by the fingerprint of its public half."""
        return any(key.fingerprint == fingerprint for key in self._keys)

    def check(self, bundle: Bundle, signature: Path | None = None) -> str:
        """See that one of the keys signed a verified bundle; returns its fingerprint.

        Args:
            signature: its file; None for the one beside the bundle's folder.
        Raises: BundleUnsigned, SignatureUnreadable, SignatureRefused, SignatureOfOther.
        """
        path = signature or signature_path(bundle.path)
        raw = read_signature(path)
        if raw is None:
            name = bundle.manifest.name
            raise BundleUnsigned(
                f"The bundle of {name!r} is not signed: there is no {str(path)!r}.",
                remedy=f"Sign it with `seatrial sign {name}@VERSION --key KEY`, then deploy again.",
                signature=str(path),
            )
        return check(bundle.manifest, raw, self._keys)


def trust_of(keys: Path | None) -> Trust | None:
    """What is asked of bundles, or None where nothing is.   Raises: as `Trust`."""
    return None if keys is None else Trust(keys)


def trust_of_environment(environment: Mapping[str, str] = os.environ) -> Trust | None:
    """The same of a container, which ``SEATRIAL_VERIFY_KEY`` tells.   Raises: as `Trust`."""
    named = environment.get(VERIFY_KEY)
    return Trust(Path(named)) if named else None


def sign_bundle(bundle: Bundle, key: Path, signature: Path) -> str:
    """Sign a verified bundle into a file, in place of one that is there; returns the fingerprint.

    Raises: KeyUnusable, MissingExtra, BundleDiskFull, BundleNotWritten.
    """
    from seatrial.adapters.keys_ecdsa import SigningKey

    signer = SigningKey.read(key)
    write_signature(signature, sign(bundle.manifest, signer))
    return signer.fingerprint


def check_key(key: Path) -> str:
    """Say now what would keep a bundle from being signed; returns the key's fingerprint.

    Raises: KeyUnusable, MissingExtra.
    """
    with ONE_AT_A_TIME:
        from seatrial.adapters.keys_ecdsa import SigningKey
    return SigningKey.read(key).fingerprint


def unloadable(verify_key: Path | None, sign_key: Path | None, *, by_itself: bool) -> str | None:
    """Why versions that a workspace registers would not be loaded by its own server, or None.

    Args: by_itself: whether it retrains models, or follows a registry.
    Raises: as `Trust` and `check_key`.
    """
    trust, signed_by = trust_of(verify_key), None if sign_key is None else check_key(sign_key)
    if trust is None:
        return None
    if signed_by is not None and not trust.knows(signed_by):
        return (
            f"server.verify_key does not hold the public half of server.sign_key, "
            f"{signed_by[:12]}: versions that are registered here will abort"
        )
    if signed_by is None and by_itself:
        return (
            "server.verify_key asks for signatures and there is no server.sign_key: retrained and "
            "followed versions will abort until somebody signs them"
        )
    return None


def check_brought(archive: Path, trust: Trust | None, bundle: Bundle) -> None:
    """Refuse a signature beside an archive that does not count here, before anything is loaded.

    Args:
        trust: whose signatures count; None for anybody's.
        bundle: what the archive holds, verified.
    Raises: as `Trust.check`, but not where there is none: somebody here may still sign it.
    """
    beside = signature_path(archive)
    if trust is not None and read_signature(beside) is not None:
        trust.check(bundle, beside)


def adopt_signature(archive: Path, bundle: Bundle, trust: Trust | None) -> bool:
    """Keep the signature beside an archive with the bundle that came of it; whether there was one.

    Args: as `check_brought`, which comes before; without ``trust`` one that is there already stays.
    Raises: SignatureUnreadable, BundleDiskFull, BundleNotWritten.
    """
    own, content = signature_path(bundle.path), read_signature(signature_path(archive))
    if content is None:
        return False
    if trust is not None or not own.exists():
        write_signature(own, content)
    return True

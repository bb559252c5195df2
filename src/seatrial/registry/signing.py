"""Signatures of bundles: what is signed, and how it is written down.

The form is that of OpenSSF Model Signing 1.0, so that its own tools check what is signed here and
the other way round: an in-toto statement that lists every file with its SHA-256, in a DSSE
envelope, in a Sigstore bundle.

Keys are not read here: whoever signs or checks is a port.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec

from seatrial.kernel.errors import Denied, Invalid
from seatrial.registry.manifest import MANIFEST_FILE, Manifest, encode_manifest

_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://model_signing/signature/v1.0"


T = TypeVar("T")


class BundleUnsigned(Denied):
    """A signature is asked for, and the bundle has none."""

    code = "signing.unsigned"


class SignatureUnreadable(Invalid):
    """A signature file is cut off, or is none."""

    code = "signing.unreadable"


class SignatureRefused(Denied):
    """No trusted key made the signature, or it was changed afterwards."""

    code = "signing.refused"


class SignatureOfOther(Denied):
    """The signature is good, but of other files than these."""

    code = "signing.other_content"


class Signer(Protocol):
    """A private key."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its public key in PEM; lower-case hex."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature of a message."""
        ...


class Verifier(Protocol):
    """A public key."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of it in PEM; lower-case hex."""
        ...

    def accepts(self, message: bytes, signature: bytes) -> bool:
        """Whether the private key of this one made a signature of that message."""
        ...


def sign(manifest: Manifest, signer: Signer) -> bytes:
    """The signature file of a bundle."""
    payload = _statement(manifest)
    envelope = {
        "payload": b64encode(payload).decode(),
        "payloadType": _PAYLOAD_TYPE,
        "signatures": [{"sig": b64encode(signer.sign(_encoded(payload))).decode(), "keyid": ""}],
    }
    material = {"publicKey": {"hint": signer.fingerprint}, "tlogEntries": []}
    whole = {"mediaType": _MEDIA_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope}
    return json.dumps(whole).encode()


def check(manifest: Manifest, signature: bytes, trusted: Sequence[Verifier]) -> str:
    """See that a trusted key signed exactly these files; returns its fingerprint.

    Args:
        manifest: of a verified bundle.
        signature: the content of its signature file.
        trusted: any of them will do.
    Raises: SignatureUnreadable, SignatureRefused, SignatureOfOther.
    """
    file = _decoded(signature, _File, "it is no signature of OpenSSF Model Signing")
    envelope = file.envelope
    if (file.media_type, envelope.payload_type) != (_MEDIA_TYPE, _PAYLOAD_TYPE):
        raise _unreadable(f"it is of the type {file.media_type!r}")
    if len(envelope.signatures) != 1:
        raise _unreadable(f"it holds {len(envelope.signatures)} signatures in place of one")
    message, made = _encoded(envelope.payload), envelope.signatures[0].sig
    signed_by = next((key.fingerprint for key in trusted if key.accepts(message, made)), None)
    if signed_by is None:
        raise _refused(file.material.public_key.hint, trusted)
    _compare(_signed_files(envelope.payload), _files(manifest), manifest.name)
    return signed_by


def named_key(signature: bytes) -> str:
    """The fingerprint that a signature names as its key's; whether that is so, `check` finds.

    Raises: SignatureUnreadable.
    """
    file = _decoded(signature, _File, "it is no signature of OpenSSF Model Signing")
    return file.material.public_key.hint


def _statement(manifest: Manifest) -> bytes:
    files = _files(manifest)
    resources = [{"name": n, "algorithm": "sha256", "digest": d} for n, d in files.items()]
    predicate = {
        "serialization": {
            "method": "files",
            "hash_type": "sha256",
            "allow_symlinks": False,
            "ignore_paths": [],
        },
        "resources": resources,
    }
    subject = {"name": manifest.name, "digest": {"sha256": _root(files.values())}}
    return json.dumps(
        {
            "_type": _STATEMENT,
            "subject": [subject],
            "predicateType": _PREDICATE,
            "predicate": predicate,
        }
    ).encode()


def _files(manifest: Manifest) -> Mapping[str, str]:
    own = hashlib.sha256(encode_manifest(manifest)).hexdigest()
    files = {MANIFEST_FILE: own, **{file.path: file.sha256 for file in manifest.files}}
    return dict(sorted(files.items()))


def _root(digests: Iterable[str]) -> str:
    return hashlib.sha256(b"".join(map(bytes.fromhex, digests))).hexdigest()


def _encoded(payload: bytes) -> bytes:
    """What a key signs. Source: DSSE 1.0, PAE."""
    kind = _PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _signed_files(payload: bytes) -> Mapping[str, str]:
    """SHA-256 by path, of a statement whose signature is good."""
    statement = _decoded(payload, _Statement, "what it signs is no list of a model's files")
    if (statement.type, statement.predicate_type) != (_STATEMENT, _PREDICATE):
        raise _unreadable(f"what it signs is a {statement.predicate_type!r}")
    resources = statement.predicate.resources
    if odd := next((r.algorithm for r in resources if r.algorithm != "sha256"), None):
        raise _unreadable(f"its files are hashed by {odd!r} in place of sha256")
    signed = {resource.name: resource.digest for resource in resources}
    if len(signed) != len(resources):
        raise _unreadable("what it signs lists a file twice")
    return signed


def _compare(signed: Mapping[str, str], there: Mapping[str, str], name: str) -> None:
    if signed == there:
        return
    path = min(set(signed.items()) ^ set(there.items()))[0]
    how = "changed" if path in signed and path in there else "added"
    how = "missing" if path not in there else how
    raise SignatureOfOther(
        f"The signature of the bundle of {name!r} is of other files: {path!r} is {how}.",
        remedy="Take the signature that was made of this bundle, or sign it with `seatrial sign`.",
        file=path,
        difference=how,
    )


class _Key(msgspec.Struct):
    hint: str = ""


class _Material(msgspec.Struct, rename="camel"):
    public_key: _Key


class _Signature(msgspec.Struct):
    sig: bytes


class _Envelope(msgspec.Struct, rename="camel"):
    payload: bytes
    payload_type: str
    signatures: list[_Signature]


class _File(msgspec.Struct):
    media_type: str = msgspec.field(name="mediaType")
    material: _Material = msgspec.field(name="verificationMaterial")
    envelope: _Envelope = msgspec.field(name="dsseEnvelope")


class _Resource(msgspec.Struct):
    name: str
    algorithm: str
    digest: str


class _Predicate(msgspec.Struct):
    resources: list[_Resource]


class _Statement(msgspec.Struct):
    type: str = msgspec.field(name="_type")
    predicate_type: str = msgspec.field(name="predicateType")
    predicate: _Predicate


def _decoded(raw: bytes, kind: type[T], why: str) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(f"{why}: {error}") from error


def _unreadable(reason: str) -> SignatureUnreadable:
    return SignatureUnreadable(
        f"The signature cannot be read: {reason}.",
        remedy="Copy it again from where it came, or sign the bundle with `seatrial sign`.",
        reason=reason,
    )


def _refused(hint: str, trusted: Sequence[Verifier]) -> SignatureRefused:
    known = [key.fingerprint for key in trusted]
    if hint in known:
        why = "does not fit what it signs: one of them was changed"
    else:
        why = f"names the key {hint[:12] or 'of nobody'}, which is not trusted here"
    return SignatureRefused(
        f"The signature {why}; trusted: {', '.join(key[:12] for key in known)}.",
        remedy="Have the bundle signed with a key that is trusted: `seatrial sign --key`.",
        signed_by=hint[:64],
        trusted=known,
    )

"""The manifest: what a bundle is, what its files are, and the digest that names all of it.

One content has one manifest and one manifest has one spelling, so equal content has equal bytes
and a changed byte cannot hide. No time, path or user name enters it; those are facts of the
catalogue.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from seatrial.kernel.errors import Invalid, SeatrialError
from seatrial.registry.incoming import FileRecord
from seatrial.registry.naming import check_name
from seatrial.registry.signature import Dtype, Signature
from seatrial.registry.signature_record import (
    SignatureRecord,
    signature_from_record,
    signature_to_dict,
)

SCHEMA = 4
"""The newest one: 2 has tensors in its signature, 3 such of bytes. Others are written as 1, which
all read."""

MANIFEST_FILE = "manifest.json"
MAX_MANIFEST_BYTES = 16 << 20

_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,99}")
_PYTHON = re.compile(r"3\.\d{1,3}\.\d{1,3}")


class BundleTampered(Invalid):
    """A byte of the bundle is not what it was when the bundle was made."""

    code = "bundle.tampered"


class BundleTooNew(Invalid):
    """A later seatrial made this bundle."""

    code = "bundle.too_new"


class ManifestInvalid(Invalid):
    """What a bundle was to be made of cannot be written down."""

    code = "bundle.manifest_invalid"


class Role(StrEnum):
    """What an artefact is for."""

    ONNX = "onnx"
    """The exported model."""
    WIDE = "onnx_wide"
    """The exported model in the form that is fastest for many rows."""
    NATIVE = "native"
    """The model as the user gave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """The library that made the model.

    Args:
        name: as packaged, such as ``scikit-learn``.
        version: the one installed where the model was packaged.
    """

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a bundle holds.

    Args:
        name: the model's; see `check_name`.
        framework: what made the model.
        python: the interpreter it was packaged with, such as ``3.11.7``.
        signature: its inputs and outputs.
        source_sha256: of the file the user gave.
        artefacts: path in the bundle of each artefact; at least one.
        plan: the engine plan, JSON-able.
        parity: the report of the export's parity, JSON-able; None when nothing was exported.
        trusted: whether a person vouched for a native artefact that imports unknown code or was
            saved by another version of its library.
        files: every file but the manifest, sorted by path.
    """

    name: str
    framework: Framework
    python: str
    signature: Signature
    source_sha256: str
    artefacts: Mapping[Role, str]
    plan: Mapping[str, object]
    parity: Mapping[str, object] | None
    trusted: bool
    files: tuple[FileRecord, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over the manifest, hence over every file; lower-case hex."""
        return hashlib.sha256(canonical(_to_dict(self))).hexdigest()


def safe_path(path: str) -> bool:
    """Whether a path may be in a bundle: relative, plain ASCII, no hidden part, no ``..``."""
    return len(path) <= 100 and path != MANIFEST_FILE and _PATH.fullmatch(path) is not None


def canonical(data: object) -> bytes:
    """The one spelling of JSON data. Raises: ValueError, TypeError for what is not JSON."""
    text = json.dumps(data, sort_keys=True, indent=1, ensure_ascii=True, allow_nan=False)
    return text.encode("ascii") + b"\n"


def encode_json(data: Mapping[str, object]) -> bytes:
    """The one spelling of what a caller gave. Raises: ManifestInvalid for what is not JSON."""
    try:
        return canonical(data)
    except (ValueError, TypeError, RecursionError) as error:
        raise _invalid(str(error)) from error


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of ``manifest.json``.

    Raises: ManifestInvalid for a manifest that could not be read back as it is.
    """
    body = encode_json(_to_dict(manifest))
    digest = hashlib.sha256(body).hexdigest()
    encoded = encode_json({**_to_dict(manifest), "digest": digest})
    try:
        decode_manifest(encoded)
    except BundleTampered as error:
        raise _invalid(str(error.facts["reason"])) from error
    return encoded


def decode_manifest(raw: bytes) -> Manifest:
    """The manifest behind the bytes of ``manifest.json``.

    Raises: BundleTooNew, BundleTampered.
    """
    try:
        data = json.loads(raw)
        spelling = canonical(data)
    except (ValueError, TypeError, RecursionError) as error:
        raise tampered("its manifest is not JSON") from error
    schema = data.get("schema") if isinstance(data, dict) else None
    if not isinstance(schema, int) or schema < 1:
        raise tampered("its manifest states no schema")
    if schema > SCHEMA:
        raise BundleTooNew(
            f"The bundle has schema {schema}; this seatrial reads up to {SCHEMA}.",
            remedy="Upgrade seatrial, or deploy the model again with this one.",
            schema=schema,
        )
    manifest = _READERS[schema](data)
    if spelling != raw or manifest.digest != data["digest"]:
        raise tampered("its manifest does not have the digest it states")
    return manifest


def tampered(reason: str) -> BundleTampered:
    """The error for a bundle that is not what it was, for ``reason``."""
    return BundleTampered(
        f"The bundle is not what was packaged: {reason}.",
        remedy="Remove its folder and copy it again from where it came, or deploy the model again.",
        reason=reason,
    )


class _FrameworkV1(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    version: str


class _FileV1(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str
    size: int
    sha256: str


class _ManifestV1(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: int
    digest: str
    name: str
    framework: _FrameworkV1
    python: str
    signature: SignatureRecord
    source_sha256: str
    artefacts: dict[Role, str]
    plan: dict[str, object]
    parity: dict[str, object] | None
    trusted: bool
    files: list[_FileV1]


def _read_v1(data: object) -> Manifest:
    try:
        record = msgspec.convert(data, _ManifestV1)
        manifest = Manifest(
            name=check_name(record.name),
            framework=Framework(name=record.framework.name, version=record.framework.version),
            python=record.python,
            signature=signature_from_record(record.signature),
            source_sha256=record.source_sha256,
            artefacts=record.artefacts,
            plan=record.plan,
            parity=record.parity,
            trusted=record.trusted,
            files=tuple(
                FileRecord(path=file.path, size=file.size, sha256=file.sha256)
                for file in record.files
            ),
        )
    except (msgspec.ValidationError, SeatrialError) as error:
        raise tampered(f"its manifest does not parse: {error}") from error
    if fault := _fault(manifest):
        raise tampered(f"its manifest {fault}")
    return manifest


_READERS: Mapping[int, Callable[[object], Manifest]] = dict.fromkeys(range(1, SCHEMA + 1), _read_v1)


def _fault(manifest: Manifest) -> str | None:
    paths = [file.path for file in manifest.files]
    words = (manifest.framework.name, manifest.framework.version)
    if not all(_WORD.fullmatch(word) for word in words) or not _PYTHON.fullmatch(manifest.python):
        return "names no framework and Python version"
    if paths != sorted(set(paths)) or not all(map(safe_path, paths)):
        return "lists files that cannot be in a bundle"
    hashes = [manifest.source_sha256, *(file.sha256 for file in manifest.files)]
    if not all(map(_SHA256.fullmatch, hashes)) or any(file.size < 0 for file in manifest.files):
        return "lists files without a size and hash"
    if not manifest.artefacts or not set(manifest.artefacts.values()) <= set(paths):
        return "names no artefact, or one it does not list"
    return None


def _to_dict(manifest: Manifest) -> dict[str, object]:
    return {
        "schema": _schema(manifest.signature),
        "name": manifest.name,
        "framework": {"name": manifest.framework.name, "version": manifest.framework.version},
        "python": manifest.python,
        "signature": signature_to_dict(manifest.signature),
        "source_sha256": manifest.source_sha256,
        "artefacts": {role.value: path for role, path in manifest.artefacts.items()},
        "plan": dict(manifest.plan),
        "parity": None if manifest.parity is None else dict(manifest.parity),
        "trusted": manifest.trusted,
        "files": [
            {"path": file.path, "size": file.size, "sha256": file.sha256} for file in manifest.files
        ],
    }


def _schema(signature: Signature) -> int:
    """The oldest one that can say it."""
    narrow = {feature.dtype for feature in signature.features if feature.dtype.narrow}
    if narrow:
        return 3 if narrow == {Dtype.UINT8} else 4
    return 2 if signature.has_tensors or any(o.shape for o in signature.outputs) else 1


def _invalid(reason: str) -> ManifestInvalid:
    return ManifestInvalid(
        f"The bundle cannot be written: {reason}.",
        remedy="Give JSON data without NaN and text keys only, and a valid name and versions.",
        reason=reason,
    )

"""Bundles: a packaged model as an immutable folder named by its content.

    <digest>/
      manifest.json       what this is, and the hash of every other file
      model.onnx          the exported model, when it could be exported
      model_wide.onnx     the same for many rows, when that is faster
      native/model.pkl    the model as given, when a native engine may answer
      requirements.txt    the libraries the model needs, pinned
      golden.json         a few inputs with the answers the model gave
      profile.json        what the training sample looked like
      performance.json    how well the model did on labelled rows, where there were any

`create` writes one whole or not at all; `open` believes nothing it has not hashed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.registry.bundle_files import (
    BundleNotFound,
    incomplete,
    manifest_bytes,
    verified_chunks,
    verify_tree,
)
from seatrial.registry.golden import Golden, decode_golden, encode_golden
from seatrial.registry.incoming import chunks_of, incoming, land, write_file
from seatrial.registry.manifest import (
    MANIFEST_FILE,
    Framework,
    Manifest,
    Role,
    decode_manifest,
    encode_json,
    encode_manifest,
    safe_path,
    tampered,
)
from seatrial.registry.signature import Signature

REQUIREMENTS_FILE = "requirements.txt"
GOLDEN_FILE = "golden.json"
PROFILE_FILE = "profile.json"
PERFORMANCE_FILE = "performance.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a bundle is made of.

    Args:
        name: the model's; see `check_name`.
        framework: the library that made the model.
        python: the interpreter the model was packaged with, such as ``3.11.7``.
        signature: its inputs and outputs.
        source_sha256: of the file the user gave, lower-case hex.
        artefacts: the file to copy for each role; at least one.
        requirements: pinned lines, as `seatrial.packaging.requirements` makes them.
        golden: rows with the expected answers.
        profile: what the training sample looked like, JSON-able.
        performance: how well it did on labelled rows, JSON-able; None where there were none.
        plan: which engine answers how many rows, JSON-able.
        parity: how the export compares to the original, JSON-able; None without an export.
        trusted: whether a person vouched for a model that would otherwise be refused.
    """

    name: str
    framework: Framework
    python: str
    signature: Signature
    source_sha256: str
    artefacts: Mapping[Role, Path]
    requirements: str
    golden: Golden
    profile: Mapping[str, object]
    plan: Mapping[str, object]
    parity: Mapping[str, object] | None = None
    trusted: bool = False
    performance: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A verified bundle; made by `create` and `open` only."""

    path: Path
    manifest: Manifest

    @classmethod
    def create(cls, root: Path, contents: Contents) -> Bundle:
        """Write ``root/<digest>``, or find it there already.

        Raises: ManifestInvalid, GoldenUnreadable, BundleDiskFull, BundleNotWritten; BundleTampered
            when the folder is there but is not what its name says. Nothing is left behind.
        """
        with incoming(root) as folder:
            manifest = _write(folder, contents)
            return settle(folder, root, manifest)

    @classmethod
    def open(cls, path: Path, *, digest: str | None = None) -> Bundle:
        """The bundle in a folder, every byte of it verified.

        Args:
            path: the folder.
            digest: the one the catalogue knows it by; None takes the folder's word for it.
        Raises: BundleNotFound, BundleIncomplete, BundleTampered, BundleTooNew.
        """
        bundle = cls.known(path, digest=digest)
        verify_tree(path, bundle.manifest)
        for record in bundle.manifest.files:
            for _ in verified_chunks(path, record):
                pass
        return bundle

    @classmethod
    def known(cls, path: Path, *, digest: str | None) -> Bundle:
        """One that the process which started this one has opened: only its manifest is verified.

        Args: see `open`.
        Raises: BundleNotFound, BundleTampered, BundleTooNew.
        """
        manifest = decode_manifest(manifest_bytes(path))
        if digest is not None and manifest.digest != digest:
            raise tampered(f"it is {manifest.digest}, not {digest}")
        return cls(path=path, manifest=manifest)

    @property
    def digest(self) -> str:
        """The name of the content; lower-case hex of SHA-256."""
        return self.manifest.digest

    @property
    def n_bytes(self) -> int:
        """The size of all its files but the manifest."""
        return sum(file.size for file in self.manifest.files)

    @property
    def signature(self) -> Signature:
        """The model's inputs and outputs."""
        return self.manifest.signature

    def locate(self, role: Role) -> Path:
        """Where an artefact lies, for engines that read files. Raises: BundleNotFound."""
        return self.path / self._artefact(role)

    def read(self, role: Role) -> bytes:
        """The bytes of an artefact, verified once more. Raises: BundleNotFound, BundleTampered."""
        return self._read(self._artefact(role))

    def requirements(self) -> str:
        """The pinned libraries. Raises: BundleTampered."""
        return self._read(REQUIREMENTS_FILE).decode()

    def golden(self) -> Golden:
        """The golden rows. Raises: BundleTampered, GoldenUnreadable."""
        return decode_golden(self._read(GOLDEN_FILE), self.signature)

    def profile(self) -> dict[str, object]:
        """What the training sample looked like. Raises: BundleTampered."""
        profile: dict[str, object] = json.loads(self._read(PROFILE_FILE))
        return profile

    def performance(self) -> dict[str, object]:
        """How well the model did on labelled rows; empty where it was packaged without any, or
        before seatrial kept this. Raises: BundleTampered.
        """
        if all(file.path != PERFORMANCE_FILE for file in self.manifest.files):
            return {}
        performance: dict[str, object] = json.loads(self._read(PERFORMANCE_FILE))
        return performance

    def copy_to(self, folder: Path) -> Bundle:
        """An equal bundle at ``folder``, which must not be there yet or be this very bundle.

        Raises: BundleTampered, BundleDiskFull, BundleNotWritten.
        """
        with incoming(folder.parent) as fresh:
            for record in self.manifest.files:
                write_file(fresh, record.path, verified_chunks(self.path, record))
            write_file(fresh, MANIFEST_FILE, [encode_manifest(self.manifest)])
            land(fresh, folder)
        return Bundle.open(folder, digest=self.digest)

    def _artefact(self, role: Role) -> str:
        try:
            return self.manifest.artefacts[role]
        except KeyError:
            held = ", ".join(sorted(self.manifest.artefacts))
            raise BundleNotFound(
                f"The bundle of {self.manifest.name!r} holds no {role} artefact, only: {held}.",
                remedy="Ask for one it holds, or deploy the model again.",
                role=role.value,
            ) from None

    def _read(self, path: str) -> bytes:
        record = next((file for file in self.manifest.files if file.path == path), None)
        if record is None:
            raise incomplete(self.path, path)
        return b"".join(verified_chunks(self.path, record))


def settle(folder: Path, root: Path, manifest: Manifest) -> Bundle:
    """Give a written incoming folder its place in ``root``, or take the equal one already there.

    Raises: BundleTampered, BundleIncomplete when what is already there is damaged.
    """
    target = root / manifest.digest
    if land(folder, target):
        return Bundle(path=target, manifest=manifest)
    return Bundle.open(target, digest=manifest.digest)


def _write(folder: Path, contents: Contents) -> Manifest:
    artefacts = {role: _artefact_path(role, path) for role, path in contents.artefacts.items()}
    files = [
        write_file(folder, artefacts[role], chunks_of(path))
        for role, path in contents.artefacts.items()
    ]
    golden = encode_golden(contents.golden, contents.signature)
    texts = {
        REQUIREMENTS_FILE: contents.requirements.encode(),
        GOLDEN_FILE: golden,
        PROFILE_FILE: encode_json(contents.profile),
    }
    if contents.performance is not None:
        texts[PERFORMANCE_FILE] = encode_json(contents.performance)
    for path, content in texts.items():
        files.append(write_file(folder, path, [content]))
    manifest = Manifest(
        name=contents.name,
        framework=contents.framework,
        python=contents.python,
        signature=contents.signature,
        source_sha256=contents.source_sha256,
        artefacts=artefacts,
        plan=contents.plan,
        parity=contents.parity,
        trusted=contents.trusted,
        files=tuple(sorted(files, key=lambda file: file.path)),
    )
    write_file(folder, MANIFEST_FILE, [encode_manifest(manifest)])
    return manifest


def _artefact_path(role: Role, source: Path) -> str:
    match role:
        case Role.ONNX:
            return "model.onnx"
        case Role.WIDE:
            return "model_wide.onnx"
        case Role.NATIVE:
            # The suffix stays, since libraries tell formats apart by it; the rest of the name goes,
            # so that renaming a model file changes no digest.
            path = f"native/model{source.suffix}"
            return path if safe_path(path) else "native/model"

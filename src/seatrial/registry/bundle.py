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

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from seatrial.kernel.errors import Invalid, NotFound
from seatrial.registry.golden import Golden, decode_golden, encode_golden
from seatrial.registry.incoming import CHUNK, FileRecord, chunks_of, incoming, land, write_file
from seatrial.registry.manifest import (
    MANIFEST_FILE,
    MAX_MANIFEST_BYTES,
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
_MAX_ENTRIES = 10_000


class BundleNotFound(NotFound):
    """There is no bundle where one was looked for."""

    code = "bundle.not_found"


class BundleIncomplete(Invalid):
    """A file of the bundle is missing."""

    code = "bundle.incomplete"


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
        _verify_tree(path, bundle.manifest)
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
        manifest = decode_manifest(_read_manifest(path))
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
            raise _incomplete(self.path, path)
        return b"".join(verified_chunks(self.path, record))


def read_manifest(path: Path, digest: str) -> Manifest:
    """What the bundle of a digest says it is; of its other files not a byte is read.

    Raises: BundleNotFound, BundleTampered, BundleTooNew.
    """
    manifest = decode_manifest(_read_manifest(path))
    if manifest.digest != digest:
        raise tampered(f"it is {manifest.digest}, not {digest}")
    return manifest


def settle(folder: Path, root: Path, manifest: Manifest) -> Bundle:
    """Give a written incoming folder its place in ``root``, or take the equal one already there.

    Raises: BundleTampered, BundleIncomplete when what is already there is damaged.
    """
    target = root / manifest.digest
    if land(folder, target):
        return Bundle(path=target, manifest=manifest)
    return Bundle.open(target, digest=manifest.digest)


def verified_chunks(folder: Path, record: FileRecord) -> Iterator[bytes]:
    """The content of a file in pieces, ending in an error unless all of it is as recorded.

    Raises: BundleTampered, BundleIncomplete.
    """
    digest = hashlib.sha256()
    size = 0
    with _open_regular(folder, record.path) as file:
        while chunk := file.read(CHUNK):
            size += len(chunk)
            if size > record.size:
                break
            digest.update(chunk)
            yield chunk
    if size != record.size:
        raise tampered(f"{record.path!r} does not have the {record.size} bytes it had")
    if digest.hexdigest() != record.sha256:
        raise tampered(f"{record.path!r} has other bytes than it had")


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


def _read_manifest(path: Path) -> bytes:
    if not path.is_dir():
        raise BundleNotFound(
            f"There is no bundle at {str(path)!r}.",
            remedy="Check the path, or deploy the model to make one.",
            folder=str(path),
        )
    with _open_regular(path, MANIFEST_FILE) as file:
        raw = file.read(MAX_MANIFEST_BYTES + 1)
    if len(raw) > MAX_MANIFEST_BYTES:
        raise tampered("its manifest is far larger than a manifest can be")
    return raw


def _verify_tree(root: Path, manifest: Manifest) -> None:
    wanted = {file.path for file in manifest.files} | {MANIFEST_FILE}
    folders = {parent.as_posix() for path in wanted for parent in Path(path).parents}
    found = set()
    for n, entry in enumerate(_walk(root)):
        path = Path(entry.path).relative_to(root).as_posix()
        if n >= _MAX_ENTRIES:
            raise tampered("it holds far more files than it lists")
        if entry.is_dir(follow_symlinks=False):
            if path not in folders:
                raise tampered(f"it has an extra folder {path!r}")
        elif path not in wanted:
            raise tampered(f"it has an extra file {path!r}")
        found.add(path)
    if missing := sorted(wanted - found):
        raise _incomplete(root, missing[0])


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))


@contextmanager
def _open_regular(folder: Path, path: str) -> Iterator[BinaryIO]:
    # O_NOFOLLOW refuses a link, O_NONBLOCK keeps a planted FIFO from holding us forever.
    try:
        descriptor = os.open(folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise _incomplete(folder, path) from None
    except OSError as error:
        raise tampered(f"{path!r} cannot be opened as a file: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise tampered(f"{path!r} is not a regular file")
        yield file


def _incomplete(folder: Path, path: str) -> BundleIncomplete:
    remedy = "Remove its folder and copy it again from where it came, or deploy the model again."
    if path == MANIFEST_FILE:
        remedy = "Check the path: a folder without it is no bundle, or what is left of one."
    return BundleIncomplete(
        f"The bundle at {str(folder)!r} lacks {path!r}.",
        remedy=remedy,
        file=path,
    )

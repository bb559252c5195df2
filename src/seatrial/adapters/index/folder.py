"""The folder of one index: which versions there are, of which segments, and which one is live.

catalogue.json             all versions and the live one: replacing it commits
versions/000003.json       the segments of a version, and which of their documents it lacks
segments/000000000000.seg  documents, chunks, vectors and words; never changed
draft/draft.json           the version being built: as a version, with its journal
draft/000001.journal       what came since its last segment
files.stamps               what the drive said of the files that were read; may be deleted
catalogue.lock, builder.lock
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.index.file import (
    damaged,
    keep_names,
    locked,
    read_json,
    translated,
    write_json,
)
from seatrial.rag.index.checking import check_name, is_name
from seatrial.rag.index.failures import IndexNotFound
from seatrial.rag.index.writing import Recipe, VersionFacts

_Kind = TypeVar("_Kind")
_FORMAT = 2
"""2: segments have codes of vectors; of 1, signs, which are not read any more."""

_READ = (1, _FORMAT)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEntry:
    """A segment in a version.

    Args:
        dead: numbers of its documents that do not count, as `packed` writes them.
    """

    segment: str
    first_key: int
    dead: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a version is made of."""

    parts: tuple[PartEntry, ...]
    languages: dict[str, float]
    format: int = _FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionEntry:
    """A version in the catalogue."""

    version: int
    recipe: Recipe
    created: datetime
    n_documents: int
    n_chunks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All versions, oldest first.

    Args:
        live: number of the live version; 0 where there is none.
        next_version, next_key: numbers that were never used.
    """

    live: int = 0
    next_version: int = 1
    next_key: int = 0
    versions: tuple[VersionEntry, ...] = ()
    format: int = _FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftState:
    """A version being built.

    Args:
        base: what it began with.
        next_key: of its next chunk.
        journal: number of the journal that holds what is in no segment yet.
        begun: when; None for one that was begun before this was kept.
    """

    recipe: Recipe
    base: tuple[PartEntry, ...]
    next_key: int
    parts: tuple[PartEntry, ...]
    journal: int
    begun: datetime | None = None
    format: int = _FORMAT


class IndexFolder:
    """Reads and writes these files.

    Args:
        root: the folder of all indexes.
        name: of the index, and of its folder.
    Raises: IndexNotFound, where the name cannot be that of an index.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        self._path = root / name
        self._known = is_name(name)

    @property
    def draft(self) -> Path:
        """Where a draft lies."""
        return self._path / "draft"

    @property
    def exists(self) -> bool:
        """Whether anything was ever built here."""
        return self._known and self._path.is_dir()

    @property
    def holding(self) -> tuple[Path, Path]:
        """The folders of segments and of versions."""
        return self._path / "segments", self._path / "versions"

    @property
    def stamps(self) -> Path:
        """The file of stamps."""
        return self._path / "files.stamps"

    @property
    def builder_lock(self) -> Path:
        """The file that who builds has locked."""
        return self._path / "builder.lock"

    def make(self) -> None:
        """Make the folders.

        Raises: IndexNameInvalid, IndexDenied, IndexUnavailable.
        """
        check_name(self.name)
        with translated(self._path):
            folders = [self._path, *(self._path / n for n in ("versions", "segments", "draft"))]
            if (self._path / "catalogue.json").exists() and all(map(Path.is_dir, folders)):
                return  # which all were on the disk before it
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
                keep_names(folder.parent)

    def changing(self) -> AbstractContextManager[None]:
        """Hold while the catalogue is read and replaced."""
        return locked(self._path / "catalogue.lock", wait=True)

    def building(self) -> AbstractContextManager[None]:
        """Hold while a draft is open.

        Raises: IndexBeingBuilt.
        """
        return locked(self.builder_lock, wait=False)

    def catalogue(self) -> Catalogue:
        """All versions; none, before the first was published.

        Raises: IndexDamaged, IndexDenied.
        """
        if not self._known:
            return Catalogue()
        try:
            return self._read("catalogue.json", Catalogue)
        except FileNotFoundError:
            return Catalogue()

    def published(self) -> Catalogue:
        """The catalogue of an index that has a version.

        Raises: IndexNotFound, IndexDamaged, IndexDenied.
        """
        catalogue = self.catalogue()
        if not catalogue.versions:
            raise IndexNotFound(
                f"There is no index {self.name!r}.", remedy="Build it, or name another."
            )
        return catalogue

    def entry(self, catalogue: Catalogue, version: int) -> VersionEntry:
        """One version.   Raises: IndexNotFound."""
        for entry in catalogue.versions:
            if entry.version == version:
                return entry
        raise IndexNotFound(
            f"The index {self.name!r} has no version {version}.",
            remedy=f"Name one of {', '.join(str(one.version) for one in catalogue.versions)}.",
        )

    def commit(self, catalogue: Catalogue) -> None:
        """Replace the catalogue: what it says holds from now on."""
        self._write("catalogue.json", catalogue)

    def manifest(self, version: int) -> Manifest:
        """What a version is made of.   Raises: FileNotFoundError, IndexDamaged."""
        return self._read(f"versions/{version:06}.json", Manifest)

    def manifest_path(self, version: int) -> Path:
        """The file that says what a version is made of."""
        return self._path / f"versions/{version:06}.json"

    def write_manifest(self, version: int, manifest: Manifest) -> None:
        """Write what a version is made of."""
        self._write(f"versions/{version:06}.json", manifest)

    def draft_state(self) -> DraftState | None:
        """The draft that there is."""
        try:
            return self._read("draft/draft.json", DraftState)
        except FileNotFoundError:
            return None

    def write_draft(self, state: DraftState) -> None:
        """Keep how far a draft is."""
        self._write("draft/draft.json", state)

    def drop_draft(self) -> None:
        """Remove the draft; the file that names it goes first."""
        if not self.draft.is_dir():
            return
        for path in sorted(self.draft.iterdir(), key=lambda path: path.name != "draft.json"):
            path.unlink(missing_ok=True)

    def journal(self, number: int) -> Path:
        """A journal of the draft."""
        return self.draft / f"{number:06}.journal"

    def segment(self, name: str) -> Path:
        """The file of a segment."""
        return self._path / "segments" / name

    def drop_versions(self, versions: Sequence[int], segments: set[str]) -> None:
        """Remove files of versions that are in no catalogue any more."""
        for version in versions:
            (self._path / f"versions/{version:06}.json").unlink(missing_ok=True)
        for name in segments:
            self.segment(name).unlink(missing_ok=True)

    def drop_unnamed(self) -> None:
        """Remove what killed builders left: files that no version and no draft names.

        To be called with both locks held.
        """
        versions = [entry.version for entry in self.catalogue().versions]
        state = self.draft_state()
        named = self.segments_of(versions) | ({p.segment for p in state.parts} if state else set())
        known = {self.segment(name) for name in named}
        known |= {self._path / f"versions/{version:06}.json" for version in versions}
        for folder in ("segments", "versions"):
            held = self._path / folder
            for path in held.iterdir() if held.is_dir() else ():
                if path not in known:
                    path.unlink(missing_ok=True)

    def segments_of(self, versions: Sequence[int]) -> set[str]:
        """Names of all segments of versions."""
        return {part.segment for version in versions for part in self.manifest(version).parts}

    def _read(self, name: str, kind: type[_Kind]) -> _Kind:
        path = self._path / name
        read = read_json(path)
        if not isinstance(read, dict) or read.get("format") not in _READ:
            raise damaged(path, "was written by another version of seatrial")
        return msgspec.convert({**read, "format": _FORMAT}, kind)  # as it will be written

    def _write(self, name: str, body: object) -> None:
        write_json(self._path / name, msgspec.to_builtins(body))


def facts_of(entry: VersionEntry, *, live: int) -> VersionFacts:
    """A version, as it is told."""
    return VersionFacts(
        version=entry.version,
        recipe=entry.recipe,
        n_documents=entry.n_documents,
        n_chunks=entry.n_chunks,
        created=entry.created,
        live=entry.version == live,
    )


def with_version(catalogue: Catalogue, entry: VersionEntry, *, next_key: int) -> Catalogue:
    """A catalogue with one version more, which is the live one."""
    return replace(
        catalogue,
        live=entry.version,
        next_version=entry.version + 1,
        next_key=max(next_key, catalogue.next_key),
        versions=(*catalogue.versions, entry),
    )


def packed(numbers: NDArray[np.int32]) -> str:
    """Rising numbers as text."""
    steps = np.diff(numbers, prepend=0).astype("<i4")
    return base64.b85encode(zlib.compress(steps.tobytes(), 6)).decode() if len(numbers) else ""


def unpacked(text: str) -> NDArray[np.int32]:
    """What `packed` wrote."""
    if not text:
        return np.empty(0, np.int32)
    steps = np.frombuffer(zlib.decompress(base64.b85decode(text)), "<i4")
    return np.cumsum(steps, dtype=np.int32)

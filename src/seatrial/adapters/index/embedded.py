"""Indexes in folders of one drive: the default, without a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from weakref import WeakValueDictionary

from seatrial.adapters.index.audit import audited
from seatrial.adapters.index.draft import FULL_BYTES, EmbeddedDraft
from seatrial.adapters.index.drives_linux import boot_clock
from seatrial.adapters.index.file import MappedArrays, damaged, translated
from seatrial.adapters.index.folder import (
    IndexFolder,
    Manifest,
    PartEntry,
    VersionEntry,
    facts_of,
    unpacked,
)
from seatrial.adapters.index.leftovers import (
    DraftFacts,
    Leftovers,
    Needed,
    discard,
    draft_of,
    leftovers,
)
from seatrial.adapters.index.products_simsimd import byte_products
from seatrial.adapters.index.stamps import StampFile
from seatrial.rag.index.checking import is_name
from seatrial.rag.index.difference import Difference
from seatrial.rag.index.failures import KeepInvalid
from seatrial.rag.index.postings import Analysis
from seatrial.rag.index.reading import IndexFacts
from seatrial.rag.index.segment import Segment
from seatrial.rag.index.segmented import Part, SegmentedIndex
from seatrial.rag.index.writing import Recipe, VersionFacts


class EmbeddedIndexStore:
    """`writing.IndexStore` in a folder, for any number of processes of one machine.

    Who reads holds no lock: a version that is open stays readable after it was forgotten.

    Args:
        root: the folder of all indexes; made with the first draft. Not on a network drive.
        analysis: of words; what was indexed with another is indexed anew with the next version.
        now: dates versions.
        full_bytes: of text and vectors in one segment, and in the memory of a builder.
    """

    def __init__(
        self,
        root: Path | str,
        analysis: Analysis,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        full_bytes: int = FULL_BYTES,
    ) -> None:
        self._root = Path(root).absolute()
        self._analysis = analysis
        self._now = now
        self._full_bytes = full_bytes
        self._products = byte_products()
        self._segments: WeakValueDictionary[tuple[int, int, int], Segment] = WeakValueDictionary()

    def names(self) -> Sequence[str]:
        """See IndexStore."""
        with translated(self._root):
            found = [path.name for path in self._root.iterdir()] if self._root.is_dir() else []
        return sorted(
            name for name in found if is_name(name) and self._folder(name).catalogue().versions
        )

    def versions(self, name: str) -> Sequence[VersionFacts]:
        """See IndexStore."""
        catalogue = self._folder(name).published()
        return [facts_of(entry, live=catalogue.live) for entry in catalogue.versions]

    def live(self, name: str) -> int:
        """See IndexStore."""
        return self._folder(name).published().live

    def open(self, name: str, version: int | None = None) -> SegmentedIndex:
        """See IndexStore."""
        entry, manifest, parts = self._read(name, version)
        facts = IndexFacts(
            name=name,
            version=entry.version,
            n_documents=entry.n_documents,
            n_chunks=entry.n_chunks,
            languages=manifest.languages,
            embedder=entry.recipe.embedder,
            chunker=entry.recipe.chunker,
        )
        return SegmentedIndex(facts, parts, self._analysis, self._products)

    def draft(self, name: str, recipe: Recipe) -> EmbeddedDraft:
        """See IndexStore. Raises also: IndexNameInvalid, IndexDenied, IndexUnavailable."""
        folder = self._folder(name)
        folder.make()
        with ExitStack() as held:
            held.enter_context(folder.building())
            return EmbeddedDraft(
                folder,
                recipe,
                self._analysis,
                held.pop_all(),
                now=self._now,
                full_bytes=self._full_bytes,
            )

    def activate(self, name: str, version: int) -> None:
        """See IndexStore."""
        folder = self._folder(name)
        folder.published()
        with folder.changing():
            catalogue = folder.published()
            folder.entry(catalogue, version)
            folder.commit(replace(catalogue, live=version))

    def forget(self, name: str, *, keep: int) -> Sequence[int]:
        """See IndexStore."""
        if keep < 1:
            raise KeepInvalid(
                f"{keep} versions of the index {name!r} cannot be kept.",
                remedy="Keep at least 1.",
            )
        folder = self._folder(name)
        folder.published()
        with folder.changing():
            catalogue = folder.published()
            old = catalogue.versions[:-keep]
            gone = [one.version for one in old if one.version != catalogue.live]
            kept = tuple(one for one in catalogue.versions if one.version not in gone)
            draft = folder.draft_state()
            needed = folder.segments_of([one.version for one in kept])
            needed |= {part.segment for part in (*draft.parts, *draft.base)} if draft else set()
            unneeded = folder.segments_of(gone) - needed
            if gone:
                folder.commit(replace(catalogue, versions=kept))
            folder.drop_versions(gone, unneeded)
        return gone

    def stamps(self, name: str) -> StampFile:
        """What is known of the files that an index was built from; ask before any is read."""
        return StampFile(self._folder(name).stamps, boot_clock())

    def draft_of(self, name: str) -> DraftFacts | None:
        """The draft of an index that was begun; None for none."""
        return draft_of(self._folder(name))

    def leftovers(self, name: str, *, keep: int, needed: Needed) -> Leftovers:
        """See `index_leftovers.leftovers`."""
        return leftovers(self._folder(name), keep=keep, needed=needed)

    def discard(self, name: str, *, keep: int, needed: Needed) -> Leftovers:
        """See `index_leftovers.discard`."""
        return discard(self._folder(name), keep=keep, needed=needed)

    def audit(self, name: str, version: int | None = None) -> Sequence[Difference]:
        """See IndexStore. A file that cannot be read is a difference too."""
        folder = self._folder(name)
        catalogue = folder.published()
        return audited(folder, folder.entry(catalogue, version or catalogue.live))

    def _read(
        self, name: str, version: int | None
    ) -> tuple[VersionEntry, Manifest, Sequence[Part]]:
        folder = self._folder(name)
        while True:
            catalogue = folder.published()
            entry = folder.entry(catalogue, catalogue.live if version is None else version)
            try:
                manifest = folder.manifest(entry.version)
                return entry, manifest, [self._part(folder, part) for part in manifest.parts]
            except FileNotFoundError as error:
                if folder.catalogue() == catalogue:  # else it was forgotten just now
                    raise damaged(Path(error.filename), "is not there") from error

    def _part(self, folder: IndexFolder, entry: PartEntry) -> Part:
        path = folder.segment(entry.segment)
        status = path.stat()
        key = (status.st_dev, status.st_ino, status.st_mtime_ns)
        segment = self._segments.get(key)
        if segment is None:
            segment = self._segments[key] = Segment(MappedArrays(path))
        return Part(segment, entry.first_key, unpacked(entry.dead))

    def _folder(self, name: str) -> IndexFolder:
        return IndexFolder(self._root, name)

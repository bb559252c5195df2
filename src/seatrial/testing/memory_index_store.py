"""A store of indexes in plain memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from seatrial.rag.index.checking import check_documents, check_name
from seatrial.rag.index.difference import Difference
from seatrial.rag.index.failures import IndexBeingBuilt, IndexNotFound, KeepInvalid
from seatrial.rag.index.postings import Analysis
from seatrial.rag.index.writing import IndexedDocument, Recipe, VersionFacts
from seatrial.testing.memory_index import Kept, MemoryIndex


@dataclass(slots=True)
class _Index:
    """One index. `draft` is there while one is being built, `held` while it is open."""

    live: int = 0
    next_key: int = 0
    versions: dict[int, tuple[VersionFacts, Mapping[str, Kept]]] = field(default_factory=dict)
    n_versions: int = 0
    draft: MemoryDraft | None = None
    held: bool = False


class MemoryIndexStore:
    """`rag.index.writing.IndexStore` in one process.

    Args:
        analysis: of words.
        now: dates versions.
    """

    def __init__(
        self, analysis: Analysis, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._analysis = analysis
        self._now = now
        self._indexes: dict[str, _Index] = {}

    def names(self) -> Sequence[str]:
        """See IndexStore."""
        return sorted(name for name, index in self._indexes.items() if index.versions)

    def versions(self, name: str) -> Sequence[VersionFacts]:
        """See IndexStore."""
        index = self._published(name)
        return [
            replace(facts, live=version == index.live)
            for version, (facts, _) in sorted(index.versions.items())
        ]

    def live(self, name: str) -> int:
        """See IndexStore."""
        return self._published(name).live

    def open(self, name: str, version: int | None = None) -> MemoryIndex:
        """See IndexStore."""
        index = self._published(name)
        facts, kept = self._version(name, index.live if version is None else version)
        return MemoryIndex(name, facts, kept, self._analysis)

    def draft(self, name: str, recipe: Recipe) -> MemoryDraft:
        """See IndexStore."""
        check_name(name)
        index = self._indexes.setdefault(name, _Index())
        if index.held:
            raise IndexBeingBuilt(f"The index {name!r} is being built.", remedy="Wait for it.")
        if index.draft is None or index.draft.recipe != recipe:
            index.draft = MemoryDraft(index, recipe, self._now)
        index.held = True
        return index.draft

    def activate(self, name: str, version: int) -> None:
        """See IndexStore."""
        self._version(name, version)
        self._indexes[name].live = version

    def forget(self, name: str, *, keep: int) -> Sequence[int]:
        """See IndexStore."""
        if keep < 1:
            raise KeepInvalid(f"{keep} versions cannot be kept.", remedy="Keep at least 1.")
        index = self._published(name)
        gone = [version for version in sorted(index.versions)[:-keep] if version != index.live]
        for version in gone:
            del index.versions[version]
        return gone

    def audit(self, name: str, version: int | None = None) -> Sequence[Difference]:
        """See IndexStore: nothing is kept twice here, so nothing can differ."""
        self._version(name, version or self._published(name).live)
        return []

    def _published(self, name: str) -> _Index:
        index = self._indexes.get(name)
        if index is None or not index.versions:
            raise IndexNotFound(f"There is no index {name!r}.", remedy="Build it.")
        return index

    def _version(self, name: str, version: int) -> tuple[VersionFacts, Mapping[str, Kept]]:
        versions = self._published(name).versions
        if version not in versions:
            raise IndexNotFound(
                f"The index {name!r} has no version {version}.",
                remedy=f"Name one of {sorted(versions)}.",
            )
        return versions[version]


class MemoryDraft:
    """`rag.index.writing.Draft` in memory."""

    def __init__(self, index: _Index, recipe: Recipe, now: Callable[[], datetime]) -> None:
        self.recipe = recipe
        self._index = index
        self._now = now
        base = index.versions.get(index.live)
        self._base = dict(base[1]) if base is not None and base[0].recipe == recipe else None
        self._kept = dict(self._base or {})

    def digests(self) -> Mapping[str, str]:
        """See Draft."""
        return {name: kept.indexed.document.digest for name, kept in self._kept.items()}

    def put(self, documents: Sequence[IndexedDocument]) -> None:
        """See Draft."""
        check_documents(documents, self.recipe.dimensions)
        for one in documents:
            vectors = None if one.vectors is None else one.vectors.copy()
            self._kept[one.document.id] = Kept(replace(one, vectors=vectors), self._index.next_key)
            self._index.next_key += len(one.chunks)

    def remove(self, documents: Sequence[str]) -> None:
        """See Draft."""
        for name in documents:
            self._kept.pop(name, None)

    def publish(self) -> int:
        """See Draft."""
        index = self._index
        if self._kept != self._base:
            index.n_versions += 1
            facts = VersionFacts(
                version=index.n_versions,
                recipe=self.recipe,
                n_documents=len(self._kept),
                n_chunks=sum(len(kept.indexed.chunks) for kept in self._kept.values()),
                created=self._now(),
                live=True,
            )
            index.versions[facts.version] = (facts, self._kept)
            index.live = facts.version
        self.discard()
        return index.live

    def discard(self) -> None:
        """See Draft."""
        self._index.draft = None
        self.close()

    def close(self) -> None:
        """See Draft."""
        self._index.held = False

"""A version of an embedded index being built: a journal, and segments made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.index.file import MappedArrays, damaged, write_arrays
from seatrial.adapters.index.folder import (
    Catalogue,
    DraftState,
    IndexFolder,
    Manifest,
    PartEntry,
    VersionEntry,
    packed,
    unpacked,
    with_version,
)
from seatrial.adapters.index.journal import Entry, Journal
from seatrial.rag.index.checking import check_documents
from seatrial.rag.index.compaction import PartSize, groups_to_rewrite
from seatrial.rag.index.postings import Analysis
from seatrial.rag.index.segment import Segment
from seatrial.rag.index.segment_arrays import segment_of
from seatrial.rag.index.writing import IndexedDocument, Recipe

FULL_BYTES = 64 * 2**20


@dataclass(slots=True, kw_only=True)
class _Part:
    """A segment of the draft; `dead` grows."""

    entry: PartEntry
    segment: Segment
    dead: set[int]

    def written(self) -> PartEntry:
        return replace(self.entry, dead=packed(np.array(sorted(self.dead), np.int32)))

    @property
    def n_alive(self) -> int:
        return self.segment.n_documents - len(self.dead)

    def alive(self) -> list[int]:
        return [n for n in range(self.segment.n_documents) if n not in self.dead]

    def names_alive(self) -> Sequence[tuple[str, str]]:
        """Id and digest of each document that counts."""
        names = self.segment.names
        return [names[n] for n in self.alive()] if self.dead else names

    def chunks_alive(self) -> NDArray[np.int64]:
        """Chunks of each document that counts; 0 of the others."""
        n = np.diff(self.segment.chunk_bounds)
        n[list(self.dead)] = 0
        return n

    def size(self) -> PartSize:
        n_documents = self.segment.n_documents
        share = len(self.dead) / n_documents
        n_bytes = len(self.segment.text) + self.segment.vectors.nbytes
        return PartSize(n_bytes=int(n_bytes * (1 - share)), dead_share=share)


class EmbeddedDraft:
    """`writing.Draft`. What is put goes into a journal; where that is full, into a segment.

    Args:
        held: the lock of the builder, given back on `close`.
        full_bytes: of text and vectors in one segment.
    """

    def __init__(
        self,
        folder: IndexFolder,
        recipe: Recipe,
        analysis: Analysis,
        held: ExitStack,
        *,
        now: Callable[[], datetime],
        full_bytes: int,
    ) -> None:
        self._folder = folder
        self._analysis = analysis
        self._held = held
        self._now = now
        self._full_bytes = full_bytes
        self._parts: list[_Part] = []
        self._journal: Journal
        try:
            self._begin(recipe)
        except FileNotFoundError as error:
            held.close()
            raise damaged(Path(error.filename), "is not there") from error
        except BaseException:
            held.close()
            raise

    def digests(self) -> Mapping[str, str]:
        """See Draft."""
        return self._digests

    def put(self, documents: Sequence[IndexedDocument]) -> None:
        """See Draft."""
        check_documents(documents, self._state.recipe.dimensions)
        if self._journal.n_bytes >= self._full_bytes:
            self._seal()
        if documents:
            self._change(Entry.of(documents))

    def remove(self, documents: Sequence[str]) -> None:
        """See Draft."""
        known = [name for name in documents if name in self._digests]
        if known:
            self._change(Entry(removed=known))

    def publish(self) -> int:
        """See Draft."""
        if self._journal.n_bytes:
            self._seal()
        with self._folder.changing():
            catalogue = self._folder.catalogue()
            version = catalogue.live
            if self._is_changed(catalogue):
                version = self._committed(catalogue)
            self._folder.drop_draft()
        self.close()
        return version

    def discard(self) -> None:
        """See Draft."""
        with self._folder.changing():
            self._folder.drop_draft()
            self._folder.drop_unnamed()
        self.close()

    def close(self) -> None:
        """See Draft."""
        self._journal.close()
        self._held.close()

    def _begin(self, recipe: Recipe) -> None:
        with self._folder.changing():
            self._state = self._begun(recipe)
            self._folder.drop_unnamed()
        self._parts = [self._opened(entry) for entry in self._state.parts]
        self._places: dict[str, tuple[_Part, int]] | None = None
        self._digests: dict[str, str] = {}
        for part in self._parts:
            self._digests.update(part.names_alive())
        self._pending: dict[str, IndexedDocument] = {}
        self._journal = Journal(self._folder.journal(self._state.journal))
        for entry in self._journal.entries():
            self._apply(entry)

    def _begun(self, recipe: Recipe) -> DraftState:
        """The draft that was left, or a new one beside the live version."""
        state = self._folder.draft_state()
        if state is not None and state.recipe == recipe:
            return state
        self._folder.drop_draft()
        catalogue = self._folder.catalogue()
        base: tuple[PartEntry, ...] = ()
        if catalogue.live and self._folder.entry(catalogue, catalogue.live).recipe == recipe:
            base = self._folder.manifest(catalogue.live).parts
        state = DraftState(
            recipe=recipe,
            base=base,
            parts=base,
            next_key=catalogue.next_key,
            journal=1,
            begun=self._now(),
        )
        self._folder.write_draft(state)
        return state

    def _opened(self, entry: PartEntry) -> _Part:
        segment = Segment(MappedArrays(self._folder.segment(entry.segment)))
        return _Part(entry=entry, segment=segment, dead=set(unpacked(entry.dead).tolist()))

    def _change(self, entry: Entry) -> None:
        self._journal.append(entry)
        self._apply(entry)

    def _apply(self, entry: Entry) -> None:
        for name in entry.removed:
            self._take_out(name)
        for one in entry.documents(self._state.recipe.dimensions):
            self._take_out(one.document.id)
            self._pending[one.document.id] = one
            self._digests[one.document.id] = one.document.digest

    def _take_out(self, name: str) -> None:
        self._digests.pop(name, None)
        self._pending.pop(name, None)
        if self._places is None:
            self._places = self._placed()
        if name in self._places:
            part, document = self._places.pop(name)
            part.dead.add(document)

    def _placed(self) -> dict[str, tuple[_Part, int]]:
        """Where each document lies that is in a segment and counts."""
        return {
            part.segment.names[document][0]: (part, document)
            for part in self._parts
            for document in part.alive()
        }

    def _seal(self) -> None:
        """Make a segment of what is in the journal, and begin another journal."""
        state = self._state
        made: list[_Part] = []
        if self._pending:
            made, state = self._made(list(self._pending.values()), state)
        self._keep([*self._parts, *made], replace(state, journal=state.journal + 1))
        self._places = None
        self._pending = {}
        self._journal.close()
        self._folder.journal(state.journal).unlink(missing_ok=True)
        self._journal = Journal(self._folder.journal(self._state.journal))

    def _made(
        self, documents: Sequence[IndexedDocument], state: DraftState
    ) -> tuple[list[_Part], DraftState]:
        """A segment of documents, and the state in which its keys are taken."""
        entry = PartEntry(segment=f"{state.next_key:012}.seg", first_key=state.next_key)
        write_arrays(
            self._folder.segment(entry.segment),
            segment_of(documents, state.recipe.dimensions, self._analysis),
        )
        part = self._opened(entry)
        n_keys = max(part.segment.n_chunks, 1)
        return [part], replace(state, next_key=state.next_key + n_keys)

    def _keep(self, parts: list[_Part], state: DraftState) -> None:
        state = replace(state, parts=tuple(part.written() for part in parts))
        if state != self._state:
            self._folder.write_draft(state)
        self._parts, self._state = parts, state

    def _is_changed(self, catalogue: Catalogue) -> bool:
        alive = [part for part in self._parts if part.n_alive]
        if not catalogue.live or any(map(self._is_stale, alive)):
            return True
        parts = tuple(part.written() for part in alive)
        live = self._folder.entry(catalogue, catalogue.live)
        if live.recipe != self._state.recipe:
            return True
        return parts not in {self._state.base, self._folder.manifest(live.version).parts}

    def _is_stale(self, part: _Part) -> bool:
        """Whether an older release or another analysis wrote it."""
        segment = part.segment
        return segment.analysis != self._analysis.name or "codes" not in segment.arrays

    def _committed(self, catalogue: Catalogue) -> int:
        """The number of the new version, which is the live one from now on."""
        self._rewrite()
        entry = VersionEntry(
            version=catalogue.next_version,
            recipe=self._state.recipe,
            created=self._now(),
            n_documents=sum(part.n_alive for part in self._parts),
            n_chunks=sum(int(part.chunks_alive().sum()) for part in self._parts),
        )
        manifest = Manifest(parts=self._state.parts, languages=self._languages())
        self._folder.write_manifest(entry.version, manifest)
        self._folder.commit(with_version(catalogue, entry, next_key=self._state.next_key))
        return entry.version

    def _rewrite(self) -> None:
        """Make one segment of several small ones, and of one that is mostly dead."""
        self._parts = [part for part in self._parts if part.n_alive]
        groups = groups_to_rewrite([part.size() for part in self._parts], self._full_bytes)
        grouped = {place for group in groups for place in group}
        groups += [
            [place]
            for place, part in enumerate(self._parts)
            if self._is_stale(part) and place not in grouped
        ]
        parts, state = list(self._parts), self._state
        for group in groups:
            documents = [
                part.segment.indexed(document)
                for part in (self._parts[place] for place in group)
                for document in part.alive()
            ]
            made, state = self._made(documents, state)
            parts += made
        gone = {place for group in groups for place in group}
        kept = [part for place, part in enumerate(parts) if place not in gone]
        self._keep(kept, state)

    def _languages(self) -> dict[str, float]:
        """The share of chunks in each language."""
        counts: Counter[str] = Counter()
        for part in self._parts:
            n_chunks = part.chunks_alive().tolist()
            for language, n in zip(part.segment.languages, n_chunks, strict=True):
                counts[language] += n
        total = counts.total()
        return {language: n / total for language, n in sorted(counts.items()) if n}

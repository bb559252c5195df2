"""Documents that a program adds, takes out and searches, one by one, without a folder of files.

Each change is a version of the index of its own, published before the call returns; what a program
that was killed had begun to add is there after its next change. Documents are found whole: that
long ones are cut into chunks is nobody's concern who asks here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Conflict
from seatrial.rag.chunking.config import ChunkingConfig
from seatrial.rag.chunking.making import chunker_of
from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.index.failures import IndexNotFound, NotInIndex, Unsupported
from seatrial.rag.index.reading import Index, Scope
from seatrial.rag.index.writing import IndexStore
from seatrial.rag.ingest.ingest import Preparation
from seatrial.rag.retrieval.baseline import Baseline
from seatrial.rag.retrieval.diversity import mmr
from seatrial.rag.retrieval.retriever import QuestionInvalid, Retriever
from seatrial.rag.retrieval.settings import RetrievalSettings
from seatrial.rag.text.document import Document

EVERYTHING = Scope(readers=None)
KEPT_VERSIONS = 3
_SPARE = 3
"""So many chunks are searched for each document wanted at first: documents have several."""


class StoreDiffers(Conflict):
    """The index was made with another embedder or chunker."""

    code = "rag.store_differs"


@dataclass(frozen=True, slots=True)
class Match:
    """A document that was found.

    Args:
        score: of its best chunk, the higher the better: in [0, 1] of a search, a cosine of
            `DocumentStore.nearest`.
        chunk: the key of that.
    """

    document: Document
    score: float
    chunk: int


class DocumentStore:
    """One index, written by a program. May be used from several threads; other processes may read
    it, and write it in turn.

    Args:
        store: keeps the index.
        name: of the index.
        embedder: makes vectors; None searches words alone.
        settings: of searches; nothing that was added is dropped as a copy.
    Raises: StoreDiffers.
    """

    def __init__(
        self,
        store: IndexStore,
        name: str,
        embedder: Embedder | None,
        *,
        settings: RetrievalSettings = RetrievalSettings(repeats=None),  # noqa: B008 - frozen
    ) -> None:
        self._store, self._name, self._embedder = store, name, embedder
        self._settings = settings
        self._baseline = None if embedder is None else Baseline(embedder)
        self._preparation = Preparation(
            chunker=chunker_of(ChunkingConfig(), embedder), embedder=embedder
        )
        self._lock = Lock()
        self._opened: tuple[Index, Retriever] | None = None
        self._check_recipe()

    def put(self, documents: Iterable[Document]) -> None:
        """Add, or replace by id, all of them or none. Those that are there as they are stay.

        Raises: DocumentRefused, IndexBeingBuilt (another process writes), Unavailable.
        """
        with self._lock:
            draft = self._store.draft(self._name, self._preparation.recipe)
            try:
                held = draft.digests()
                by_id = {one.id: one for one in documents}
                new = [one for one in by_id.values() if held.get(one.id) != one.digest]
                cut = [(one, self._preparation.chunker.chunks(one)) for one in new]
                if cut:
                    draft.put(self._preparation.embedded(cut))
                draft.publish()
            finally:
                draft.close()
            self._store.forget(self._name, keep=KEPT_VERSIONS)

    def remove(self, ids: Sequence[str]) -> None:
        """Take out by id; unknown ids are no error.   Raises: as `put`."""
        with self._lock:
            if self._now() is None:
                return
            draft = self._store.draft(self._name, self._preparation.recipe)
            try:
                draft.remove(ids)
                draft.publish()
            finally:
                draft.close()
            self._store.forget(self._name, keep=KEPT_VERSIONS)

    def ids(self) -> list[str]:
        """Of all documents, sorted."""
        found = self._now()
        return [] if found is None else list(found[0].documents())

    def get(self, ids: Iterable[str]) -> list[Document]:
        """The documents of these ids that are there, in this order."""
        opened = self._now()
        if opened is None:
            return []
        found = []
        for name in ids:
            with suppress(NotInIndex):
                found.append(opened[0].document(name))
        return found

    def search(self, question: str, *, k: int, scope: Scope = EVERYTHING) -> list[Match]:
        """The documents that most likely answer a question, each once, the best first.

        Args: k: documents wanted, >= 1.
        Raises: QuestionInvalid; Unavailable, of a hosted embedder.
        """
        opened = self._now()
        if opened is None:
            return []
        index, retriever = opened
        n = _checked(k) * _SPARE
        while True:
            found = retriever.search(question, scope, k=n).found
            best: dict[str, tuple[float, int]] = {}
            for one in found:
                best.setdefault(one.passage.document, (one.score, one.passage.key))
            if len(best) >= k or len(found) < n:
                return _matches(index, best, k)
            n *= _SPARE

    def nearest(
        self, vector: NDArray[np.float32], *, k: int, scope: Scope = EVERYTHING
    ) -> list[Match]:
        """The documents nearest to a vector (dimensions,) by cosine, each once.

        Raises: Unsupported: the index has no vectors; VectorInvalid.
        """
        if self._embedder is None:
            raise Unsupported(
                f"The index {self._name!r} has no vectors.",
                remedy="Search it with a question, or give it an embedder.",
            )
        opened = self._now()
        if opened is None:
            return []
        index = opened[0]
        length = float(np.linalg.norm(vector))
        unit = np.asarray(vector, np.float32) / (length or 1.0)
        n = _checked(k) * _SPARE
        while True:
            hits = index.dense(unit, n, scope)
            passages = index.passages(hits.keys.tolist())
            best: dict[str, tuple[float, int]] = {}
            for one, score in zip(passages, hits.scores.tolist(), strict=True):
                best.setdefault(one.document, (score, one.key))
            if len(best) >= k or len(hits) < n:
                return _matches(index, best, k)
            n *= _SPARE

    def diverse(self, found: Sequence[Match], *, k: int, relevance: float) -> list[Match]:
        """The k of what was found that are relevant and unlike each other.

        Args: relevance: in [0, 1]; 1 looks at relevance alone.
        Raises: Unsupported: the index has no vectors.
        """
        opened = self._now()
        if self._embedder is None or opened is None or not found:
            return list(found[:k])
        vectors = opened[0].vectors([one.chunk for one in found])
        scores = np.array([one.score for one in found])
        return [found[place] for place in mmr(scores, vectors, k=k, relevance=relevance)]

    def _now(self) -> tuple[Index, Retriever] | None:
        """The live version; None where nothing was added yet."""
        try:
            version = self._store.live(self._name)
        except IndexNotFound:
            return None
        opened = self._opened
        if opened is None or opened[0].facts.version != version:
            index = self._store.open(self._name, version)
            retriever = Retriever(index, self._embedder, self._settings, baseline=self._baseline)
            self._opened = opened = (index, retriever)
        return opened

    def _check_recipe(self) -> None:
        try:
            versions = self._store.versions(self._name)
        except IndexNotFound:
            return
        live = next(one for one in versions if one.live)
        if live.recipe != self._preparation.recipe:
            raise StoreDiffers(
                f"The index {self._name!r} was made with {live.recipe}, and "
                f"{self._preparation.recipe} is to go on with it.",
                remedy="Open it with the embedder that it was made with, or give it another name.",
                index=self._name,
            )


def _matches(index: Index, best: Mapping[str, tuple[float, int]], k: int) -> list[Match]:
    ranked = list(best.items())[:k]
    return [Match(index.document(name), score, key) for name, (score, key) in ranked]


def _checked(k: int) -> int:
    if k < 1:
        raise QuestionInvalid(f"k is {k}.", remedy="Ask for one document or more.", k=k)
    return k

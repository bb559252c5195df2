"""From what was loaded to a published version of an index.

Each batch is durable before the next is read, so an ingestion that was killed goes on where it was:
what the draft holds already is not read again. A source that cannot be read now keeps the documents
it gave before; one that is gone takes its documents with it, and so does one whose list of readers
cannot be understood any more.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Conflict
from seatrial.rag.chunking.chunk import Chunk, Chunker
from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.index.checking import check_document
from seatrial.rag.index.failures import DocumentRefused
from seatrial.rag.index.writing import Draft, IndexedDocument, Recipe
from seatrial.rag.ingest.report import IngestReport, Told
from seatrial.rag.loading.outcome import Loaded, Reason, Skipped, Unchanged
from seatrial.rag.text.document import Document

BATCH_CHUNKS = 512
"""Chunks that are embedded and written together: a few seconds of a small model on one core, which
is what an ingestion that was killed does again."""

_SHARE_LOST = 0.5
_FEW = 20

_FOR_NOW = frozenset(
    {
        Reason.UNREADABLE,
        Reason.MISSING_EXTRA,
        Reason.ENCRYPTED,
        Reason.WRONG_ENCODING,
        Reason.BINARY,
        Reason.TOO_LARGE,
        Reason.TOO_SLOW,
        Reason.CRASHED,
        Reason.BAD_RECORD,
    }
)
"""Why a source is skipped that may hold what it held before."""


class TooFewLeft(Conflict):
    """So many documents have no source any more that publishing looks like a mistake."""

    code = "rag.too_few_left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """How documents become what is kept.

    Args:
        chunker: cuts them.
        embedder: None for an index that is searched by words alone.
        batch_chunks: how many chunks are embedded and written together, >= 1.
    """

    chunker: Chunker
    embedder: Embedder | None
    batch_chunks: int = BATCH_CHUNKS

    @property
    def recipe(self) -> Recipe:
        """What versions made so have in common."""
        embedder = self.embedder
        return Recipe(
            embedder=None if embedder is None else embedder.name,
            dimensions=0 if embedder is None else embedder.dimensions,
            chunker=self.chunker.name,
        )

    def embedded(self, batch: Sequence[tuple[Document, Sequence[Chunk]]]) -> list[IndexedDocument]:
        """Documents with their chunks and vectors, embedded together.   Raises: Unavailable."""
        if self.embedder is None:
            return [
                IndexedDocument(document=document, chunks=chunks, vectors=None)
                for document, chunks in batch
            ]
        texts = [embedded_text(document, chunk) for document, chunks in batch for chunk in chunks]
        vectors = self.embedder.embed_documents(texts)
        kept, at = list[IndexedDocument](), 0
        for document, chunks in batch:
            own: NDArray[np.float32] = vectors[at : at + len(chunks)]
            at += len(chunks)
            kept.append(IndexedDocument(document=document, chunks=chunks, vectors=own))
        return kept


def embedded_text(document: Document, chunk: Chunk) -> str:
    """What is embedded of a chunk: its words, under the title of its document.

    A chunk in the middle of a text rarely says what it is about; its title does.
    """
    start, end = chunk.span
    words = document.text[start:end]
    return f"{document.title}. {words}" if document.title else words


class Ingestion:
    """One run; used once.

    Args:
        told: hears of progress.
        shrink: whether a version may be published that lost most of the documents.
        clock: monotonic, in s.
    """

    def __init__(
        self,
        draft: Draft,
        preparation: Preparation,
        *,
        told: Told = lambda _: None,
        shrink: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._draft, self._preparation = draft, preparation
        self._told, self._shrink, self._clock = told, shrink, clock
        self.report = IngestReport()
        self.held = dict(draft.digests())
        """Digest of every document that the draft held when it was opened, by id: what need not be
        read again."""
        self._seen: set[str] = set()
        self._unread: set[str] = set()
        self._whole = True
        self._texts: dict[bytes, str] = {}

    def run(self, loaded: Iterable[Loaded]) -> IngestReport:
        """Take in all that was loaded, and publish what became of it.

        Raises: TooFewLeft, before anything is removed; what the draft and the embedder raise. The
            draft keeps what was written until then.
        """
        batch: list[tuple[Document, Sequence[Chunk]]] = []
        n_waiting = 0
        for document in self._documents(loaded):
            began = self._clock()
            chunks = self._preparation.chunker.chunks(document)
            self._spent("chunk", began)
            self._count(document, chunks)
            batch.append((document, chunks))
            n_waiting += max(1, len(chunks))
            if n_waiting >= self._preparation.batch_chunks:
                self._write(batch)
                batch, n_waiting = [], 0
        self._write(batch)
        self._remove()
        with self._timed("publish"):
            self.report.version = self._draft.publish()
        return self.report

    def _documents(self, loaded: Iterable[Loaded]) -> Iterator[Document]:
        """Those that are new or changed."""
        report, began = self.report, self._clock()
        for item in loaded:
            match item:
                case Unchanged():
                    self._seen.add(item.id)
                    report.n_unchanged += 1
                case Skipped():
                    self._skip(item)
                case Document():
                    if not self._may_be_kept(item):
                        continue
                    self._seen.add(item.id)
                    if item.id in self.held:
                        report.n_changed += 1
                    else:
                        report.n_new += 1
                    self._spent("read", began)
                    yield item
                    began = self._clock()
        self._spent("read", began)

    def _may_be_kept(self, document: Document) -> bool:
        """Whether the index takes a document; one that it refuses is skipped and stops no other."""
        try:
            check_document(document)
        except DocumentRefused as refused:
            self._skip(
                Skipped(
                    source=document.source,
                    reason=Reason.BAD_METADATA,
                    problem=refused.problem,
                    remedy=refused.remedy,
                )
            )
            return False
        return True

    def _skip(self, item: Skipped) -> None:
        self.report.skipped.append(item)
        if item.reason in _FOR_NOW:
            self._unread.add(item.source)
        elif item.reason is Reason.NOT_FOUND:
            self._whole = False

    def _count(self, document: Document, chunks: Sequence[Chunk]) -> None:
        report = self.report
        report.n_chunks += len(chunks)
        report.n_characters += len(document.text)
        report.n_empty += not chunks
        if chunks:
            key = hashlib.sha256(document.text.encode("utf-8", "surrogatepass")).digest()
            first = self._texts.setdefault(key, document.id)
            if first != document.id:
                report.duplicates[document.id] = first

    def _write(self, batch: Sequence[tuple[Document, Sequence[Chunk]]]) -> None:
        if not batch:
            return
        with self._timed("embed"):
            kept = self._preparation.embedded(batch)
        with self._timed("write"):
            self._draft.put(kept)
        self._told(self.report)

    def _remove(self) -> None:
        """Take out the documents whose sources are gone.   Raises: TooFewLeft."""
        absent = [name for name in self.held if name not in self._seen]
        gone = [name for name in absent if not self._is_unread(name)]
        self.report.n_kept = len(absent) - len(gone)
        few = len(self.held) < _FEW
        if gone and (
            len(gone) == len(self.held) if few else len(gone) > len(self.held) * _SHARE_LOST
        ):
            self._check_shrink(len(gone))
        with self._timed("write"):
            self._draft.remove(gone)
        self.report.n_removed = len(gone)
        self._told(self.report)

    def _is_unread(self, name: str) -> bool:
        """Whether a document's source could not be read now, or a folder that may have held it."""
        if not self._whole:
            return True
        place = name.partition("#")[0]
        return place in self._unread or any(
            place.startswith(f"{source}/") for source in self._unread
        )

    def _check_shrink(self, n_gone: int) -> None:
        if not self._shrink:
            raise TooFewLeft(
                f"Of {len(self.held)} documents in the index, {n_gone} have no source any more.",
                remedy="See that the folders are there; if the documents shall go, build with "
                "--shrink.",
                n_gone=n_gone,
                n_held=len(self.held),
            )

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = self._clock()
        try:
            yield
        finally:
            self._spent(stage, began)

    def _spent(self, stage: str, began: float) -> None:
        """Count the time since then; cheaper than `_timed`, for what happens once a document."""
        seconds = self.report.seconds
        seconds[stage] = seconds.get(stage, 0.0) + self._clock() - began

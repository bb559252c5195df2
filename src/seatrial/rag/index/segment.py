"""A segment: documents with their chunks, vectors, words and fields, read from arrays that never
change.

Arrays have names; where they lie (in memory, in a mapped file) is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index.codes import Codes
from seatrial.rag.index.columns import Column
from seatrial.rag.index.passage import Passage
from seatrial.rag.index.postings import Postings
from seatrial.rag.index.segment_arrays import (
    NO_PAGE,
    Arrays,
    StoredFields,
    StoredOutline,
    StoredRecord,
)
from seatrial.rag.index.writing import IndexedDocument
from seatrial.rag.text.document import Document, Outline, Section, Span

_record = msgspec.msgpack.Decoder(StoredRecord)
_outline = msgspec.msgpack.Decoder(StoredOutline)
_fields = msgspec.msgpack.Decoder(list[StoredFields])
_names = msgspec.msgpack.Decoder(list[tuple[str, str]])
_paths = msgspec.msgpack.Decoder(list[tuple[str, ...]])
_texts = msgspec.msgpack.Decoder(list[str])

_FEW = 1 << 14
"""Chunks, whose numbers are held side by side."""


class Segment:
    """Documents 0, 1, ... and their chunks 0, 1, ..., read from arrays.

    Safe to use from several threads: what is computed on first use is computed from what never
    changes.
    """

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self.n_documents = len(arrays["text_lengths"])
        self.n_chunks = len(arrays["n_tokens"])
        self.vectors: NDArray[np.float32] = arrays["vectors"]
        self.chunk_bounds: NDArray[np.int64] = arrays["chunk_bounds"]
        self.chunk_documents: NDArray[np.int32] = arrays["chunk_documents"]
        self.restricted: NDArray[np.bool_] = arrays["restricted"].view(np.bool_)
        self.text: memoryview = arrays["text"].data

    @cached_property
    def is_restricted(self) -> bool:
        """Whether one of its documents has an access list."""
        return bool(self.restricted.any())

    @cached_property
    def codes(self) -> Codes | None:
        """Its vectors in bytes; None where an older release wrote it."""
        if "codes" not in self.arrays:
            return None
        return Codes(self.arrays["codes"], self.arrays["code_scales"])

    @cached_property
    def analysis(self) -> str:
        """Name of the analysis of its words."""
        return bytes(self.arrays["analysis"].data).decode()

    @cached_property
    def postings(self) -> Postings:
        """Its words."""
        names = ("hashes", "bounds", "rows", "counts", "lengths")
        return Postings(**{name: self.arrays[f"word_{name}"] for name in names})

    @cached_property
    def names(self) -> list[tuple[str, str]]:
        """Id and digest of each document."""
        return _names.decode(self.arrays["names"].data)

    @cached_property
    def languages(self) -> list[str]:
        """Language of each document; "" where it is unknown."""
        known = _texts.decode(self.arrays["language_names"].data)
        return [known[code] for code in self.arrays["languages"].tolist()]

    @cached_property
    def groups(self) -> Column:
        """Access lists."""
        return self._columns["groups"][""]

    def column(self, field: str) -> Column | None:
        """Of a field of the metadata; None where no document has it."""
        return self._columns["fields"].get(field)

    @cached_property
    def _columns(self) -> dict[str, dict[str, Column]]:
        return {kind: self._read_columns(kind) for kind in ("fields", "groups")}

    def _read_columns(self, kind: str) -> dict[str, Column]:
        columns = {}
        bound = document = 0
        for field in _fields.decode(self.arrays[kind].data):
            bounds = self.arrays[f"{kind}_bounds"][bound : bound + field.n_bounds]
            end = document + field.n_documents
            columns[field.name] = Column(
                texts=field.texts,
                numbers=field.numbers,
                bounds=bounds,
                documents=self.arrays[f"{kind}_documents"][document:end],
            )
            bound += field.n_bounds
            document = end
        return columns

    @cached_property
    def _of_chunks(self) -> list[NDArray[Any]]:
        """What every passage needs (n, 10), in one array where chunks are few."""
        names = ("chunk_documents", "n_tokens", "sections", "pages")
        spans, parents = self.arrays["spans"], self.arrays["byte_spans"][:, 2:]
        arrays = [spans, parents, *(self.arrays[name][:, None] for name in names)]
        return [np.hstack(arrays, dtype=np.int64)] if self.n_chunks <= _FEW else arrays

    def _told(self, rows: Sequence[int]) -> list[list[int]]:
        if len(self._of_chunks) == 1:
            found = self._of_chunks[0].take(rows, axis=0)
        else:
            found = np.hstack([array[rows] for array in self._of_chunks])
        told: list[list[int]] = found.tolist()
        return told

    @cached_property
    def _records(self) -> tuple[memoryview, NDArray[np.int64]]:
        return self.arrays["records"].data, self.arrays["record_bounds"]

    @cached_property
    def _paths(self) -> list[tuple[str, ...]]:
        return _paths.decode(self.arrays["section_paths"].data)

    @cached_property
    def _has_one_each(self) -> bool:
        """Whether each document is one chunk."""
        return bool((np.diff(self.chunk_bounds) == 1).all())

    def rows_of(self, documents: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
        """The chunks of documents, which rise."""
        if self._has_one_each:
            return documents.astype(np.intp, copy=False)
        starts = self.chunk_bounds[documents]
        lengths = self.chunk_bounds[documents + 1] - starts
        firsts = np.cumsum(lengths) - lengths
        return np.repeat(starts - firsts, lengths) + np.arange(lengths.sum())

    def record(self, document: int) -> StoredRecord:
        """What is known of a document, less its text and outline."""
        records, bounds = self._records
        return _record.decode(records[bounds.item(document) : bounds.item(document + 1)])

    def document(self, document: int) -> Document:
        """A whole document."""
        record, outline = self.record(document), self._outline(document)
        return Document(
            id=record.id,
            text=str(self._blob("text", document), "utf-8"),
            title=record.title,
            source=record.source,
            format=record.format,
            language=record.language,
            digest=record.digest,
            metadata=record.metadata,
            sections=outline.sections,
            pages=outline.pages,
            readers=None if record.readers is None else frozenset(record.readers),
        )

    def outline(self, row: int) -> Outline:
        """Sections and pages of the document of a chunk."""
        return self._outline(self.chunk_documents.item(row))

    def _outline(self, document: int) -> Outline:
        held = _outline.decode(self._blob("outlines", document))
        return Outline(
            sections=tuple(
                Section(level=level, title=title, start=start)
                for level, title, start in held.sections
            ),
            pages=tuple(held.pages),
        )

    def indexed(self, document: int) -> IndexedDocument:
        """A document as it was put."""
        start, end = self.chunk_bounds[document : document + 2].tolist()
        return IndexedDocument(
            document=self.document(document),
            chunks=[self._chunk(row) for row in range(start, end)],
            vectors=self.vectors[start:end] if self.vectors.shape[1] else None,
        )

    def passages(self, rows: Sequence[int], first_key: int) -> list[Passage]:
        """Chunks, with what a citation tells of them.

        Args: first_key: the key of row 0.
        """
        record, paths, whole = self.record, self._paths, self.text
        found = []
        for row, one in zip(rows, self._told(rows), strict=True):
            start, end, parent_start, parent_end, first, last, document, n_tokens, section, page = (
                one
            )
            of_document = record(document)
            span = parent = Span(start, end)
            text = parent_text = str(whole[first:last], "utf-8")
            if start != parent_start or end != parent_end:
                parent = Span(parent_start, parent_end)
                text = parent_text[start - parent_start : end - parent_start]
            found.append(
                Passage(
                    key=first_key + row,
                    document=of_document.id,
                    title=of_document.title,
                    source=of_document.source,
                    language=of_document.language,
                    metadata=of_document.metadata,
                    span=span,
                    text=text,
                    parent=parent,
                    parent_text=parent_text,
                    n_tokens=n_tokens,
                    section=paths[section],
                    page=None if page == NO_PAGE else page,
                )
            )
        return found

    def _chunk(self, row: int) -> Chunk:
        (told,) = self._told([row])
        start, end, parent_start, parent_end, *_, n_tokens, section, page = told
        return Chunk(
            span=Span(start, end),
            parent=Span(parent_start, parent_end),
            n_tokens=n_tokens,
            section=self._paths[section],
            page=None if page == NO_PAGE else page,
        )

    def _blob(self, name: str, place: int) -> memoryview:
        bounds = self.arrays[f"{name.removesuffix('s')}_bounds"]
        start, end = bounds.item(place), bounds.item(place + 1)
        return self.arrays[name][start:end].data

"""A segment: documents with their chunks, vectors, words and fields, as arrays that never change.

Arrays have names; where they lie (in memory, in a mapped file) is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index.codes import Codes
from seatrial.rag.index.columns import Column, columns_of
from seatrial.rag.index.narrow import narrowed
from seatrial.rag.index.passage import Passage
from seatrial.rag.index.postings import Analysis, Postings
from seatrial.rag.index.words import searched_text
from seatrial.rag.index.writing import IndexedDocument
from seatrial.rag.text.document import Document, MetaValue, Outline, Section, Span

_NO_PAGE = -1
_BLOCK = 1 << 22
"""Bytes of a text in which characters are found at once: each takes the room of eight."""

Arrays: TypeAlias = Mapping[str, NDArray[Any]]


class _Record(msgspec.Struct, array_like=True, frozen=True):
    """What a passage tells of its document."""

    id: str
    title: str
    source: str
    format: str
    language: str | None
    digest: str
    metadata: dict[str, MetaValue]
    readers: list[str] | None


class _Outline(msgspec.Struct, array_like=True, frozen=True):
    """What only the whole document needs."""

    sections: list[tuple[int, str, int]]
    pages: list[int]


class _Fields(msgspec.Struct, array_like=True, frozen=True):
    """One column, less its arrays, which lie behind those of the columns before it."""

    name: str
    texts: list[str]
    numbers: list[int | float]
    n_documents: int

    @property
    def n_bounds(self) -> int:
        return len(self.texts) + len(self.numbers) + 4


_record = msgspec.msgpack.Decoder(_Record)
_outline = msgspec.msgpack.Decoder(_Outline)
_fields = msgspec.msgpack.Decoder(list[_Fields])
_names = msgspec.msgpack.Decoder(list[tuple[str, str]])
_paths = msgspec.msgpack.Decoder(list[tuple[str, ...]])
_texts = msgspec.msgpack.Decoder(list[str])
_encode = msgspec.msgpack.Encoder().encode


def segment_of(documents: Sequence[IndexedDocument], dimensions: int, analysis: Analysis) -> Arrays:
    """The arrays of a segment that holds these documents, which were checked."""
    texts = [one.document.text.encode() for one in documents]
    chunks = [chunk for one in documents for chunk in one.chunks]
    n_chunks = [len(one.chunks) for one in documents]
    spans = np.array([(*chunk.span, *chunk.parent) for chunk in chunks], np.int64).reshape(-1, 4)
    text_bounds = _bounds([len(text) for text in texts])
    arrays: dict[str, NDArray[Any]] = {
        "text": _packed(texts),
        "text_bounds": text_bounds,
        "text_lengths": np.array([len(one.document.text) for one in documents], np.int64),
        "chunk_bounds": _bounds(n_chunks),
        "chunk_documents": np.repeat(np.arange(len(documents), dtype=np.int32), n_chunks),
        "spans": spans,
        "byte_spans": _byte_spans(documents, texts, spans, text_bounds),
        "n_tokens": np.array([chunk.n_tokens for chunk in chunks], np.int64),
        "pages": np.array([_NO_PAGE if c.page is None else c.page for c in chunks], np.int64),
        **_vectors(documents, dimensions),
        **_records([one.document for one in documents]),
        **_section_paths(chunks),
        **_columns(documents),
    }
    postings = Postings.of(
        (searched_text(one.document, chunk) for one in documents for chunk in one.chunks),
        analysis,
    )
    arrays |= {
        "word_hashes": postings.hashes,
        "word_bounds": postings.bounds,
        "word_rows": postings.rows,
        "word_counts": postings.counts,
        "word_lengths": postings.lengths,
        "analysis": _bytes(analysis.name.encode()),
    }
    return narrowed(arrays)


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
    def _of_chunks(self) -> dict[str, NDArray[Any]]:
        """What every passage needs, asked for once."""
        names = ("spans", "byte_spans", "n_tokens", "sections", "pages")
        return {name: self.arrays[name] for name in names}

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

    def record(self, document: int) -> _Record:
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
        of_chunks = self._of_chunks
        at = np.array(rows, np.intp)
        places = of_chunks["byte_spans"].take(at, axis=0).tolist()
        spans = of_chunks["spans"].take(at, axis=0).tolist()
        documents = self.chunk_documents.take(at).tolist()
        n_tokens = of_chunks["n_tokens"].take(at).tolist()
        sections = of_chunks["sections"].take(at).tolist()
        pages = of_chunks["pages"].take(at).tolist()
        record, paths, whole = self.record, self._paths, self.text
        found = []
        for row, document, place, letters, tokens, section, page in zip(
            rows, documents, places, spans, n_tokens, sections, pages, strict=True
        ):
            start, end, parent_start, parent_end = place
            first, last, parent_first, parent_last = letters
            of_document = record(document)
            span = parent = Span(first, last)
            text = parent_text = str(whole[start:end], "utf-8")
            if start != parent_start or end != parent_end:
                parent = Span(parent_first, parent_last)
                parent_text = str(whole[parent_start:parent_end], "utf-8")
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
                    n_tokens=tokens,
                    section=paths[section],
                    page=None if page == _NO_PAGE else page,
                )
            )
        return found

    def _chunk(self, row: int) -> Chunk:
        of_chunks = self._of_chunks
        start, end, parent_start, parent_end = of_chunks["spans"][row].tolist()
        return Chunk(
            span=Span(start, end),
            parent=Span(parent_start, parent_end),
            n_tokens=of_chunks["n_tokens"].item(row),
            section=self._section(row),
            page=self._page(row),
        )

    def _section(self, row: int) -> tuple[str, ...]:
        number: int = self._of_chunks["sections"].item(row)
        return self._paths[number]

    def _page(self, row: int) -> int | None:
        page = self._of_chunks["pages"].item(row)
        return None if page == _NO_PAGE else page

    def _blob(self, name: str, place: int) -> memoryview:
        bounds = self.arrays[f"{name.removesuffix('s')}_bounds"]
        start, end = bounds.item(place), bounds.item(place + 1)
        return self.arrays[name][start:end].data


def _vectors(documents: Sequence[IndexedDocument], dimensions: int) -> Arrays:
    n_chunks = sum(len(one.chunks) for one in documents)
    vectors = np.empty((n_chunks, dimensions), np.float32)
    if dimensions and documents:
        np.concatenate([one.vectors for one in documents if one.vectors is not None], out=vectors)
    codes = Codes.of(vectors)
    return {"vectors": vectors, "codes": codes.values, "code_scales": codes.scales}


def _records(documents: Sequence[Document]) -> Arrays:
    records = [
        _encode(
            _Record(
                id=one.id,
                title=one.title,
                source=one.source,
                format=one.format,
                language=one.language,
                digest=one.digest,
                metadata=dict(one.metadata),
                readers=None if one.readers is None else sorted(one.readers),
            )
        )
        for one in documents
    ]
    outlines = [
        _encode(_Outline([(s.level, s.title, s.start) for s in one.sections], list(one.pages)))
        for one in documents
    ]
    languages = [one.language or "" for one in documents]
    known = sorted(set(languages))
    return {
        "records": _packed(records),
        "record_bounds": _bounds(map(len, records)),
        "outlines": _packed(outlines),
        "outline_bounds": _bounds(map(len, outlines)),
        "names": _bytes(_encode([(one.id, one.digest) for one in documents])),
        "languages": np.array([known.index(one) for one in languages], np.int32),
        "language_names": _bytes(_encode(known)),
    }


def _section_paths(chunks: Sequence[Chunk]) -> Arrays:
    number_of: dict[tuple[str, ...], int] = {}
    numbers = [number_of.setdefault(chunk.section, len(number_of)) for chunk in chunks]
    return {
        "sections": np.array(numbers, np.int32),
        "section_paths": _bytes(_encode(list(number_of))),
    }


def _columns(documents: Sequence[IndexedDocument]) -> Arrays:
    readers = [one.document.readers for one in documents]
    lists = [
        (reader, number) for number, held in enumerate(readers) for reader in sorted(held or ())
    ]
    return {
        **_written("fields", columns_of([one.document.metadata for one in documents])),
        **_written("groups", {"": Column.of(lists)}),
        "restricted": np.array([held is not None for held in readers], np.bool_).view(np.uint8),
    }


def _written(kind: str, columns: Mapping[str, Column]) -> Arrays:
    fields = [
        _Fields(name, list(column.texts), list(column.numbers), len(column.documents))
        for name, column in columns.items()
    ]
    empty = np.empty(0, np.int64)
    return {
        kind: _bytes(_encode(fields)),
        f"{kind}_bounds": np.concatenate([empty, *(one.bounds for one in columns.values())]),
        f"{kind}_documents": np.concatenate(
            [empty, *(one.documents for one in columns.values())]
        ).astype(np.int32),
    }


def _byte_spans(
    documents: Sequence[IndexedDocument],
    texts: Sequence[bytes],
    spans: NDArray[np.int64],
    text_bounds: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Where the characters of spans lie in the bytes of all texts."""
    n_chunks = [len(one.chunks) for one in documents]
    places = spans + np.repeat(text_bounds[:-1], n_chunks)[:, None]
    end = 0
    for one, text, n, start in zip(
        documents, texts, n_chunks, text_bounds[:-1].tolist(), strict=True
    ):
        end += n
        if n and len(text) != len(one.document.text):
            places[end - n : end] = byte_places(text, spans[end - n : end]) + start
    return places


def byte_places(text: bytes, characters: NDArray[np.int64]) -> NDArray[np.int64]:
    """The bytes of UTF-8 where characters (any shape) begin; the number of all is the end."""
    places = np.full(characters.shape, len(text), np.int64)
    data = np.frombuffer(text, np.uint8)
    n = 0
    for start in range(0, len(data), _BLOCK):
        begins = np.flatnonzero((data[start : start + _BLOCK] & 0xC0) != 0x80)
        here = (characters >= n) & (characters < n + len(begins))
        places[here] = begins[characters[here] - n] + start
        n += len(begins)
    return places


def _bounds(lengths: Iterable[int]) -> NDArray[np.int64]:
    bounds: NDArray[np.int64] = np.cumsum([0, *lengths], dtype=np.int64)
    return bounds


def _packed(blobs: Sequence[bytes]) -> NDArray[np.uint8]:
    return _bytes(b"".join(blobs))


def _bytes(blob: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(blob, np.uint8)

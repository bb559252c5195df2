"""The arrays of a segment: what is kept of documents, their chunks, vectors, words and fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index.codes import Codes
from seatrial.rag.index.columns import Column, columns_of
from seatrial.rag.index.narrow import narrowed
from seatrial.rag.index.postings import Analysis, Postings
from seatrial.rag.index.words import searched_text
from seatrial.rag.index.writing import IndexedDocument
from seatrial.rag.text.document import Document, MetaValue

NO_PAGE = -1
_BLOCK = 1 << 22
"""Bytes of a text in which characters are found at once: each takes the room of eight."""

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

_encode = msgspec.msgpack.Encoder().encode


class StoredRecord(msgspec.Struct, array_like=True, frozen=True):
    """What a passage tells of its document."""

    id: str
    title: str
    source: str
    format: str
    language: str | None
    digest: str
    metadata: dict[str, MetaValue]
    readers: list[str] | None


class StoredOutline(msgspec.Struct, array_like=True, frozen=True):
    """What only the whole document needs."""

    sections: list[tuple[int, str, int]]
    pages: list[int]


class StoredFields(msgspec.Struct, array_like=True, frozen=True):
    """One column, less its arrays, which lie behind those of the columns before it."""

    name: str
    texts: list[str]
    numbers: list[int | float]
    n_documents: int

    @property
    def n_bounds(self) -> int:
        """How many of the bounds are its own."""
        return len(self.texts) + len(self.numbers) + 4


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
        "pages": np.array([NO_PAGE if c.page is None else c.page for c in chunks], np.int64),
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
            StoredRecord(
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
        _encode(StoredOutline([(s.level, s.title, s.start) for s in one.sections], list(one.pages)))
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
        StoredFields(name, list(column.texts), list(column.numbers), len(column.documents))
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

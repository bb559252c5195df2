"""Whether documents, chunks, words and vectors of an index agree with each other.

Two levels: within a segment, and of a version with its segments. What is written on the drive is
compared with its checksums by the adapter, which adds what differs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.codes import Codes
from seatrial.rag.index.difference import Difference
from seatrial.rag.index.segment import Segment
from seatrial.rag.index.segmented import Part

_UNIT = 1e-3
_BLOCK = 2**17
"""Bytes of text, numbers of vectors or occurrences of words that are looked at together: they stay
in the processor's cache."""

_MOST = np.iinfo(np.uint16).max
"""The highest number that is kept of how often a word occurs in a chunk."""

_BEGINS = -64
"""Bytes of UTF-8 below it, as signed ones, are those behind the first of a character."""

_Found: TypeAlias = Iterator[tuple[str, str, int | np.signedinteger[Any]]]
"""Part, reason, and how many: none, where all agrees."""


def differences_within(segment: Segment, place: str) -> list[Difference]:
    """What does not agree within a segment whose bytes are as they were written."""
    arrays = segment.arrays
    n, n_documents = segment.n_chunks, segment.n_documents
    expected = {
        "text_bounds": (n_documents + 1,),
        "record_bounds": (n_documents + 1,),
        "outline_bounds": (n_documents + 1,),
        "chunk_bounds": (n_documents + 1,),
        "restricted": (n_documents,),
        "languages": (n_documents,),
        "chunk_documents": (n,),
        "spans": (n, 4),
        "byte_spans": (n, 4),
        "pages": (n,),
        "sections": (n,),
        "vectors": (n, segment.vectors.shape[1]),
        "word_lengths": (n,),
    }
    if segment.codes is not None:
        expected |= {"codes": segment.vectors.shape, "code_scales": (n,)}
    wrong = [
        Difference(
            part=_PART.get(name.partition("_")[0], "chunks"),
            place=place,
            reason=f"{name} has the shape {arrays[name].shape} where {shape} belongs to"
            f" {n_documents} documents with {n} chunks.",
        )
        for name, shape in expected.items()
        if arrays[name].shape != shape
    ]
    if wrong:
        return wrong
    at_bounds, at_spans = _characters(segment)
    checks = (
        _documents(segment, np.diff(at_bounds)),
        _chunks(segment, at_bounds, at_spans),
        _vectors(segment),
        _words(segment),
    )
    return [
        Difference(part=part, place=place, reason=f"{n} {reason}", n=int(n))
        for found in checks
        for part, reason, n in found
        if n
    ]


_PART = {
    "text": "documents",
    "record": "documents",
    "outline": "documents",
    "restricted": "documents",
    "languages": "documents",
    "vectors": "vectors",
    "codes": "vectors",
    "code": "vectors",
    "word": "words",
}


def _documents(segment: Segment, counted: NDArray[np.int64]) -> _Found:
    names = segment.names
    yield (
        "documents",
        "ids are kept for another number of documents.",
        abs(len(names) - segment.n_documents),
    )
    yield "documents", "ids occur more than once.", len(names) - len({name for name, _ in names})
    for kind in ("text", "record", "outline"):
        bounds = segment.arrays[f"{kind}_bounds"]
        held = segment.arrays["text" if kind == "text" else f"{kind}s"]
        yield "documents", f"bounds of {kind} do not rise.", np.count_nonzero(np.diff(bounds) < 0)
        yield (
            "documents",
            f"{kind} ends elsewhere than its last bound.",
            int(bounds[-1] != len(held)),
        )
    yield (
        "documents",
        "texts have another number of characters than was noted.",
        np.count_nonzero(counted != segment.arrays["text_lengths"]),
    )


def _chunks(segment: Segment, at_bounds: NDArray[np.int64], at_spans: NDArray[np.int64]) -> _Found:
    bounds, owners = segment.chunk_bounds, segment.chunk_documents
    yield (
        "chunks",
        "bounds of chunks do not rise to their number.",
        int(bool((np.diff(bounds) < 0).any() or bounds[0] != 0 or bounds[-1] != segment.n_chunks)),
    )
    belongs = np.repeat(np.arange(segment.n_documents), np.maximum(np.diff(bounds), 0))
    yield (
        "chunks",
        "chunks belong to a document other than the one that lists them.",
        (np.count_nonzero(belongs != owners) if len(belongs) == len(owners) else len(owners)),
    )
    spans = segment.arrays["spans"]
    inside = (owners >= 0) & (owners < segment.n_documents)
    yield "chunks", "chunks belong to no document.", np.count_nonzero(~inside)
    owners = np.where(inside, owners, 0)
    if not len(owners):
        return
    start, end, parent_start, parent_end = spans.T
    lengths = segment.arrays["text_lengths"][owners]
    yield (
        "chunks",
        "spans do not lie in their parent or in the text.",
        np.count_nonzero(
            ~(
                (parent_start >= 0)
                & (parent_start <= start)
                & (start < end)
                & (end <= parent_end)
                & (parent_end <= lengths)
            )
        ),
    )
    at = segment.arrays["byte_spans"]
    right = (at >= 0) & (at <= len(segment.text))
    right &= at_spans - at_bounds[owners][:, None] == spans
    yield (
        "chunks",
        "spans lie elsewhere in the bytes than in the characters.",
        np.count_nonzero(~right.all(axis=1)),
    )


def _characters(segment: Segment) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many characters of the text begin before each of its bounds, and before the bytes of each
    span: both in one look at it."""
    text, bounds = segment.arrays["text"], segment.arrays["text_bounds"]
    spans = segment.arrays["byte_spans"]
    before = characters_before(text, np.concatenate([bounds, spans.reshape(-1)]))
    return before[: len(bounds)], before[len(bounds) :].reshape(spans.shape)


def characters_before(text: NDArray[np.uint8], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many characters of UTF-8 begin before each of some bytes.

    Args:
        places: of any shape; those outside [0, n_bytes] count as if the text went on there.
    """
    cuts = np.sort(places, axis=None)
    following = np.empty_like(cuts)
    n = at = 0
    for start in range(0, len(text), _BLOCK):
        here = np.flatnonzero(text[start : start + _BLOCK].view(np.int8) < _BEGINS)
        end = int(cuts.searchsorted(start + _BLOCK))
        following[at:end] = here.searchsorted(cuts[at:end] - start) + n
        n, at = n + len(here), end
    following[at:] = n
    return (cuts - following)[cuts.searchsorted(places)]


def _vectors(segment: Segment) -> _Found:
    vectors = segment.vectors
    if not vectors.shape[1]:
        return
    n_rows = max(1, _BLOCK // vectors.shape[1])
    long = other = 0
    for start in range(0, len(vectors), n_rows):
        rows = slice(start, start + n_rows)
        squares = np.vecdot(vectors[rows], vectors[rows])
        long += int(np.count_nonzero(~(np.abs(squares - 1) < _UNIT)))
        if segment.codes is not None:
            other += _n_coded_otherwise(vectors[rows], segment.codes.part(rows))
    yield "vectors", "vectors are not of unit length.", long
    yield "vectors", "vectors have other codes than are kept.", other


def _n_coded_otherwise(vectors: NDArray[np.float32], codes: Codes) -> int:
    with np.errstate(invalid="ignore"):  # what is not a number is counted elsewhere
        made = Codes.of(vectors)
    other = (made.values != codes.values).any(axis=1)
    other |= made.scales != codes.scales
    return int(np.count_nonzero(other))


def _words(segment: Segment) -> _Found:
    postings = segment.postings
    rows, counts = postings.rows, postings.counts
    n_outside = np.count_nonzero((rows < 0) | (rows >= segment.n_chunks))
    yield "words", "occurrences are in no chunk.", n_outside
    yield (
        "words",
        "words are not in order.",
        np.count_nonzero(np.diff(postings.hashes) == 0)
        + int(bool((postings.hashes[1:] < postings.hashes[:-1]).any())),
    )
    bounds = postings.bounds
    yield (
        "words",
        "bounds of words do not rise to the number of occurrences.",
        int(
            bool((np.diff(bounds) < 1).any() or bounds[0] != 0 or bounds[-1] != len(rows))
            or len(rows) != len(counts)
            or len(bounds) != len(postings.hashes) + 1
        ),
    )
    if len(rows) == len(counts) and not n_outside:
        other = _n_words(rows, counts, segment.n_chunks) != postings.lengths
        if counts.max(initial=0) >= _MOST:  # a word that occurs so often, or more often
            other[rows[counts == _MOST]] = False
        yield "words", "chunks have another number of words than was noted.", int(other.sum())


def _n_words(
    rows: NDArray[np.integer[Any]], counts: NDArray[np.unsignedinteger[Any]], n_chunks: int
) -> NDArray[np.float64]:
    """Words of each chunk, added up from their occurrences."""
    held = np.zeros(n_chunks)
    n_rows = max(_BLOCK, n_chunks)
    for start in range(0, len(rows), n_rows):
        here = slice(start, start + n_rows)
        held += np.bincount(rows[here], counts[here], n_chunks)
    return held


def differences_between(
    parts: Sequence[Part], n_documents: int, n_chunks: int, place: str
) -> list[Difference]:
    """What does not agree between a version and its segments, which agree within.

    Args:
        n_documents, n_chunks: what the version says it has.
    """
    found: Counter[str] = Counter()
    names: list[str] = []
    counted = [0, 0]
    end = -1
    for part in parts:
        segment = part.segment
        there = (part.dead >= 0) & (part.dead < segment.n_documents)
        found["documents are taken out that are not there"] += int(np.count_nonzero(~there))
        found["keys belong to two chunks"] += max(0, end - part.first_key)
        end = part.first_key + segment.n_chunks
        alive = np.delete(np.arange(segment.n_documents), part.dead[there])
        held = segment.names
        names += [held[document][0] for document in alive.tolist()]
        counted[0] += len(alive)
        counted[1] += int(np.diff(segment.chunk_bounds)[alive].sum())
    found["ids belong to two documents"] += len(names) - len(set(names))
    differences = [
        Difference(part="documents", place=place, reason=f"{n} {what}.", n=n)
        for what, n in found.items()
        if n
    ]
    for what, has, says in zip(
        ("documents", "chunks"), counted, (n_documents, n_chunks), strict=True
    ):
        if has != says:
            reason = f"It notes {says} {what}, its segments have {has}."
            differences.append(
                Difference(part="counts", place=place, reason=reason, n=abs(has - says))
            )
    return differences

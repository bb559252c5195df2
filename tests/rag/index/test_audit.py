"""An audit finds whatever does not agree, and where."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index import audit
from seatrial.rag.index.audit import characters_before, differences_between, differences_within
from seatrial.rag.index.segment import Segment
from seatrial.rag.index.segment_arrays import segment_of
from seatrial.rag.index.segmented import Part
from seatrial.rag.text.document import Span
from seatrial.testing import index_corpus as corpus

DOCUMENTS = corpus.documents(Random(5), 30)
NONE = np.empty(0, np.int32)


def arrays() -> dict[str, NDArray[Any]]:
    made = segment_of(DOCUMENTS, corpus.DIMENSIONS, corpus.PLAIN_WORDS)
    return {name: array.copy() for name, array in made.items()}


def segment() -> Segment:
    return Segment(arrays())


def test_what_was_just_made_agrees() -> None:
    assert differences_within(segment(), "s") == []
    n_chunks = sum(len(one.chunks) for one in DOCUMENTS)
    assert differences_between([Part(segment(), 0, NONE)], 30, n_chunks, "v") == []


def changed(name: str, place: int, by: float) -> Callable[[dict[str, NDArray[Any]]], None]:
    def change(held: dict[str, NDArray[Any]]) -> None:
        held[name].reshape(-1)[place] += np.asarray(by).astype(held[name].dtype)

    return change


def shortened(name: str) -> Callable[[dict[str, NDArray[Any]]], None]:
    def change(held: dict[str, NDArray[Any]]) -> None:
        held[name] = held[name][:-1]

    return change


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("documents", changed("text_lengths", 3, 1)),
        ("documents", changed("text_bounds", 4, 1)),
        ("documents", changed("record_bounds", -1, 1)),
        ("documents", shortened("restricted")),
        ("documents", shortened("languages")),
        ("chunks", changed("chunk_bounds", 2, 1)),
        ("chunks", changed("chunk_documents", 0, 1)),
        ("chunks", changed("chunk_documents", -1, 900)),
        ("chunks", changed("spans", 0, -1)),
        ("chunks", changed("spans", 1, 10_000)),
        ("chunks", changed("spans", 3, 1)),
        ("chunks", changed("byte_spans", 0, 1)),
        ("chunks", changed("byte_spans", 1, 10**9)),
        ("chunks", shortened("pages")),
        ("vectors", changed("vectors", 0, 0.5)),
        ("vectors", changed("vectors", 9, float("nan"))),
        ("vectors", changed("codes", 0, 1)),
        ("vectors", changed("code_scales", 3, 0.5)),
        ("vectors", shortened("codes")),
        ("vectors", shortened("code_scales")),
        ("vectors", shortened("vectors")),
        ("words", changed("word_rows", 0, 1000)),
        ("words", changed("word_counts", 0, 1)),
        ("words", changed("word_lengths", 0, 1)),
        ("words", changed("word_bounds", 1, 1000)),
        ("words", shortened("word_hashes")),
        ("words", shortened("word_counts")),
        ("words", shortened("word_lengths")),
    ],
)
def test_each_part_is_compared_with_the_others(
    part: str, change: Callable[[dict[str, NDArray[Any]]], None]
) -> None:
    held = arrays()
    change(held)
    found = differences_within(Segment(held), "s")
    assert part in {one.part for one in found}
    assert all(one.place == "s" and one.n >= 1 and one.reason.endswith(".") for one in found)


def test_a_version_is_compared_with_its_segments() -> None:
    one = segment()
    n = one.n_chunks
    twice = [Part(one, 0, NONE), Part(one, n, NONE)]
    assert [d.reason for d in differences_between(twice, 60, 2 * n, "v")] == [
        "30 ids belong to two documents."
    ]
    overlapping = differences_between(
        [Part(one, 0, NONE), Part(one, n - 2, np.arange(30, dtype=np.int32))], 30, n, "v"
    )
    assert [(d.reason, d.n) for d in overlapping] == [("2 keys belong to two chunks.", 2)]
    missing = differences_between([Part(one, 0, np.array([29, 30], np.int32))], 30, n, "v")
    assert {d.part for d in missing} >= {"documents", "counts"}
    assert "It notes 30 documents, its segments have 29." in {d.reason for d in missing}


def test_what_is_looked_at_in_blocks_is_looked_at_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_BLOCK", 7)
    assert differences_within(segment(), "s") == []
    for name in ("vectors", "codes", "word_counts"):
        for place in (0, -1):
            held = arrays()
            changed(name, place, 1)(held)
            assert differences_within(Segment(held), "s"), (name, place)


def test_a_word_may_occur_more_often_than_is_counted() -> None:
    (one,) = corpus.documents(Random(5), 1)
    text = "keel " * 70_000
    span = Span(0, len(text))
    chunk = Chunk(span=span, parent=span, n_tokens=70_000)
    long = replace(
        one,
        document=replace(one.document, text=text, sections=(), pages=()),
        chunks=[chunk],
        vectors=one.vectors[:1] if one.vectors is not None else None,
    )
    made = segment_of([long], corpus.DIMENSIONS, corpus.PLAIN_WORDS)
    assert made["word_counts"].max() == 65_535
    assert differences_within(Segment(made), "s") == []


@pytest.mark.parametrize("block", [1, 4, 1 << 17])
@given(texts=st.lists(st.text("aé船\U0001f6a2", max_size=5), max_size=5), seed=st.integers(0, 99))
def test_characters_are_counted_up_to_any_byte(block: int, texts: list[str], seed: int) -> None:
    data = "".join(texts).encode()
    places = np.random.default_rng(seed).integers(0, len(data) + 1, (3, 2))
    expected = [
        [sum((byte & 0xC0) != 0x80 for byte in data[:place]) for place in row]
        for row in places.tolist()
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit, "_BLOCK", block)
        assert characters_before(np.frombuffer(data, np.uint8), places).tolist() == expected

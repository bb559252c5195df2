"""Only what changed is prepared; what cannot be read stays; what is gone goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index.writing import IndexedDocument
from seatrial.rag.ingest.ingest import Ingestion, Preparation, TooFewLeft, embedded_text
from seatrial.rag.loading.outcome import Reason, Skipped, Unchanged
from seatrial.rag.text.document import Document, Span


def document(name: str, text: str = "some words", **changes: Any) -> Document:
    made = {
        "id": name,
        "text": text,
        "title": "",
        "source": name,
        "format": "text",
        "language": "en",
        "digest": text,
    }
    return Document(**(made | changes))


def skipped(source: str, reason: Reason) -> Skipped:
    return Skipped(source=source, reason=reason, problem="It is broken.", remedy="Mend it.")


class Words:
    """A chunk for every word."""

    name = "words"

    def chunks(self, document: Document) -> Sequence[Chunk]:
        found, at = [], 0
        for word in document.text.split():
            start = document.text.index(word, at)
            at = start + len(word)
            found.append(Chunk(span=Span(start, at), parent=Span(start, at), n_tokens=1))
        return found


class Lengths:
    """Embeds a text as its length; remembers what it was asked."""

    name, dimensions, max_tokens, languages = "lengths", 2, 100, None

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def embed_documents(self, texts: Sequence[str]) -> Any:
        self.asked.append(list(texts))
        return np.array([[1.0, 0.0]] * len(texts), np.float32).reshape(-1, 2)


class Paper:
    """A draft in memory."""

    def __init__(self, **held: str) -> None:
        self.kept: dict[str, str] = dict(held)
        self.puts: list[list[IndexedDocument]] = []
        self.published = 0

    def digests(self) -> Mapping[str, str]:
        return dict(self.kept)

    def put(self, documents: Sequence[IndexedDocument]) -> None:
        self.puts.append(list(documents))
        self.kept |= {one.document.id: one.document.digest for one in documents}

    def remove(self, documents: Sequence[str]) -> None:
        for name in documents:
            self.kept.pop(name, None)

    def publish(self) -> int:
        self.published += 1
        return 7

    def discard(self) -> None:
        raise AssertionError("nobody discards")

    def close(self) -> None:
        raise AssertionError("nobody closes")


def run(paper: Paper, *loaded: Any, embedder: Any = None, **options: Any) -> Any:
    size = options.pop("batch_chunks", 512)
    preparation = Preparation(chunker=Words(), embedder=embedder, batch_chunks=size)
    return Ingestion(paper, preparation, **options).run(loaded)


def test_what_is_new_changed_and_unchanged_is_told_apart() -> None:
    paper = Paper(a="old", b="same")
    report = run(paper, document("a"), Unchanged("b", "same"), document("c", "three more words"))
    assert (report.n_new, report.n_changed, report.n_unchanged, report.n_removed) == (1, 1, 1, 0)
    assert (report.n_chunks, report.version) == (5, 7)
    assert paper.kept == {"a": "some words", "b": "same", "c": "three more words"}


def test_chunks_are_embedded_in_batches_under_their_titles_and_written_with_their_own_vectors() -> (
    None
):
    paper, lengths = Paper(), Lengths()
    told: list[int] = []
    run(
        paper,
        document("a", "one two", title="Numbers"),
        document("b", "three"),
        document("c", "four"),
        embedder=lengths,
        batch_chunks=3,
        told=lambda report: told.append(report.n_chunks),
    )
    assert lengths.asked == [["Numbers. one", "Numbers. two", "three"], ["four"]]
    assert [[len(one.vectors) for one in put] for put in paper.puts] == [[2, 1], [1]]
    assert told == [3, 4, 4]


def test_a_document_without_words_is_kept_without_chunks() -> None:
    paper = Paper()
    report = run(paper, document("a", "   "), embedder=Lengths())
    assert report.n_empty == 1
    assert paper.puts[0][0].vectors.shape == (0, 2)


@pytest.mark.parametrize(
    ("reason", "stays"),
    [
        (Reason.CRASHED, True),
        (Reason.WRONG_ENCODING, True),
        (Reason.EMPTY, False),
        (Reason.BAD_METADATA, False),  # nobody knows any more who may read it
        (Reason.OUTSIDE, False),
    ],
)
def test_a_source_that_cannot_be_read_for_now_keeps_what_it_gave(
    reason: Reason, stays: bool
) -> None:
    paper = Paper(**{"a.mbox#1": "x", "b": "y"})
    report = run(paper, skipped("a.mbox", reason), Unchanged("b", "y"))
    assert ("a.mbox#1" in paper.kept) is stays
    assert (report.n_kept, report.n_removed) == ((1, 0) if stays else (0, 1))
    assert [one.reason for one in report.skipped] == [reason]


def test_nothing_is_removed_while_a_named_folder_is_not_there() -> None:
    paper = Paper(**{f"d{i}": "x" for i in range(40)})
    report = run(paper, Unchanged("d0", "x"), skipped("/mnt/share", Reason.NOT_FOUND))
    assert (report.n_kept, report.n_removed, len(paper.kept)) == (39, 0, 40)


@pytest.mark.parametrize("n_held", [2, 40])
def test_losing_most_documents_is_not_published_unless_it_is_meant(n_held: int) -> None:
    held = {f"d{i}": "x" for i in range(n_held)}
    paper = Paper(**held)
    with pytest.raises(TooFewLeft, match=f"{n_held} documents") as told:
        run(paper, document("new"))
    assert "--shrink" in told.value.remedy
    assert (paper.published, set(held) - set(paper.kept)) == (0, set())
    assert run(paper, Unchanged("new", "some words"), shrink=True).n_removed == n_held


def test_equal_texts_are_told() -> None:
    report = run(Paper(), document("a"), document("b", "other"), document("c", "some words"))
    assert report.duplicates == {"c": "a"}


def test_a_chunk_without_a_title_is_embedded_as_it_is() -> None:
    chunk = Chunk(span=Span(5, 10), parent=Span(0, 10), n_tokens=1)
    assert embedded_text(document("a"), chunk) == "words"


def test_a_document_that_the_index_refuses_stops_no_other() -> None:
    paper = Paper(half="before", same="same")
    report = run(
        paper,
        Unchanged("same", "same"),
        document("a"),
        document("half", title="half a \ud800 character"),
        document("wide", metadata={"size": 10**30}),
        document("b"),
    )
    assert [one.source for one in report.skipped] == ["half", "wide"]
    assert {one.reason for one in report.skipped} == {Reason.BAD_METADATA}
    assert "U+D800" in report.skipped[0].problem
    assert paper.kept == {"same": "same", "a": "some words", "b": "some words"}

"""What every loader of documents must do; see `rag.loading.loader.Loader`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from seatrial.rag.loading.loader import About, Flaw, Loader, Parsed, Piece
from seatrial.rag.loading.outcome import Unloadable
from seatrial.rag.loading.reading import pieces

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
_BETWEEN_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSample:
    """A small file of the format.

    Args:
        name: of the file.
        words: texts that its document must hold, in this order.
        absent: texts that no part of it may hold.
        title: its title; None where it says none.
        headings: titles of its sections, in order.
        n_pages: its pages; 0 where the format has none.
        metadata: fields that it must have.
        parts: names of what is attached to it.
    """

    name: str
    content: bytes
    words: Sequence[str]
    absent: Sequence[str] = ()
    title: str | None = None
    headings: Sequence[str] = ()
    n_pages: int = 0
    metadata: dict[str, object] = field(default_factory=dict)
    parts: Sequence[str] = ()


class LoaderSuite:
    """Subclass it as ``Test...`` with fixtures ``loader`` and ``sample`` (a `DocumentSample`)."""

    def test_the_text_is_all_there_in_order(self, loader: Loader, sample: DocumentSample) -> None:
        """Each piece once, and after the one before."""
        document = _document(loader, sample)
        at = 0
        for words in sample.words:
            at = document.text.index(words, at) + len(words)
        for words in sample.absent:
            assert words not in document.text

    def test_what_it_says_of_itself_is_told(self, loader: Loader, sample: DocumentSample) -> None:
        """Title and metadata; times are ISO 8601 in UTC."""
        document = _document(loader, sample)
        assert document.title == sample.title
        assert sample.metadata.items() <= document.metadata.items()
        for name, value in document.metadata.items():
            assert isinstance(value, str | int | float | bool | tuple), name
            if name in ("created", "modified"):
                assert _TIME.match(str(value))

    def test_sections_begin_where_their_titles_stand(
        self, loader: Loader, sample: DocumentSample
    ) -> None:
        """In order, at the line of the heading."""
        document = _document(loader, sample)
        assert [section.title for section in document.sections] == list(sample.headings)
        starts = [section.start for section in document.sections]
        assert starts == sorted(starts)
        for section in document.sections:
            line = document.text[section.start :].partition("\n")[0]
            assert _BETWEEN_WORDS.sub("", section.title) in _BETWEEN_WORDS.sub("", line)
            assert section.level >= 1

    def test_pages_divide_the_text(self, loader: Loader, sample: DocumentSample) -> None:
        """From 0 on, never back."""
        document = _document(loader, sample)
        assert len(document.pages) == sample.n_pages
        if document.pages:
            assert document.pages[0] == 0
            assert list(document.pages) == sorted(document.pages)
            assert document.pages[-1] <= len(document.text)

    def test_what_is_attached_are_parts_of_their_own(
        self, loader: Loader, sample: DocumentSample
    ) -> None:
        """With names that differ."""
        found = _load(loader, sample.content, sample.name)
        assert [piece.part for piece in found if piece.part] == list(sample.parts)

    def test_equal_bytes_give_equal_documents(self, loader: Loader, sample: DocumentSample) -> None:
        """Whoever loads, and how often."""
        once = _load(loader, sample.content, sample.name)
        assert once == _load(loader, sample.content, sample.name)
        assert loader.version == loader.version
        assert loader.version.strip()

    @pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
    def test_a_file_that_was_cut_off_is_read_or_refused(
        self, loader: Loader, sample: DocumentSample, share: float
    ) -> None:
        """Whatever its library raises."""
        cut = sample.content[: int(len(sample.content) * share)]
        _read_or_refused(loader, cut, sample.name)

    @pytest.mark.parametrize(
        "content",
        [b"\0" * 100, b"\xff" * 100, bytes(range(256)) * 8, b"PK\3\4" + b"\0" * 60, b"%PDF-1.7\n"],
    )
    def test_what_is_no_such_file_is_read_or_refused(
        self, loader: Loader, sample: DocumentSample, content: bytes
    ) -> None:
        """Likewise."""
        _read_or_refused(loader, content, sample.name)


def _load(loader: Loader, content: bytes, name: str) -> Sequence[Piece]:
    return pieces(loader, content, About(name=name))


def _document(loader: Loader, sample: DocumentSample) -> Parsed:
    first = _load(loader, sample.content, sample.name)[0]
    assert isinstance(first, Parsed), first
    return first


def _read_or_refused(loader: Loader, content: bytes, name: str) -> None:
    told = "."
    found: Sequence[Piece] = ()
    try:
        found = _load(loader, content, name)
    except Unloadable as error:
        told = f"{error.reason}: {error.problem}"
    assert told.endswith(".")
    assert all(isinstance(piece, Parsed | Flaw) for piece in found)

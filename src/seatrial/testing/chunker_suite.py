"""What every chunker must do; see `rag.chunking.chunk.Chunker`."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from seatrial.rag.chunking.chunk import Chunker
from seatrial.rag.text.document import Document, Section
from seatrial.rag.text.graphemes import grapheme_before

_SHIP = (
    "The ship is tried at sea before it carries anybody, e.g. Dr. Who at 3.5 knots. Is it? Yes! "
)
_ALPHABET = (
    "aaeinrst     .,!?-\n\r\t\u00a0\u2028é\u0301图船。，「」가힣がﾊﾞनि\u200d\ufe0f"
    "\U0001f469\U0001f4bb\U0001f1e8\ud800\udc00\x00\x1c\u0085\ufeff\ufffd"
)

TEXTS = {
    "prose": _SHIP * 60,
    "paragraphs": "\n\n".join([_SHIP * 3, _SHIP, _SHIP * 9] * 4),
    "repetitive": "the same words again and again " * 120,
    "line ends of windows": (_SHIP + "\r\n" + _SHIP + "\r\n\r\n") * 15,
    "chinese": "船在载人之前要先在海上试航，发现的问题都会得到修正。" * 90,
    "japanese": "船は人を乗せる前に「海で試され」、見つかった問題は直されます。" * 60,
    "korean": "배는 사람을 태우기 전에 바다에서 시험을 거치고 발견된 문제는 고쳐진다. " * 40,
    "mixed": "我们用Python写的服务v2.0在2021年上线。It works well, 大家说。" * 50,
    "emoji": "\U0001f469\u200d\U0001f4bb\U0001f44b\U0001f3fd \U0001f1e8\U0001f1f3" * 120,
    "combining": "e\u0301a\u0323\u0302 n\u0303o\u0308u " * 150,
    "one word": "x" * 1500,
    "white space between": "word" + " " * 3000 + "\n" * 500 + "another",
    "markdown": "# One\n\n" + _SHIP * 5 + "\n\n## Two\n\n- a\n\n```\nf(x)\n\ny\n```\n" + _SHIP * 20,
    "code": "def f(x):\n    if x:\n        return 1\n\n    return 2\n\n" * 60,
    "table": "\n".join(f"| {n} | {n * n} | row {n} |" for n in range(300)),
    "numbers": "3.14159 2.71828 1,000,000 " * 150,
    "lone surrogates": "a\ud800b \udc00\ud83d\ude00 " * 200,
    **{f"random {seed}": "".join(Random(seed).choices(_ALPHABET, k=1500)) for seed in range(12)},
}  # fmt: skip


def document(text: str) -> Document:
    """A document of a text, with a section at each line that begins with ``#``, and two pages."""
    places = [at for at in range(len(text)) if text[at] == "#" and text[at - 1 : at] in ("", "\n")]
    return Document(
        id="tried.md",
        text=text,
        title="Tried",
        source="tried.md",
        format="markdown",
        language=None,
        digest="0",
        sections=tuple(Section(level=1, title=f"At {at}", start=at) for at in places),
        pages=(0, len(text) // 2),
    )


class ChunkerSuite:
    """Subclass it as ``Test...`` with the fixtures ``chunker``; ``limit``, the most that a chunk
    may hold, 40 or more; and ``measure``, which gives the length of a text as the limit counts it.
    """

    @pytest.mark.parametrize("text", ["", " ", "\r\n\t\u3000\u2028 \n"])
    def test_nothing_is_no_chunk(self, chunker: Chunker, text: str) -> None:
        """Nor is white space."""
        assert list(chunker.chunks(document(text))) == []

    def test_all_but_white_space_is_in_a_chunk_and_no_chunk_is_blank(
        self, chunker: Chunker
    ) -> None:
        """In order of their start, each within its parent and the text."""
        for name, text in TEXTS.items():
            chunks = chunker.chunks(document(text))
            covered = bytearray(len(text))
            for chunk in chunks:
                start, end = chunk.span
                assert 0 <= chunk.parent.start <= start < end <= chunk.parent.end <= len(text), name
                assert text[start:end].strip(), name
                covered[start:end] = b"\1" * (end - start)
            assert all(text[at].isspace() for at in range(len(text)) if not covered[at]), name
            starts = [chunk.span.start for chunk in chunks]
            assert starts == sorted(starts), name

    def test_no_chunk_is_over_its_limit_and_each_knows_its_length(
        self, chunker: Chunker, limit: int, measure: Callable[[str], int]
    ) -> None:
        """As it is measured alone."""
        for name, text in TEXTS.items():
            for chunk in chunker.chunks(document(text)):
                alone = text[chunk.span.start : chunk.span.end]
                assert measure(alone) == chunk.n_tokens <= limit, name

    def test_what_is_seen_as_one_character_is_not_cut(self, chunker: Chunker) -> None:
        """Line ends of two characters, accents, joined emoji, flags, pairs."""
        for name, text in TEXTS.items():
            for chunk in chunker.chunks(document(text)):
                for place in chunk.span:
                    assert grapheme_before(text, place, 0) == place, name

    @pytest.mark.parametrize("name", ["markdown", "paragraphs", "chinese"])
    def test_a_chunk_knows_its_section_and_page(self, chunker: Chunker, name: str) -> None:
        """Those in which it begins."""
        whole = document(TEXTS[name])
        chunks = chunker.chunks(whole)
        assert len(chunks) > 1
        for chunk in chunks:
            assert chunk.section == whole.outline.section_at(chunk.span.start)
            assert chunk.page == whole.outline.page_at(chunk.span.start)

    def test_the_same_document_is_cut_equally(self, chunker: Chunker) -> None:
        """Whatever was cut between."""
        first = [list(chunker.chunks(document(text))) for text in TEXTS.values()]
        again = [list(chunker.chunks(document(text))) for text in reversed(TEXTS.values())]
        assert first == again[::-1]

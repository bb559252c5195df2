"""Chunks end where the structure of a text ends."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.chunking.chunkers import Kind, Sizes, StructureChunker
from seatrial.rag.chunking.ruler import Characters
from seatrial.rag.chunking.token_ruler import Tokens
from seatrial.rag.text.document import Document, Section
from seatrial.testing.fake_tokenizers import JoiningTokenizer, PieceTokenizer

SENTENCE = "The ship is tried at sea before it carries us. "  # 47 characters


def document(text: str, kept_as: str = "markdown") -> Document:
    marks = [at for at in range(len(text)) if text.startswith("# ", at)]
    sections = tuple(
        Section(level=1, title=text[at + 2 : text.find("\n", at)], start=at) for at in marks
    )
    return Document(
        id="a", text=text, title="", source="", format=kept_as, language=None, digest="",
        sections=sections,
    )  # fmt: skip


def cut(
    text: str,
    length: int,
    *,
    overlap: int = 0,
    parent: int | None = None,
    kind: Kind = "recursive",
    kept_as: str = "markdown",
) -> list[Chunk]:
    sizes = Sizes(length=length, overlap=overlap, parent=parent)
    return list(StructureChunker(kind, sizes, Characters()).chunks(document(text, kept_as)))


def texts(whole: str, chunks: list[Chunk]) -> list[str]:
    return [whole[chunk.span.start : chunk.span.end] for chunk in chunks]


def test_a_text_that_fits_is_one_chunk_without_the_white_space_around_it() -> None:
    (chunk,) = cut("  one\n\ntwo \n", 100)
    assert (chunk.span, chunk.parent, chunk.n_tokens) == ((2, 10), (2, 10), 8)


def test_sections_are_not_shared_by_chunks_where_they_are_long_enough() -> None:
    text = f"# One\n\n{SENTENCE * 2}\n\n# Two\n\n{SENTENCE * 3}\n\n# Three\n\n{SENTENCE}"
    chunks = cut(text, 200)
    assert [part.split("\n")[0] for part in texts(text, chunks)] == ["# One", "# Two", "# Three"]
    assert [chunk.section for chunk in chunks] == [("One",), ("Two",), ("Three",)]


def test_short_sections_share_a_chunk_that_belongs_to_the_first() -> None:
    text = "".join(f"# S{n}\n\nshort\n\n" for n in range(20))
    chunks = cut(text, 100)
    assert len(chunks) < 5
    assert chunks[0].section == ("S0",)
    assert all(part.startswith("# S") for part in texts(text, chunks))


def test_a_heading_stays_with_what_is_below_it() -> None:
    text = f"{SENTENCE * 3}\n\n# Head\n\n{SENTENCE * 4}\n\n{SENTENCE * 4}"
    assert not any(part.endswith("# Head") for part in texts(text, cut(text, 160)))


def test_paragraphs_are_kept_whole_before_sentences_and_sentences_before_words() -> None:
    text = f"{SENTENCE * 2}\n\n{SENTENCE * 2}\n\n{SENTENCE * 3}"
    paragraphs = [part.strip() for part in text.split("\n\n")]
    assert texts(text, cut(text, 160)) == paragraphs
    assert all(part.endswith("us.") for part in texts(text, cut(text, 120)))
    words = SENTENCE.replace(".", ",") * 9
    assert all(not part.endswith(("th", "se")) for part in texts(words, cut(words, 100)))
    assert " ".join(texts(words, cut(words, 100))) == words.strip()


def test_fenced_code_is_not_cut_at_its_empty_lines_where_it_fits() -> None:
    code = "```\na = 1\n\nb = 2\n\nc = 3\n```"
    text = f"{SENTENCE}\n\n{SENTENCE}\n\n{code}\n\n{SENTENCE}\n\n{SENTENCE}"
    assert any(code in part for part in texts(text, cut(text, 130)))


def test_rows_and_lines_of_code_are_cut_between_lines() -> None:
    rows = "\n".join(f"{n}, Dr. Who. Then more, {n * n}" for n in range(60))
    for part in texts(rows, cut(rows, 100, kept_as="csv")):
        assert all(line in rows.split("\n") for line in part.split("\n"))
    code = "".join(f"def f{n}(x):\n    y = x\n\n    return y\n\n\n" for n in range(30))
    assert all(p.startswith("def") for p in texts(code, cut(code, 130, kept_as="code")))


def test_chinese_is_cut_at_its_sentences_and_no_line_begins_with_a_closing_mark() -> None:
    text = "船在载人之前要先在海上试航。发现的问题都会得到修正。" * 20
    assert all(part.endswith("。") for part in texts(text, cut(text, 70)))
    listed = "「海」、「船」、「人」、" * 30
    for part in texts(listed, cut(listed, 20, kind="fixed")):
        assert part[0] not in "」、"
        assert part[-1] != "「"


def test_what_is_repeated_begins_with_a_sentence_and_is_no_more_than_asked_for() -> None:
    text = SENTENCE * 12
    chunks = cut(text, 200, overlap=60)
    for one, other in pairwise(chunks):
        assert 0 < one.span.end - other.span.start <= 60
        assert text[other.span.start :].startswith("The ship")


def test_nothing_is_repeated_beyond_the_border_of_a_section() -> None:
    text = f"# One\n\n{SENTENCE * 3}\n\n# Two\n\n{SENTENCE * 3}"
    assert texts(text, cut(text, 170, overlap=60))[1].startswith("# Two")


def test_the_last_chunk_is_not_a_scrap() -> None:
    text = SENTENCE * 5
    lengths = [chunk.n_tokens for chunk in cut(text, 200)]
    assert len(lengths) == 2
    assert min(lengths) > 80


def test_parents_are_cut_first_and_chunks_within_them() -> None:
    text = "\n\n".join([SENTENCE * 4] * 9)
    chunks = cut(text, 100, parent=400)
    parents = sorted({chunk.parent for chunk in chunks})
    assert all(end - start <= 400 for start, end in parents)
    assert all(one.end <= other.start for one, other in pairwise(parents))
    assert all(c.parent.start <= c.span.start and c.span.end <= c.parent.end for c in chunks)


def test_fixed_fills_chunks_and_sentence_packs_whole_ones() -> None:
    text = SENTENCE * 40
    fixed = cut(text, 100, kind="fixed")
    assert sum(chunk.n_tokens > 90 for chunk in fixed) > len(fixed) - 3
    assert set(texts(text, cut(text, 100, kind="sentence"))) == {(SENTENCE * 2).strip()}


def test_a_name_tells_kind_sizes_and_unit() -> None:
    sizes = Sizes(length=60, overlap=6, parent=240)
    assert StructureChunker("recursive", sizes, Characters()).name == (
        "recursive 60+6 in 240 characters"
    )
    tokens = Tokens(PieceTokenizer())
    assert StructureChunker("fixed", Sizes(length=9), tokens).name == "fixed 9+0 fake-pieces"


@pytest.mark.parametrize("unit", [Characters(), Tokens(PieceTokenizer())], ids=["characters", "t"])
@pytest.mark.parametrize("line", ["word sea " * 555_556, "图x" * 2_500_000, "x" * 5_000_000])
def test_a_line_of_five_megabytes_is_cut_like_any(unit: Characters | Tokens, line: str) -> None:
    if isinstance(unit, Tokens):
        line = line[:300_000]  # the tokenizer here is slow; a real one takes all of it
    chunks = StructureChunker("recursive", Sizes(length=900), unit).chunks(document(line, "text"))
    assert chunks[-1].span.end == len(line.rstrip())
    assert all(chunk.n_tokens <= 900 for chunk in chunks)
    assert sum(chunk.span.end - chunk.span.start for chunk in chunks) >= len(line) - len(chunks)


@given(
    text=st.text(
        alphabet="aB1  .!?。，「」图é\u0301\n\r#|`-\u200d\U0001f469\U0001f3fd\ud800\u3000",
        max_size=200,
    ),
    length=st.integers(1, 30),
    overlap=st.integers(0, 14),
    parent=st.one_of(st.none(), st.integers(30, 90)),
    kind=st.sampled_from(["recursive", "sentence", "fixed"]),
    unit=st.sampled_from([Characters(), Tokens(PieceTokenizer()), Tokens(JoiningTokenizer())]),
)
def test_whatever_the_text_and_sizes_all_of_it_is_in_chunks_within_the_limit(
    text: str,
    length: int,
    overlap: int,
    parent: int | None,
    kind: Kind,
    unit: Characters | Tokens,
) -> None:
    sizes = Sizes(length=length, overlap=min(overlap, (length - 1) // 2), parent=parent)
    chunks = StructureChunker(kind, sizes, unit).chunks(document(text, "text"))
    covered = set()
    for chunk in chunks:
        start, end = chunk.span
        assert text[start:end].strip()
        assert chunk.parent.start <= start < end <= chunk.parent.end
        assert chunk.n_tokens <= length or end - start == 1
        covered.update(range(start, end))
    assert {at for at, mark in enumerate(text) if not mark.isspace()} <= covered
    assert [c.span.start for c in chunks] == sorted(c.span.start for c in chunks)

"""Sentences are spans that leave nothing out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.text.sentences import first_sentence_end, last_sentence_end, sentences


def said(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    "one",
    [
        "Dr. Who paid 3.5 kr. to example.com.",
        "It costs approx. 5 USD, e.g. at Smith & Sons Inc. of London.",
        "J. K. Rowling and George W. Bush met at 5 p.m. on Sept. 3.",
        "See Fig. 3 and No. 12 of vol. 2, pp. 4–5.",
        "The U.S. Army and Washington D.C. residents agreed.",
        "Smith et al. found it in E. coli.",
        "Well... maybe not.",
        "“Really?” he asked.",
        "Es gilt z.B. am 3. Mai bzw. später.",
        "1. First of all, wash your hands.",
        "a line of prose\nthat was wrapped\r\nthree times.",
        "我……不知道，３．５ 公里。",
        "「そうだ。」と彼は言った。",
        "### Why 3. is a heading. Really?",
        "| a. b | c. d |",
    ],
)
def test_a_mark_within_a_sentence_does_not_end_it(one: str) -> None:
    assert said(one) == [one]


@pytest.mark.parametrize(
    "several",
    [
        ["He came at 5 p.m.", "The door was shut."],
        ["It is sold by Apple Inc.", "They like it."],
        ["Is it?", "No.", "I think not!", "“So be it.”", "Then go."],
        ["hello there.", "this is all lower case.", "fine?", "yes."],
        ["He had apples, pears etc.", "However, she had none."],
        ["It was vitamin C.", "It helps."],
        ["The year was 1999.", "Nothing happened.[12]", "Then it did."],
        ["Wait…", "What was that?!", "(A cat.)", "Good."],
        ["今天天气很好。", "我们去公园吧！", "“好啊。”", "Dr. Wang 说 OK.", "走。"],
        ["これはペンです。", "はい！", "３つある｡", "本当？"],
        ["यह एक वाक्य है।", "दूसरा वाक्य।"],
        ["هل هذا سؤال؟", "نعم."],
    ],
)
def test_sentences_end_at_their_marks(several: list[str]) -> None:
    assert said(" ".join(several)) == several


@pytest.mark.parametrize(
    "rows",
    [
        ["Stock", "item: bolt M8; pieces: 1200", "item: gasket; pieces: 75"],
        ["Model | Watts", "K1 | 1800", "K2 | 2400"],
    ],
)
def test_rows_are_sentences_of_their_own(rows: list[str]) -> None:
    assert said("\n".join(rows)) == rows


def test_a_long_line_is_read_in_time_that_grows_with_it() -> None:
    text = "\n".join(["a: b " * 20_000, "a | " * 20_000, "x;" * 50_000] * 3)
    assert "".join("".join(said(text)).split()) == "".join(text.split())


def test_chinese_needs_no_space_between_sentences() -> None:
    assert said("第一句。第二句！」ok") == ["第一句。", "第二句！」", "ok"]


def test_a_space_that_was_lost_is_not_missed_where_words_tell() -> None:
    assert said("Results of the cell.This is new (or not).The end.") == [
        "Results of the cell.",
        "This is new (or not).",
        "The end.",
    ]
    code = "Call System.Out.println or node.Js now."
    assert said(code) == [code]


def test_headings_items_rows_and_paragraphs_of_markdown_stand_alone() -> None:
    parts = [
        "# Title",
        "Some text\nin two lines.",
        "- item one",
        "* item two, which\n  goes on",
        "1. first",
        "2. second",
        "| a | b |",
        "|---|---|",
        "> a quote",
    ]
    assert said("\n".join(parts)) == parts
    assert said("one\n\ntwo\r\n\r\nthree\n \t\nfour") == ["one", "two", "three", "four"]


@pytest.mark.parametrize(
    "many",
    ["." * 100_000, "a." * 50_000, "\n \n" * 30_000, "'\")" * 30_000, "#" * 100_000, "[1]" * 9999],
)
def test_no_text_makes_it_slow(many: str) -> None:
    assert len(sentences("x" + many + " end")) <= 2


@given(
    st.one_of(
        st.text(max_size=80), st.text(alphabet="aB1 .!?。\n”é\r\U0001f600#-|…\u2029[]", max_size=60)
    )
)
def test_every_character_that_is_not_white_space_lies_in_exactly_one(text: str) -> None:
    spans = sentences(text)
    inside = [at for start, end in spans for at in range(start, end)]
    assert inside == sorted(set(inside))
    assert {at for at, mark in enumerate(text) if not mark.isspace()} <= set(inside)
    assert all(text[start:end].strip() == text[start:end] != "" for start, end in spans)


def test_the_last_and_first_end_are_found_within_a_part() -> None:
    text = "One is here. Dr. Who is two! - three\n- four\n\nfive 六。七"
    assert last_sentence_end(text, 0, len(text)) == text.index("七")
    assert last_sentence_end(text, 0, text.index("- four")) == text.index("- four")
    assert last_sentence_end(text, 0, 17) == 12
    assert last_sentence_end(text, 12, 17) is None
    assert first_sentence_end(text, 0, len(text)) == 12
    assert first_sentence_end(text, 12, len(text)) == text.index(" - three")
    assert first_sentence_end(text, 0, 12) is None


@given(st.text(alphabet="aB1 .!?。\n”é#-", max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_an_end_that_is_found_lies_within_the_part(text: str, start: int, end: int) -> None:
    end = min(end, len(text))
    last, first = last_sentence_end(text, start, end), first_sentence_end(text, start, end)
    assert last is None or start < last <= end
    assert first is None or start < first < end
    assert first is None or (last is not None and first <= last)


@pytest.mark.parametrize(
    "rows",
    [
        ["Crew", "Name: Ana; Rank: Captain", "Name: Rui; Rank: Mate", "Name: Eva"],
        ["Service | Price", "Sail repair | 80 euros", "Hull paint | 450 euros. Or more. Ask."],
        ["Name: Ana; Rank: Captain", "Name: Rui; Rank: Mate", "All are at sea."],
    ],
)
def test_rows_of_tables_are_alone_as_loaders_write_them(rows):
    assert said("\n".join(rows)) == rows


def test_a_long_row_has_its_sentences():
    rows = [f"Question: What is {n}? Answer: {'It is so. ' * 50}" for n in range(2)]
    found = said("\n".join(rows))
    assert len(found) > 90
    assert not any("\n" in one for one in found)


def test_wrapped_prose_with_a_colon_or_a_bar_is_no_row():
    text = "The Normans (French: Normands;\nLatin: Normanni) ruled | and\nwere many."
    assert said(text) == [text]


@given(st.text(alphabet="ab AB.!?\n\"')]([12] Fig", max_size=60))
def test_a_text_in_ascii_is_broken_where_another_is(text: str) -> None:
    in_ascii, other = f"{text}\n\nZb", f"{text}\n\nZ\u00e9"
    assert sentences(in_ascii) == sentences(other)
    assert last_sentence_end(in_ascii, 0, len(other)) == last_sentence_end(other, 0, len(other))

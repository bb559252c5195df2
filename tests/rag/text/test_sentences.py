"""Sentences are spans that leave nothing out."""

from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.text.sentences import sentences


def test_marks_of_latin_and_chinese_end_sentences_and_abbreviations_do_not() -> None:
    text = "Dr. Who paid 3.5 kr. Really? “Yes.”\n\nNext 第一句。第二句！」ok"
    assert [text[start:end] for start, end in sentences(text)] == [
        "Dr. Who paid 3.5 kr.",
        "Really?",
        "“Yes.”",
        "Next 第一句。",
        "第二句！」",
        "ok",
    ]


@given(st.text(alphabet="aB1 .!?。\n”é\r\U0001f600", max_size=60))
def test_every_character_that_is_not_white_space_lies_in_exactly_one(text: str) -> None:
    spans = sentences(text)
    inside = [at for start, end in spans for at in range(start, end)]
    assert len(inside) == len(set(inside))
    assert {at for at, mark in enumerate(text) if not mark.isspace()} <= set(inside)
    assert all(text[start:end].strip() == text[start:end] != "" for start, end in spans)

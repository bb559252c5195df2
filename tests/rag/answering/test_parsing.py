import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.answering.parsing import spans_of, with_citations, written_sentences


def read(text):
    return [(one.text, one.cited) for one in written_sentences(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Rollo led them [1]. They came in 911 [2][3].",
        "Rollo led them. [1] They came in 911. [2, 3]",
        "Rollo led them.[1] They came in 911.[2][3]",
        "Rollo led them 【1】. They came in 911 [2-3].",
        "Rollo [1] led them. They [2] came in 911 [^3].",
    ],
)
def test_citations_are_read_wherever_they_stand(text):
    assert read(text) == [("Rollo led them.", (1,)), ("They came in 911.", (2, 3))]


def test_chinese_sentences_and_their_citations():
    assert read("罗洛是首领[1]。他们于911年到达。[2] 没有来源。") == [
        ("罗洛是首领。", (1,)),
        ("他们于911年到达。", (2,)),
        ("没有来源。", ()),
    ]


def test_a_list_keeps_its_marks_apart_from_what_is_said():
    found = written_sentences("They were:\n\n- brave [1].\n- many [2].\n1. tall [3].")
    assert [(one.text, one.cited) for one in found] == [
        ("They were:", ()),
        ("brave.", (1,)),
        ("many.", (2,)),
        ("tall.", (3,)),
    ]
    assert [one.before for one in found] == ["", "\n\n- ", "\n- ", "\n1. "]


def test_a_citation_alone_belongs_to_the_sentence_before():
    assert read("Rollo led them.\n\n[2]") == [("Rollo led them.", (2,))]
    assert read("[2]") == []


def test_an_endless_range_is_read_as_its_ends():
    assert read("So it is [1-999].") == [("So it is.", (1, 999))]


@pytest.mark.parametrize(
    ("text", "numbers", "expected"),
    [
        ("Rollo led them.", (1, 2), "Rollo led them [1][2]."),
        ("罗洛是首领。", (3,), "罗洛是首领[3]。"),
        ("No mark", (1,), "No mark [1]"),
        ("Really?!", (1,), "Really [1]?!"),
        ("As it was.", (), "As it was."),
    ],
)
def test_citations_stand_before_the_last_mark(text, numbers, expected):
    assert with_citations(text, numbers) == expected
    if numbers:
        assert read(expected) == [(text, numbers)]


@given(st.lists(st.tuples(st.sampled_from(["", " ", "\n\n- "]), st.text(min_size=1, max_size=20))))
def test_spans_are_those_of_the_pieces(pieces):
    text, spans = spans_of(pieces)
    assert [text[start:end] for start, end in spans] == [piece for _, piece in pieces]


@given(st.text(alphabet="ab.。![]123 \n-*,", max_size=200))
def test_no_text_breaks_the_reading(text):
    for one in written_sentences(text):
        assert any(char.isalnum() for char in one.text)


@pytest.mark.parametrize("unit", [" ", ".", "[1", "[1 ", "[1]", "- ", "1,", "。", ". [1]", "\n"])
def test_a_long_answer_takes_no_longer_than_its_length(unit, cpu_seconds):
    with cpu_seconds(at_most=4):
        written_sentences("a" + unit * (100_000 // len(unit)))

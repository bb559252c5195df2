"""What is marked of texts, and that no character of them is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.knowledge.desk import Surroundings
from seatrial.web.console.knowledge_marks import (
    Linked,
    Piece,
    asked_words,
    extract,
    linked,
    marked,
    quotation,
)

ASKED = (
    ("Which employees leave?", "en", "An employee is leaving. Leave it.", "employee leaving Leave"),
    ("What is the annual leave?", "en", "What is it? The leave.", "leave"),
    ("员工有多少天年假？", "zh", "每名员工享有年假。", "员工 年假"),
    ("税", "zh", "所得税率为百分之五。", "税"),
    ("Où est l'été?", "fr", "Un ETE chaud", "ETE"),
)


def marks(pieces: list[Piece]) -> str:
    return " ".join(one.text for one in pieces if one.marked)


@pytest.mark.parametrize(("question", "language", "text", "said"), ASKED)
def test_words_of_the_question_are_marked_in_any_form(
    question: str, language: str, text: str, said: str
) -> None:
    assert marks(marked(text, asked_words(text, question, language))) == said


@given(st.text(), st.text(), st.sampled_from(["en", "zh", None]))
def test_marking_changes_no_character(text: str, question: str, language: str | None) -> None:
    pieces = marked(text, asked_words(text, question, language))
    assert "".join(one.text for one in pieces) == text
    assert all(one.text for one in pieces)


@given(st.text(st.sampled_from("ab c年假 "), max_size=3_000), st.text(max_size=20))
def test_an_extract_and_its_rest_are_the_whole_passage(text: str, question: str) -> None:
    found = extract(text, question, None)
    assert "".join(one.text for one in (*found.first, *found.rest)) == text


def test_what_is_folded_away_is_unfolded_where_all_marks_are_in_it() -> None:
    filler = "nothing of it here " * 60
    late = extract(filler + "but leave is.", "leave", "en")
    assert late.unfold
    assert sum(len(one.text) for one in late.first) < 1_100
    assert not extract("leave. " + filler + "leave.", "leave", "en").unfold
    assert not extract("leave.", "leave", "en").rest


def test_a_quotation_stands_in_whole_words() -> None:
    around = Surroundings(
        before="alf of it. So ", after=" And it is\n\nmor", begins=False, ends=False
    )
    said = quotation("It is.", around)
    assert (said.before, said.quoted, said.after) == ("…of it. So ", "It is.", " And it is…")
    whole = Surroundings(before="First ", after=" last", begins=True, ends=True)
    assert quotation("it", whole).before == "First "
    assert quotation("it", whole).after == " last"
    assert quotation("it", None).after == ""


def test_only_numbers_of_citations_become_links() -> None:
    assert linked("It is [1], not [7][2].", [1, 2]) == [
        Linked("It is ", None),
        Linked("[1]", 1),
        Linked(", not [7]", None),
        Linked("[2]", 2),
        Linked(".", None),
    ]


@given(st.text(st.sampled_from("[]123 a")))
def test_linking_changes_no_character(text: str) -> None:
    assert "".join(one.text for one in linked(text, [1, 12])) == text

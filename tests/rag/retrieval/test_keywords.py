"""Words that only ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.retrieval.keywords import keywords


@pytest.mark.parametrize(
    ("question", "language", "words"),
    [
        ("What was the name of the leader?", "en", ["name", "leader?"]),
        ("Who wrote C++ code for IT at the WHO?", "en", ["wrote", "C++", "code", "IT", "WHO?"]),
        ("Who is state-of-the-art-in-what-and-where-of-2026?", "en", ["state---art------2026?"]),
        ("战国无双3是由哪两个公司合作开发的？", "zh", ["战国无双3是由", "两个公司合作开发的？"]),
        ("几何是什么？", "zh", ["几何是", "？"]),
        ("有几个人？", "zh", ["有", "个人？"]),
        ("誰是作者？", "zh", ["是作者？"]),
        ("Wie viele Menschen arbeiten bei uns?", "de", ["Menschen", "arbeiten", "?"]),
        ("Was gibt es im Café für meine Gäste?", "de", ["Café", "Gäste?"]),
        ("Bis wann muss ich die IT fragen?", "de", ["IT", "fragen?"]),
        (
            "Qu'est-ce que l'entreprise a fait jusqu'ici ?",
            "fr",
            ["-", "entreprise", "fait", "ici", "?"],
        ),
        ("How do I make it if you're not at your desk?", "en", ["make", "desk?"]),
        ("Come si può cambiare dell'installazione?", "it", ["può", "cambiare", "installazione?"]),
        ("Hoe kan ik de lijst van IN zien?", "nl", ["lijst", "IN", "zien?"]),
        ("¿Cómo se instala el sistema?", "es", ["¿", "instala", "sistema?"]),
        ("どのようにインストールしますか?", "ja", ["インストールし", "?"]),
        ("Où puis-je trouver l’ascenseur ?", "fr", ["-", "trouver", "ascenseur", "?"]),
    ],
)
def test_words_that_ask_are_cut(question, language, words):
    assert keywords(question, language).split() == words


@pytest.mark.parametrize(
    ("question", "language"),
    [("Who is it?", "en"), ("什么？", "zh"), ("Wer bist du?", "de"), ("Qui es-tu ?", "fr")],
)
def test_a_question_of_nothing_else_stays_whole(question, language):
    assert keywords(question, language) == question


def test_other_languages_are_left_alone():
    assert keywords("Vad är det för hus?", "sv") == "Vad är det för hus?"
    assert keywords("What is it", None) == "What is it"


@given(st.text(max_size=60), st.sampled_from(["en", "de", "fr", "zh", "it", "ja", None]))
def test_nothing_is_added(question, language):
    left = iter(question)
    assert all(letter in left for letter in keywords(question, language) if letter != " ")


@given(st.text("xz'’_-. \n9\u0301", max_size=60))
def test_what_does_not_ask_stays_as_it_is(question):
    assert keywords(question, "en") == question

import pytest

from seatrial.rag.answering.question import Sought, offers, sought_by


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When did Rollo come?", Sought.TIME),
        ("In what year did he die?", Sought.TIME),
        ("它是什么时候发售的？", Sought.TIME),
        ("哪一年发售？", Sought.TIME),
        ("How many ships did not return?", Sought.NUMBER),
        ("What percentage of sales?", Sought.NUMBER),
        ("有多少张地图？", Sought.NUMBER),
        ("几个人参加？", Sought.NUMBER),
        ("Who led the Normans?", Sought.NAME),
        ("Which country is Normandy in?", Sought.NAME),
        ("制作人是谁？", Sought.NAME),
        ("他在哪里出生？", Sought.NAME),
        ("Why is the sky blue?", Sought.ANYTHING),
        ("天空为什么是蓝色的？", Sought.ANYTHING),
    ],
)
def test_the_kind_of_answer(question, kind):
    assert sought_by(question) is kind


@pytest.mark.parametrize(
    ("sentence", "kind", "has"),
    [
        ("He came in 911.", Sought.TIME, True),
        ("It was in the tenth century.", Sought.TIME, True),
        ("He came late.", Sought.TIME, False),
        ("于2009年12月3日发售。", Sought.TIME, True),
        ("About 1,000 ships came.", Sought.NUMBER, True),
        ("Ships came.", Sought.NUMBER, False),
        ("He was led by Rollo.", Sought.NAME, True),
        ("He was led by a man.", Sought.NAME, False),
        ("Anything.", Sought.ANYTHING, True),
    ],
)
def test_a_sentence_offers_it_or_not(sentence, kind, has):
    assert offers(sentence, kind, frozenset()) is has


def test_what_the_question_names_itself_is_no_answer():
    assert not offers("Then came Rollo.", Sought.NAME, frozenset({"rollo"}))

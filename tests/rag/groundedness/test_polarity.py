import pytest

from seatrial.rag.groundedness.polarity import denied, opposites, turned_round


@pytest.mark.parametrize(
    ("sentence", "evidence", "word"),
    [
        ("He never won the cup.", "He won the cup in 1999.", "cup"),
        ("The bridge wasn't destroyed.", "The bridge was destroyed by fire.", "destroyed"),
        ("The bridge was destroyed.", "The bridge was not destroyed.", "destroyed"),
        ("Die Brücke wurde nicht zerstört.", "Die Brücke wurde zerstört.", "zerstört"),
        ("Das Programm öffnet die Datei nicht.", "Das Programm öffnet die Datei.", "Programm"),
        ("Le pont n'est pas détruit.", "Le pont est détruit.", "détruit"),
        ("El puente nunca fue destruido.", "El puente fue destruido.", "destruido"),
        ("Il ponte non è distrutto.", "Il ponte è distrutto.", "distrutto"),
        ("Мост не разрушен.", "Мост разрушен.", "разрушен"),
        ("该公司没有盈利。", "该公司盈利了三年。", "盈利"),
        ("该公司盈利。", "该公司从未盈利。", "盈利"),
    ],
)
def test_one_denies_what_the_other_says(sentence, evidence, word):
    assert denied(sentence, evidence) == word


@pytest.mark.parametrize(
    ("sentence", "evidence"),
    [
        ("He never won the cup.", "He did not win the cup."),
        ("The bridge burned.", "The bridge burned, not the tower."),
        ("Not only the bridge burned.", "The bridge burned."),
        ("Nicht nur die Brücke brannte.", "Die Brücke brannte."),
        ("Leur non-conformité dure.", "Leur conformité dure."),
        ("他不仅来了巴黎。", "他来了巴黎。"),
        ("不同的桥梁倒塌了。", "桥梁倒塌了。"),
        ("他不得不离开巴黎。", "他离开巴黎。"),
    ],
)
def test_both_deny_or_neither_does(sentence, evidence):
    assert denied(sentence, evidence) is None


@pytest.mark.parametrize(
    ("sentence", "evidence", "pair"),
    [
        ("Sales increased in Norway.", "Sales in Norway decreased.", ("increas", "decreas")),
        ("销量增加了。", "销量减少了。", ("增加", "减少")),
        ("Open the last page.", "Open the first page.", ("last", "first")),
        ("请打开右键菜单。", "请打开左键菜单。", ("右键", "左键")),
        ("公司支持该法案。", "公司反对该法案。", ("支持", "反对")),
    ],
)
def test_an_opposite_stands_in_its_place(sentence, evidence, pair):
    assert opposites(sentence, evidence) == pair


def test_an_opposite_elsewhere_in_the_evidence_is_none():
    evidence = "Sales rose in Norway, while the weather was bad and costs decreased."
    assert opposites("Sales increased in Norway.", evidence) is None
    assert opposites("Sales increased.", "Sales increased, then decreased.") is None


@pytest.mark.parametrize(
    ("sentence", "evidence", "turned"),
    [
        ("Mercury is smaller than Mars.", "Mars is smaller than Mercury.", True),
        ("Mercury is smaller than Mars.", "The planet Mercury is smaller than Mars.", False),
        ("长江比黄河长。", "黄河比长江长。", True),
        ("长江比黄河长。", "长江比黄河更长。", False),
        ("Mercury is small.", "Mars is smaller than Mercury.", False),
    ],
)
def test_a_comparison_turned_round(sentence, evidence, turned):
    assert turned_round(sentence, [evidence]) is turned

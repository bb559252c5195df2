import msgspec
import numpy as np
import pytest

from seatrial.rag.answering.confidence import confidence, vector_signals, word_signals
from seatrial.rag.retrieval.found import DenseUse, Retrieved

MINILM = "all-minilm-l6-v2/int8"


def even(words):
    """Of a corpus in which every word is as rare as any."""
    return np.full(len(words), 3.0)


def found(passages, **changes):
    return [msgspec.structs.replace(one.best, **changes) for one in passages]


def texts(passages, *wanted, cosines=()):
    """What was found: passages with these texts, and cosines where there are any."""
    best = passages[0].best
    return [
        msgspec.structs.replace(
            best,
            passage=msgspec.structs.replace(best.passage, title="", text=text),
            dense=cosines[place] if cosines else None,
        )
        for place, text in enumerate(wanted)
    ]


def judged(question, language, hits, *, embedder=MINILM, use=DenseUse.FULL):
    retrieved = Retrieved(
        questions=(question,),
        language=language,
        found=tuple(hits),
        dense_use=use,
        index="docs",
        version=1,
    )
    return confidence(question, retrieved, embedder=embedder, idf=even)


@pytest.mark.parametrize("dense", [None, 0.6])
@pytest.mark.parametrize(
    ("question", "language"),
    [("Who was the leader of the Norse raiders?", "en"), ("《战国无双3》有多少张战场地图？", "zh")],
)
def test_a_question_of_the_corpus_is_answered(passages, question, language, dense):
    sure = judged(question, language, found(passages, lexical=12.0, dense=dense))
    assert sure.answers
    assert sure.probability > 0.5


@pytest.mark.parametrize("dense", [None, 0.1])
@pytest.mark.parametrize(
    ("question", "language"),
    [("What is the boiling point of mercury?", "en"), ("光合作用在哪里发生？", "zh")],
)
def test_a_foreign_question_is_not(passages, question, language, dense):
    sure = judged(question, language, found(passages, lexical=0.5, dense=dense))
    assert not sure.answers
    assert sure.probability < 0.1


@pytest.mark.parametrize(
    ("embedder", "use", "looked_at"),
    [
        (MINILM, DenseUse.FULL, True),
        (MINILM, DenseUse.WEAK, False),
        (MINILM, DenseUse.LAST_RESORT, False),
        (None, DenseUse.FULL, False),
        ("multilingual-e5-small", DenseUse.FULL, False),
    ],
)
def test_cosines_that_mean_something_else_are_not_looked_at(passages, embedder, use, looked_at):
    sure = judged("Who?", "en", found(passages, dense=0.99), embedder=embedder, use=use)
    assert ("dense" in sure.signals) == looked_at


def test_nothing_found_answers_nothing():
    sure = judged("Who?", "en", [])
    assert (sure.probability, sure.answers) == (0.0, False)


@pytest.mark.parametrize("question", ["?", "red"])
def test_a_question_of_no_word_or_one_is_judged(passages, question):
    for dense in (None, 0.3):
        assert 0 <= judged(question, "en", found(passages, dense=dense)).probability <= 1


def test_more_of_a_question_in_one_passage_is_more_confidence(passages):
    def shares(*held):
        told = word_signals("red fox river", "en", texts(passages, *held), even)
        return [told["share"], told["together"]]

    assert shares("a red fox at the river") == pytest.approx([1, 1])
    assert all(0 < share < 1 for share in shares("a red fox", "the river"))
    assert shares("nothing") == [0, 0]


def test_a_word_that_no_passage_of_the_corpus_has_weighs_most(passages):
    def rare(words):
        return np.array([8.0 if word == "wolf" else 1.0 for word in words])

    held = texts(passages, "a fox")
    assert word_signals("wolf fox", "en", held, rare)["share"] < 0.2
    assert word_signals("wolf fox", "en", held, even)["share"] == pytest.approx(0.5, abs=0.1)


def test_neighbouring_words_count_where_they_are_neighbours(passages):
    def pairs(text):
        return word_signals("red fox river", "en", texts(passages, text), even)["pairs"]

    assert pairs("the red fox river runs dry") == 1
    assert pairs("a fox that is red at a river") == 0


def test_bm25_is_told_as_a_share_of_what_it_could_be(passages):
    hits = [msgspec.structs.replace(texts(passages, "a red fox")[0], lexical=6.0)]
    assert word_signals("red fox", "en", hits, even)["lexical"] == pytest.approx(1.0)


def test_words_and_vectors_agree_where_the_passage_that_holds_most_is_near(passages):
    question = "red fox river"
    agreeing = texts(passages, "a red fox", "nothing", cosines=(0.7, 0.2))
    not_agreeing = texts(passages, "a red fox", "nothing", cosines=(0.2, 0.7))
    assert vector_signals(question, "en", agreeing, even)["near"] == 0.7
    told = vector_signals(question, "en", not_agreeing, even)
    assert (told["dense"], told["near"]) == (0.7, 0.2)
    assert (
        judged(question, "en", agreeing).probability
        > judged(question, "en", not_agreeing).probability
    )

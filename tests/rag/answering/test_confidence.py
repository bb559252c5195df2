import msgspec
import pytest

from seatrial.rag.answering.confidence import WORDS, confidence
from seatrial.rag.retrieval.found import DenseUse, Retrieved
from tests.rag.answering.hits import even, texts

MINILM = "all-minilm-l6-v2/int8.2"


def found(passages, **changes):
    return [msgspec.structs.replace(one.best, **changes) for one in passages]


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


def test_words_and_vectors_that_agree_are_more_confidence(passages):
    question = "red fox river"
    agreeing = texts(passages, "a red fox", "nothing", cosines=(0.7, 0.2))
    not_agreeing = texts(passages, "a red fox", "nothing", cosines=(0.2, 0.7))
    assert (
        judged(question, "en", agreeing).probability
        > judged(question, "en", not_agreeing).probability
    )


@pytest.mark.parametrize(
    ("language", "looked_at"),
    [("zh", {"covered", "threes", "apart", "named"}), ("ja", WORDS), (None, WORDS)],
)
def test_characters_count_where_the_question_is_in_chinese(passages, language, looked_at):
    sure = judged("战国无双", language, found(passages, lexical=3.0))
    assert set(sure.signals) == set(looked_at)

import msgspec
import pytest

from seatrial.rag.answering.confidence import confidence, question_signals


def found(passages, **changes):
    return [msgspec.structs.replace(one.best, **changes) for one in passages]


@pytest.mark.parametrize("dense", [None, 0.6])
@pytest.mark.parametrize(
    ("question", "language"),
    [("Who was the leader of the Norse raiders?", "en"), ("《战国无双3》有多少张战场地图？", "zh")],
)
def test_a_question_of_the_corpus_is_answered(passages, question, language, dense):
    sure = confidence(
        question,
        language,
        found(passages, lexical=12.0, dense=dense),
        embedder="all-minilm-l6-v2/int8",
    )
    assert sure.answers
    assert sure.probability > 0.5


@pytest.mark.parametrize("dense", [None, 0.1])
@pytest.mark.parametrize(
    ("question", "language"),
    [("What is the boiling point of mercury?", "en"), ("光合作用在哪里发生？", "zh")],
)
def test_a_foreign_question_is_not(passages, question, language, dense):
    sure = confidence(
        question,
        language,
        found(passages, lexical=0.5, dense=dense),
        embedder="all-minilm-l6-v2/int8",
    )
    assert not sure.answers
    assert sure.probability < 0.25


def test_cosines_of_other_embedders_are_not_looked_at(passages):
    near = found(passages, dense=0.99)
    for embedder in (None, "multilingual-e5-small"):
        assert "dense" not in confidence("Who?", "en", near, embedder=embedder).signals
    assert "dense" in confidence("Who?", "en", near, embedder="all-minilm-l6-v2/fp32").signals


def test_nothing_found_answers_nothing():
    sure = confidence("Who?", "en", [], embedder=None)
    assert (sure.probability, sure.answers) == (0.0, False)


def test_more_of_a_question_in_one_passage_is_more_confidence():
    def together(*texts):
        passages = [("", text) for text in texts]
        return question_signals("red fox river", "en", passages, bm25=1, dense=None)["together"]

    assert together("a red fox at the river") == pytest.approx(1)
    assert together("a red fox", "the river") < 1
    assert together("nothing") == 0

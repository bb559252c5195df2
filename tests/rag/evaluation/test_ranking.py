"""Scoring what a search finds."""

import pytest

from seatrial.rag.evaluation.evaluation import Metric
from seatrial.rag.evaluation.questions import Question, QuestionsInvalid
from seatrial.rag.evaluation.ranking import evaluate_retrieval
from seatrial.rag.index.passage import Passage
from seatrial.rag.retrieval.found import DenseUse, Found, Retrieved
from seatrial.rag.text.document import Span


def retrieved(documents):
    passages = [
        Passage(
            key=key, document=name, title="", source="", language=None, metadata={},
            span=Span(0, 1), text="x", parent=Span(0, 1), parent_text="x", n_tokens=1,
        )
        for key, name in enumerate(documents)
    ]  # fmt: skip
    return Retrieved(
        questions=("q",),
        language="en",
        found=tuple(Found(passage=passage, score=0.5) for passage in passages),
        dense_use=DenseUse.FULL,
        index="kb",
        version=3,
        seconds={"dense": 0.25, "fuse": 0.25},
    )


QUESTIONS = [
    Question(id="1", text="first", relevant={"b": 1}),
    Question(id="2", text="second", relevant={"a": 1, "z": 1}),
    Question(id="3", text="nobody judged"),
    Question(id="4", text="unanswerable", relevant={"a": 1}, answerable=False),
]


def test_a_document_stands_where_its_first_passage_does():
    evaluation = evaluate_retrieval(
        lambda text: retrieved(["a", "a", "b", "b", "c"]), QUESTIONS, name="all", k=2
    )
    assert evaluation.scores[Metric.RECIPROCAL_RANK] == {"1": 0.5, "2": 1.0}
    assert evaluation.scores[Metric.RECALL] == {"1": 1.0, "2": 0.5}
    assert evaluation.scores[Metric.PRECISION] == {"1": 0.5, "2": 0.5}
    assert evaluation.scores[Metric.NDCG]["1"] == pytest.approx(0.6309, abs=1e-4)
    assert (evaluation.index, evaluation.version, evaluation.k) == ("kb", 3, 2)
    assert evaluation.mean(Metric.RECALL).mean == pytest.approx(0.75)
    assert evaluation.quantile(Metric.SECONDS, 0.95) == pytest.approx(0.5)
    assert evaluation.worst(Metric.RECALL, 1) == [("2", 0.5)]
    assert evaluation.mean(Metric.F1) is None


def test_without_a_judged_question_there_is_nothing_to_score():
    with pytest.raises(QuestionsInvalid, match="None of 2 questions"):
        evaluate_retrieval(lambda text: retrieved([]), QUESTIONS[2:], name="none")

"""Asks the questions of a set and scores what is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from seatrial.rag.evaluation.evaluation import Evaluation, Metric
from seatrial.rag.evaluation.metrics import ndcg, precision, recall, reciprocal_rank
from seatrial.rag.evaluation.questions import Question, QuestionsInvalid
from seatrial.rag.retrieval.found import Found, Retrieved

_RANKED = {
    Metric.NDCG: ndcg,
    Metric.RECALL: recall,
    Metric.PRECISION: precision,
    Metric.RECIPROCAL_RANK: reciprocal_rank,
}


def documents_of(found: Iterable[Found]) -> list[str]:
    """The documents of passages in the order in which each was found first."""
    return list(dict.fromkeys(one.passage.document for one in found))


def judged(questions: Iterable[Question]) -> list[Question]:
    """The questions that rankings are scored by: answerable, with a relevant document."""
    return [question for question in questions if question.answerable and question.relevant]


def evaluate_retrieval(
    search: Callable[[str], Retrieved], questions: Sequence[Question], *, name: str, k: int = 10
) -> Evaluation:
    """Rankings of documents against judgements.

    A document stands where its first passage was found. To fill k places where documents have
    several chunks, search for more than k passages.

    Args:
        search: of the version that is evaluated.
        questions: those that nobody judged are left out.
        k: documents of a ranking that count, >= 1.
    Raises: QuestionsInvalid, where no question is judged; whatever the search raises.
    """
    asked = judged(questions)
    if not asked:
        raise QuestionsInvalid(
            f"None of {len(questions)} questions names a document that answers it.",
            remedy="Give each question its `documents`.",
        )
    scores: dict[Metric, dict[str, float]] = {metric: {} for metric in (*_RANKED, Metric.SECONDS)}
    for question in asked:
        retrieved = search(question.text)
        ranking = documents_of(retrieved.found)
        for metric, function in _RANKED.items():
            scores[metric][question.id] = function(ranking, question.relevant, k)
        scores[Metric.SECONDS][question.id] = sum(retrieved.seconds.values())
    return Evaluation(
        name=name,
        index=retrieved.index,
        version=retrieved.version,
        k=k,
        scores=scores,
        texts={question.id: question.text for question in asked},
    )

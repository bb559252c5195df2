"""Scores replies: what they cite, whether it supports them, and when they refuse."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from seatrial.rag.answering.reply import Reply
from seatrial.rag.evaluation.evaluation import Evaluation, Metric
from seatrial.rag.evaluation.questions import Question, QuestionsInvalid
from seatrial.rag.groundedness.verdict import Support
from seatrial.rag.text.words import terms
from seatrial.stats.roc import RocAuc, roc_auc

_ARTICLE = frozenset({"a", "an", "the"})
_NUMBER = re.compile(r"\[\d+\]")


def evaluate_answers(
    replies: Sequence[tuple[Question, Reply]], text_of: Callable[[str], str], *, name: str
) -> Evaluation:
    """Replies to a set of questions.

    - ``citation_precision``: share of the cited documents that are relevant;
      ``citation_recall``: share of the relevant documents that are cited; of replies that answer.
    - ``citation_exact``: share of the citations whose text is what their document has there.
    - ``groundedness``: share of the sentences shown that claim something and are supported;
      ``withheld``: share of all sentences that were kept back.
    - ``exact_match`` and ``f1`` of the words, against the best of the known answers; a refusal of
      an answerable question gets 0.
    - ``false_refusal``: of answerable questions; ``refusal``: of those that are not answerable.
    - ``abstention``: the area under the ROC curve of `Reply.confidence`.

    Args:
        text_of: the text of a document, by id.
    Raises: QuestionsInvalid, without a reply; whatever `text_of` raises.
    Source: Rajpurkar et al. 2016, SQuAD, section 6.1, for exact match and F1.
    """
    if not replies:
        raise QuestionsInvalid("There is no reply to score.", remedy="Ask at least one question.")
    scores: dict[Metric, dict[str, float]] = {}
    for question, reply in replies:
        for metric, score in _scores(question, reply, text_of).items():
            scores.setdefault(metric, {})[question.id] = score
    first = replies[0][1]
    return Evaluation(
        name=name,
        index=first.index,
        version=first.version,
        k=0,
        scores=scores,
        texts={question.id: question.text for question, _ in replies},
        abstention=_abstention(replies),
    )


def _scores(question: Question, reply: Reply, text_of: Callable[[str], str]) -> dict[Metric, float]:
    refused = float(reply.refusal is not None)
    scores = {Metric.SECONDS: sum(reply.seconds.values())}
    if question.answerable:
        scores[Metric.FALSE_REFUSAL] = refused
        if question.answers:
            said = "" if refused else _NUMBER.sub(" ", reply.text)
            scores[Metric.F1] = max(f1(said, answer) for answer in question.answers)
            scores[Metric.EXACT_MATCH] = max(exact(said, answer) for answer in question.answers)
    else:
        scores[Metric.REFUSAL] = refused
    if not refused:
        scores |= _cited(question, reply, text_of) | _supported(reply)
    return scores


def _cited(question: Question, reply: Reply, text_of: Callable[[str], str]) -> dict[Metric, float]:
    used = {number for sentence in reply.sentences for number in sentence.citations}
    citations = [citation for citation in reply.citations if citation.number in used]
    scores = {}
    if citations:
        scores[Metric.CITATION_EXACT] = sum(
            text_of(one.document)[one.span.start : one.span.end] == one.text for one in citations
        ) / len(citations)
    if question.answerable and question.relevant:
        cited = {citation.document for citation in citations}
        right = len(cited & set(question.relevant))
        scores[Metric.CITATION_RECALL] = right / len(question.relevant)
        if cited:
            scores[Metric.CITATION_PRECISION] = right / len(cited)
    return scores


def _supported(reply: Reply) -> dict[Metric, float]:
    claims = [
        sentence
        for sentence in reply.sentences
        if sentence.verdict.support is not Support.NOTHING_SAID
    ]
    shown = [sentence for sentence in claims if not sentence.withheld]
    scores = {}
    if claims:
        scores[Metric.WITHHELD] = 1 - len(shown) / len(claims)
    if shown:
        scores[Metric.GROUNDEDNESS] = sum(
            sentence.verdict.support is Support.SUPPORTED for sentence in shown
        ) / len(shown)
    return scores


def exact(said: str, answer: str) -> float:
    """1 where both are the same words in the same order, articles aside; else 0."""
    return float(_words(said) == _words(answer))


def f1(said: str, answer: str) -> float:
    """Harmonic mean in [0, 1] of the shares of words that two texts have in common."""
    one, other = _words(said), _words(answer)
    common = sum((Counter(one) & Counter(other)).values())
    if not common:
        return float(one == other)
    return 2 * common / (len(one) + len(other))


def _words(text: str) -> list[str]:
    return [word for word in terms(text) if word not in _ARTICLE]


def _abstention(replies: Sequence[tuple[Question, Reply]]) -> RocAuc | None:
    confidence: dict[bool, list[float]] = {True: [], False: []}
    for question, reply in replies:
        confidence[question.answerable].append(reply.confidence)
    if min(map(len, confidence.values())) < 2:
        return None
    return roc_auc(confidence[False], confidence[True])

"""From what was found and answered to the reply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from seatrial.gateway.routes.gateway import NOBODY, Caller
from seatrial.rag.answering.answerer import Answered, Answerer
from seatrial.rag.answering.citations import Outlines, placed
from seatrial.rag.answering.confidence import confidence
from seatrial.rag.answering.refusals import refused
from seatrial.rag.answering.reply import Refusal, Reply
from seatrial.rag.answering.signals import Idf
from seatrial.rag.retrieval.found import ContextPassage, Retrieved
from seatrial.rag.retrieval.rewriting import Rewriting


async def reply(
    retrieved: Retrieved,
    passages: Sequence[ContextPassage],
    answerer: Answerer,
    *,
    embedder: str | None,
    idf: Idf,
    outlines: Outlines,
    clock: Callable[[], float],
    refuse: bool = True,
    caller: Caller = NOBODY,
) -> Reply:
    """Answer a question, or refuse it.

    Args:
        retrieved: what was found.
        passages: the context that was packed of it.
        embedder: the name of the index's; None for one without vectors.
        idf, outlines: of the index that was searched.
        clock: in s, for timings.
        refuse: whether nobody is asked where what was found most likely answers nothing.
    Raises: as `Answerer.answer`.
    """
    question = retrieved.questions[0]
    began = clock()
    sure = max(  # what was found by other words need not hold the question's own
        (
            confidence(wording, retrieved, embedder=embedder, idf=idf)
            for wording in retrieved.questions
        ),
        key=lambda one: (one.answers, one.probability),
    )
    judged = clock()
    if not passages:
        answered = refused(question, Refusal.NOTHING_FOUND)
    elif refuse and not sure.answers:
        answered = refused(question, Refusal.NOT_ANSWERED)
    else:
        answered = await answerer.answer(question, passages, caller=caller)
    n_tokens, cost_usd = _spent(answered, retrieved.rewriting)
    seconds = {"confidence": judged - began, "answer": clock() - judged}
    return Reply(
        question=question,
        text=answered.text,
        refusal=answered.refusal,
        sentences=answered.sentences,
        citations=placed(answered.citations, passages, outlines),
        confidence=sure.probability,
        index=retrieved.index,
        version=retrieved.version,
        answered_by=answerer.name,
        n_tokens=n_tokens,
        cost_usd=cost_usd,
        rewriting=retrieved.rewriting,
        seconds={**retrieved.seconds, **seconds},
    )


def _spent(
    answered: Answered, rewriting: Rewriting | None
) -> tuple[Mapping[str, int], Decimal | None]:
    """Tokens and cost of the answer and of what was searched for it."""
    if rewriting is None:
        return answered.n_tokens, answered.cost_usd
    tokens = Counter(answered.n_tokens) + Counter(rewriting.n_tokens)
    if answered.cost_usd is None or rewriting.cost_usd is None:
        return tokens, None
    return tokens, answered.cost_usd + rewriting.cost_usd

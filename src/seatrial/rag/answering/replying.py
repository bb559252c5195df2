"""From what was found and answered to the reply."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from seatrial.gateway.routes.gateway import NOBODY, Caller
from seatrial.rag.answering.answerer import Answerer
from seatrial.rag.answering.confidence import confidence
from seatrial.rag.answering.refusals import refused
from seatrial.rag.answering.reply import Refusal, Reply
from seatrial.rag.retrieval.found import ContextPassage, Retrieved


async def reply(
    retrieved: Retrieved,
    passages: Sequence[ContextPassage],
    answerer: Answerer,
    *,
    embedder: str | None,
    clock: Callable[[], float],
    refuse: bool = True,
    caller: Caller = NOBODY,
) -> Reply:
    """Answer a question, or refuse it.

    Args:
        retrieved: what was found.
        passages: the context that was packed of it.
        embedder: the name of the index's; None for one without vectors.
        clock: in s, for timings.
        refuse: whether nobody is asked where what was found most likely answers nothing.
    Raises: as `Answerer.answer`.
    """
    question = retrieved.questions[0]
    began = clock()
    sure = confidence(question, retrieved.language, retrieved.found, embedder=embedder)
    judged = clock()
    if not passages:
        answered = refused(question, Refusal.NOTHING_FOUND)
    elif refuse and not sure.answers:
        answered = refused(question, Refusal.NOT_ANSWERED)
    else:
        answered = await answerer.answer(question, passages, caller=caller)
    seconds = {"confidence": judged - began, "answer": clock() - judged}
    return Reply(
        question=question,
        text=answered.text,
        refusal=answered.refusal,
        sentences=answered.sentences,
        citations=answered.citations,
        confidence=sure.probability,
        index=retrieved.index,
        version=retrieved.version,
        answered_by=answerer.name,
        n_tokens=answered.n_tokens,
        cost_usd=answered.cost_usd,
        seconds={**retrieved.seconds, **seconds},
    )

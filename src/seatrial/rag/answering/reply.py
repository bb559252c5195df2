"""What a question gets: a reply whose sentences cite, or a refusal that says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from seatrial.rag.groundedness.verdict import GroundednessVerdict
from seatrial.rag.retrieval.rewriting import Rewriting
from seatrial.rag.text.document import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A source of the reply: ``text == document.text[span.start:span.end]``.

    Args:
        number: from 1, as ``[n]`` in the reply's text.
        score: of the passage in retrieval, comparable within one reply.
    """

    number: int
    document: str
    title: str
    source: str
    page: int | None
    section: tuple[str, ...]
    span: Span
    text: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSentence:
    """A sentence of the reply: its characters there, the citations it names, and its judgement.

    `withheld` sentences are not in the reply's text; their span is empty and `text` has them.
    """

    text: str
    span: Span
    citations: tuple[int, ...]
    verdict: GroundednessVerdict
    withheld: bool = False


class Refusal(StrEnum):
    """Why there is no answer."""

    NOTHING_FOUND = "nothing_found"  # the index holds nothing that this asker may read about it
    NOT_ANSWERED = "not_answered"  # what was found does not answer the question
    NOT_SUPPORTED = "not_supported"  # an answer was written, and nothing in it was supported


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The whole answer to a question.

    Args:
        text: the answer with its ``[n]``, or the refusal in the question's language.
        confidence: probability in [0, 1] that the corpus answers the question.
        n_tokens: tokens in and out, by name, where an LLM wrote, the answer or other wordings of
            the question; empty otherwise.
        cost_usd: of these together; None where a price is not known.
        rewriting: what became of the question in other words; None where nobody was asked.
        seconds: time per stage, by name.
        index: name and version that were asked.
    """

    question: str
    text: str
    refusal: Refusal | None
    sentences: tuple[AnswerSentence, ...]
    citations: tuple[Citation, ...]
    confidence: float
    index: str
    version: int
    answered_by: str
    n_tokens: Mapping[str, int] = field(default_factory=dict)
    cost_usd: Decimal | None = None
    rewriting: Rewriting | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

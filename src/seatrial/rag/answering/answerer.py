"""The port of whoever answers a question from passages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from seatrial.gateway.routes.gateway import NOBODY, Caller
from seatrial.rag.answering.reply import AnswerSentence, Citation, Refusal
from seatrial.rag.retrieval.found import ContextPassage


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The part of a reply that the passages decide; see `Reply` for the fields."""

    text: str
    refusal: Refusal | None
    sentences: tuple[AnswerSentence, ...]
    citations: tuple[Citation, ...]
    n_tokens: Mapping[str, int] = field(default_factory=dict)
    cost_usd: Decimal | None = Decimal(0)


class Answerer(Protocol):
    """Answers questions. May be used concurrently on one event loop, which it never blocks."""

    @property
    def name(self) -> str:
        """What answers: ``extractive``, or the model's name."""
        ...

    async def answer(
        self, question: str, passages: Sequence[ContextPassage], *, caller: Caller = NOBODY
    ) -> Answered:
        """An answer each of whose sentences is supported by what it cites, or a refusal.

        Args:
            passages: in the order in which they are to be read.
            caller: who pays for a language model.
        Raises: what the gateway raises; Unavailable, of an embedder or an entailment model.
        """
        ...

"""The port of query rewriters: other wordings of a question, searched beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from seatrial.gateway.routes.gateway import NOBODY, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewriting:
    """What became of a question that was to be said in other words.

    Args:
        by: who was asked.
        wordings: others than the question itself, which is always searched.
        problem: why there are none; None where the rewriter answered.
        n_tokens: in and out, by name, where a language model wrote.
        cost_usd: None where a price is not known.
        seconds: that it took.
    """

    by: str
    wordings: tuple[str, ...] = ()
    problem: str | None = None
    n_tokens: Mapping[str, int] = field(default_factory=dict)
    cost_usd: Decimal | None = Decimal(0)
    seconds: float = 0.0


class QueryRewriter(Protocol):
    """Writes questions anew: paraphrases, parts of it, a passage that might answer it.

    May be used concurrently on one event loop, which it never blocks.
    """

    async def rewrite(self, question: str, *, caller: Caller = NOBODY) -> Rewriting:
        """Other wordings; none is fine. What fails is told, not raised: the question itself can be
        searched.

        Args: caller: who pays for a language model.
        """
        ...

"""The port of whoever searches indexes for programs that wait."""

from __future__ import annotations

from typing import Any, Protocol

from seatrial.rag.retrieval.found import Retrieved


class Searches(Protocol):
    """See `wiring.knowledge.opened.OpenKnowledge`."""

    def search(self, question: str, **asked: Any) -> Retrieved:
        """The passages that most likely answer a question, the best first."""
        ...

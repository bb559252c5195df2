"""The port of query rewriters: other wordings of a question, searched beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class QueryRewriter(Protocol):
    """Writes questions anew: paraphrases, parts of it, a passage that might answer it.

    May be called from several threads at once.
    """

    @property
    def name(self) -> str:
        """What writes."""
        ...

    def rewrite(self, question: str) -> Sequence[str]:
        """Other wordings, without the question itself, which is always searched; none is fine.

        Raises: Unavailable.
        """
        ...

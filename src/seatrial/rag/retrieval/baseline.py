"""How alike an embedder finds texts that have nothing to do with each other.

Cosines of some embedders lie between 0 and 1, those of others between 0.7 and 0.9, whatever the
texts. Only what is above the cosine of unrelated texts says anything, and only as a share of the
way from there to 1 is it comparable between embedders and with BM25.
"""

from __future__ import annotations

import numpy as np

from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.retrieval.unrelated import LIKE, UNRELATED

_TOLD_APART = 7.0
"""So many standard deviations must lie between the cosine of unrelated texts and 1. Measured: 17
and 10 for MiniLM and multilingual-e5-small in English, 7.3 to 14 for the latter in eleven other
languages, 3 to 7 for MiniLM in most of them, which it does not know."""
_LUMPED = 0.4
"""Of the way from the cosine of unrelated texts in English to 1, that of a language whose texts are
lumped together. Measured: 0.19 to 0.38 for multilingual-e5-small; 0.43 to 0.71 for MiniLM in ten
languages, and 0.33 in German."""
_ENGLISH = "en"


class Baseline:
    """Of one embedder, measured when it is first asked for. Threads may measure it twice."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, tuple[float, float]] = {}
        self._cosines: dict[str | None, float] = {}

    def cosine(self, language: str | None) -> float:
        """The mean cosine of questions with texts on other subjects, in [0, 1).

        0, which takes cosines as they are, where it is below that, and where the embedder hardly
        tells texts of the language apart.

        Args:
            language: that of the questions, ISO 639-1; another is measured in place of those that
                `UNRELATED` lacks: one `LIKE` it, or English.
        Raises: what the embedder raises.
        """
        known = self._cosines.get(language)
        if known is None:
            known = max(self._measured(language)[0], 0.0) if self.apart(language) else 0.0
            self._cosines[language] = known
        return known

    def apart(self, language: str | None) -> bool:
        """Whether texts of a language are told apart: their cosines do not scatter, and are not far
        above those of English ones, as an embedder's are in a language that it was not taught.

        Raises: what the embedder raises.
        """
        mean, spread = self._measured(language)
        english, _ = self._measured(_ENGLISH)
        lumped = mean - english >= _LUMPED * max(1 - english, 1e-3)
        return not lumped and 1 - mean >= max(_TOLD_APART * spread, 1e-3)

    def _measured(self, language: str | None) -> tuple[float, float]:
        """Mean and standard deviation."""
        of = LIKE.get(language or _ENGLISH, language or _ENGLISH)
        if of not in UNRELATED:
            of = _ENGLISH
        if of not in self._known:
            texts = UNRELATED[of]
            cosines = self._embedder.embed_queries(texts) @ self._embedder.embed_documents(texts).T
            others = cosines[~np.eye(len(texts), dtype=bool)].astype(np.float64)
            self._known[of] = float(others.mean()), float(others.std())
        return self._known[of]

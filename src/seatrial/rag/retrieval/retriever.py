"""A question asked of one version of an index."""

from __future__ import annotations

import time
from collections.abc import Callable

from seatrial.kernel.errors import Conflict, Invalid
from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.index.reading import Index, Scope
from seatrial.rag.retrieval.baseline import Baseline
from seatrial.rag.retrieval.found import Context, Retrieved
from seatrial.rag.retrieval.packing import Count, pack
from seatrial.rag.retrieval.reranker import Reranker
from seatrial.rag.retrieval.rewriting import Rewriting
from seatrial.rag.retrieval.search import Search
from seatrial.rag.retrieval.settings import RetrievalSettings
from seatrial.rag.retrieval.weighting import LanguagesHeld


class EmbedderDiffers(Conflict):
    """The embedder is not the one whose vectors are in the index."""

    code = "rag.embedder_differs"


class QuestionInvalid(Invalid):
    """There is nothing to search for, or far too much."""

    code = "rag.question_invalid"


class Retriever:
    """Searches one version of an index. May be used from several threads at once.

    Args:
        index: the version.
        embedder: the one that made its vectors; None searches words only.
        reranker: judges the best of what was found.
        baseline: of the embedder, where it was measured before; None measures it when needed.
        clock: seconds, for timings.
    Raises: EmbedderDiffers.
    """

    def __init__(
        self,
        index: Index,
        embedder: Embedder | None,
        settings: RetrievalSettings,
        *,
        reranker: Reranker | None = None,
        baseline: Baseline | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if embedder is not None and embedder.name != index.facts.embedder:
            raise EmbedderDiffers(
                f"Index {index.facts.name!r} version {index.facts.version} holds vectors of "
                f"{index.facts.embedder or 'no embedder'!r}, and {embedder.name!r} is to search.",
                remedy=f"Build it again (seatrial rag build {index.facts.name}), or search with "
                "the embedder it was built with.",
                index=index.facts.name,
                embedder=embedder.name,
            )
        self._index = index
        self._embedder = embedder
        self._baseline = baseline or (None if embedder is None else Baseline(embedder))
        self._languages = LanguagesHeld(index.facts.languages)
        self._settings = settings
        self._reranker = reranker
        self._clock = clock

    def search(
        self,
        question: str,
        scope: Scope,
        *,
        k: int | None = None,
        rewriting: Rewriting | None = None,
    ) -> Retrieved:
        """The passages that most likely answer a question, the best first.

        Args:
            scope: what may be found: conditions, and who asks.
            k: passages wanted, >= 1; None: as the settings say.
            rewriting: other wordings, searched beside the question; None for none.
        Raises: QuestionInvalid, Unavailable (a hosted embedder or reranker).
        """
        question = self.checked(question)
        if k is not None and k < 1:
            raise QuestionInvalid(f"k is {k}.", remedy="Ask for one passage or more.", k=k)
        return Search(
            index=self._index,
            embedder=self._embedder,
            baseline=self._baseline,
            languages=self._languages,
            settings=self._settings,
            reranker=self._reranker,
            rewriting=rewriting,
            clock=self._clock,
            question=question,
            scope=scope,
            k=self._settings.k if k is None else k,
        ).result()

    def context(self, retrieved: Retrieved, *, count: Count | None = None) -> Context:
        """What of it is handed to whoever answers.

        Args:
            count: tokens of a text, by who will read it; None: by the embedder's tokenizer, or
                four characters a token.
        """
        settings = self._settings
        return pack(
            retrieved.found,
            max_tokens=settings.max_context_tokens,
            count=count or self._count,
            parents=settings.parents,
            order=settings.order,
        )

    def checked(self, question: str) -> str:
        """The question as it is searched.   Raises: QuestionInvalid."""
        stripped = question.strip()
        most = self._settings.max_question_characters
        if not stripped:
            raise QuestionInvalid("The question is empty.", remedy="Ask something.")
        if len(stripped) > most:
            raise QuestionInvalid(
                f"The question has {len(stripped):,} characters; at most {most:,} are searched.",
                remedy="Ask a shorter question, or raise retrieval.max_question_characters.",
                n_characters=len(stripped),
                limit=most,
            )
        return stripped

    def _count(self, text: str) -> int:
        if self._embedder is None:
            return -(-len(text) // 4)
        return len(self._embedder.tokenizer.offsets([text])[0])

"""An embedder made of functions: what other libraries embed with, as seatrial takes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.embedding.approximate import ApproximateTokenizer
from seatrial.rag.embedding.embedder import Tokenizer
from seatrial.rag.embedding.unit import unit_vectors

Embed: TypeAlias = Callable[[list[str]], Sequence[Sequence[float]]]
"""Texts in, as many vectors out."""


class CalledEmbedder:
    """Is an `Embedder`; vectors are brought to unit length.

    Args:
        documents, queries: embed texts; are called from several threads, with one text or more.
        name: decides which vectors are comparable: the model, and all that changes its vectors.
        max_tokens: see Embedder; longer texts are cut, as the tokenizer counts.
        languages: see Embedder.
        tokenizer: the model's own; None for one that hardly counts too few.
    """

    def __init__(
        self,
        *,
        documents: Embed,
        queries: Embed,
        name: str,
        max_tokens: int = 512,
        languages: frozenset[str] | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        self._documents, self._queries = documents, queries
        self._name, self._max_tokens, self._languages = name, max_tokens, languages
        self._tokenizer = tokenizer or ApproximateTokenizer()

    @property
    def name(self) -> str:
        """See Embedder."""
        return self._name

    @cached_property
    def dimensions(self) -> int:
        """See Embedder; a text is embedded to know.   Raises: VectorsUnfit."""
        return int(self._embedded(self._queries, ["dimensions"], None).shape[1])

    @property
    def max_tokens(self) -> int:
        """See Embedder."""
        return self._max_tokens

    @property
    def languages(self) -> frozenset[str] | None:
        """See Embedder."""
        return self._languages

    @property
    def tokenizer(self) -> Tokenizer:
        """See Embedder."""
        return self._tokenizer

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See Embedder.   Raises: VectorsUnfit; what the function raises."""
        return self._embedded(self._documents, texts, self.dimensions)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See Embedder.   Raises: as `embed_documents`."""
        return self._embedded(self._queries, texts, self.dimensions)

    def _embedded(
        self, embed: Embed, texts: Sequence[str], width: int | None
    ) -> NDArray[np.float32]:
        if not texts:
            return np.empty((0, width or 0), np.float32)
        # Half a character, as a broken file may hold, is nothing that other libraries can send;
        # and vendors refuse a text that is empty.
        sound = [text.encode("utf-8", "replace").decode() for text in texts]
        most = self._max_tokens
        cut = [
            (text if len(spans) <= most else text[: int(spans[most - 1, 1])]) or " "
            for text, spans in zip(sound, self._tokenizer.offsets(sound), strict=True)
        ]
        return unit_vectors(
            embed(cut),
            len(texts),
            width,
            by=self._name,
            remedy="Give one vector of the same length, not all zeros, for each text.",
        )

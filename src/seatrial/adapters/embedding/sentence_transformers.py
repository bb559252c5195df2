"""Any model of the library sentence-transformers, which runs on torch: for models that the encoders
here cannot read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.embedding.tokenizer_hf import HfTokenizer, whole
from seatrial.kernel.errors import Invalid, MissingExtra
from seatrial.rag.embedding.embedder import Tokenizer


class ModelUnloadable(Invalid):
    """A model cannot be loaded, or does not give what an embedder needs."""

    code = "rag.model_unloadable"


class SentenceTransformersEmbedder:
    """Is an `Embedder`.

    Args:
        model: a name on the hub that the library finds in its own cache, or a folder. Nothing is
            fetched.
        languages, document_prefix, query_prefix: see `EmbeddingConfig`.
    Raises: MissingExtra; ModelUnloadable.
    """

    def __init__(
        self,
        model: str,
        *,
        languages: frozenset[str] | None = None,
        document_prefix: str = "",
        query_prefix: str = "",
    ) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as missing:
            raise MissingExtra("sentence_transformers", "sentence-transformers") from missing
        from tokenizers import Tokenizer as Library

        try:
            self._library = SentenceTransformer(model, device="cpu", local_files_only=True)
            backend = self._library.tokenizer.backend_tokenizer
            width = _width(self._library)
        except Exception as error:
            raise ModelUnloadable(
                f"The model {model!r} cannot be loaded ({error}).",
                remedy="Name a model with a fast tokenizer that is on this machine.",
                model=model,
            ) from error
        text = backend.to_str()
        self._tokenizer = HfTokenizer(Library.from_str(text), f"tokenizer/{model}")
        self._model = model
        self._width = int(width or 0)
        self._languages = languages
        self._prefixes = (document_prefix, query_prefix)

    @property
    def name(self) -> str:
        """See Embedder."""
        return f"sentence-transformers/{self._model}"

    @property
    def dimensions(self) -> int:
        """See Embedder."""
        return self._width

    @property
    def max_tokens(self) -> int:
        """See Embedder."""
        return int(self._library.max_seq_length or 512) - 2

    @property
    def languages(self) -> frozenset[str] | None:
        """See Embedder."""
        return self._languages

    @property
    def tokenizer(self) -> Tokenizer:
        """See Embedder."""
        return self._tokenizer

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See Embedder."""
        return self._embedded(self._prefixes[0], texts)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See Embedder."""
        return self._embedded(self._prefixes[1], texts)

    def _embedded(self, prefix: str, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.empty((0, self._width), np.float32)
        found: NDArray[np.float32] = self._library.encode(
            [whole(prefix + text) for text in texts],
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return found.astype(np.float32, copy=False)


def _width(library: Any) -> int | None:
    """By its name since version 6, or the one before."""
    asked = getattr(library, "get_embedding_dimension", None)
    found: int | None = (asked or library.get_sentence_embedding_dimension)()
    return found

"""The port of embedders: texts in, unit vectors out; and of the tokenizers that measure texts.

Both compute (or wait) in the calling thread; servers call them in a thread of their own. The suite
`seatrial.testing.EmbedderSuite` says what an adapter must do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Tokenizer(Protocol):
    """Splits a text as its model does, without the special tokens and without truncation."""

    @property
    def name(self) -> str:
        """Equal names split equally."""
        ...

    def offsets(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """The tokens of each text.

        Returns: per text an array (n_tokens, 2) of start and end characters, in order; tokens of
            one character that was split further repeat its span.
        """
        ...


class Embedder(Protocol):
    """Makes vectors. All methods may be called from several threads at once.

    Vectors of embedders with different names are never compared.
    """

    @property
    def name(self) -> str:
        """Model and variant (``all-minilm-l6-v2/int8.2``): what decides the vectors."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        ...

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that reach the vector, without the special ones; the rest is cut."""
        ...

    @property
    def languages(self) -> frozenset[str] | None:
        """ISO 639-1 codes of the languages that it understands; None: it is multilingual."""
        ...

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's own, or the nearest known for an endpoint that does not tell."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors (n, dimensions) of unit length, in the order of `texts`; n = 0 is allowed.

        Raises: Unavailable, Invalid.
        """
        ...

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same for questions, which some models embed differently."""
        ...

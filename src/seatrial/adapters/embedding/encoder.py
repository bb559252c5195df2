"""Embedders that run a BERT encoder here, whatever computes it: texts to tokens to vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.embedding.encoder_graph import VERSION, Precision, encoder_graph
from seatrial.adapters.embedding.encoder_place import kept_graph
from seatrial.adapters.embedding.encoder_weights import EncoderShape, EncoderWeights
from seatrial.rag.embedding.embedder import Tokenizer

Run: TypeAlias = Callable[[NDArray[np.int32]], NDArray[np.float32]]
"""Tokens (n,) with the special ones to a vector (width,) of unit length, from several threads."""


class TextEncoder(Tokenizer, Protocol):
    """A tokenizer that also tells the ids that its model knows tokens by."""

    def ids(self, text: str) -> list[int]:
        """The tokens of a text, without the special ones."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderModel:
    """A model, as it is read.

    Args:
        name: without the precision.
        languages: see Embedder.
        document_prefix, query_prefix: what the model wants before each text.
    """

    name: str
    weights: EncoderWeights
    tokenizer: TextEncoder
    languages: frozenset[str] | None
    document_prefix: str = ""
    query_prefix: str = ""


class EncoderEmbedder:
    """Is an `Embedder`. A text gets the same vector whatever is embedded beside it.

    Args:
        model: whose tokens and limits.
        variant: of its vectors, for the name.
        run: computes a vector.
        threads: texts that are embedded at once within one call, >= 1.
    """

    def __init__(self, model: EncoderModel, *, variant: str, run: Run, threads: int) -> None:
        self._model = model
        self._shape: EncoderShape = model.weights.shape
        self._name = f"{model.name}/{variant}"
        self._threads = threads
        # A prefix may have other tokens alone than before a text.
        split = model.tokenizer.ids
        self._prefix_tokens = len(split(model.document_prefix + "a")) - len(split("a"))
        self._run = run

    @property
    def name(self) -> str:
        """See Embedder."""
        return self._name

    @property
    def dimensions(self) -> int:
        """See Embedder."""
        return self._shape.width

    @property
    def max_tokens(self) -> int:
        """See Embedder."""
        return self._shape.max_tokens - 2 - self._prefix_tokens

    @property
    def languages(self) -> frozenset[str] | None:
        """See Embedder."""
        return self._model.languages

    @property
    def tokenizer(self) -> Tokenizer:
        """See Embedder."""
        return self._model.tokenizer

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See Embedder."""
        return self._embedded(self._model.document_prefix, texts)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See Embedder."""
        return self._embedded(self._model.query_prefix, texts)

    def _embedded(self, prefix: str, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.empty((0, self._shape.width), np.float32)
        one = partial(self._vector, prefix)
        if self._threads == 1 or len(texts) == 1:
            return np.stack([one(text) for text in texts])
        with ThreadPoolExecutor(min(self._threads, len(texts))) as pool:
            return np.stack(list(pool.map(one, texts)))

    def _vector(self, prefix: str, text: str) -> NDArray[np.float32]:
        shape = self._shape
        ids = self._model.tokenizer.ids(prefix + text)[: shape.max_tokens - 2]
        return self._run(np.array([shape.first, *ids, shape.last], np.int32))


def graph_of(model: EncoderModel, precision: Precision, folder: Path, runtime: str) -> bytes:
    """The model's graph, from a folder where it was built before.

    Args:
        runtime: name and version of what will read it.
    Raises: EncoderUnusable, MissingExtra.
    """
    key = f"{model.weights.digest[:16]}-{VERSION}-{runtime}"
    name = f"{model.name}-{precision.value}-{key}.graph"
    return kept_graph(folder, name, partial(encoder_graph, model.weights, precision))

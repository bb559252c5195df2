"""Embedders that are hosted: a model of the gateway, with retries, budgets, prices and ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.embedding.tokenizer_hf import whole
from seatrial.adapters.event_loop_thread import EventLoopThread
from seatrial.gateway.routes.gateway import Gateway
from seatrial.rag.embedding.embedder import Tokenizer
from seatrial.rag.embedding.requests import requests_of
from seatrial.rag.embedding.unit import unit_vectors

_AT_ONCE = 4
"""Requests of one call that are under way together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedModel:
    """A model of the gateway, as an embedder.

    Args:
        model: its name there.
        dimensions: asked for; None for the model's own.
        max_tokens: of a text; longer ones are cut.
        languages: see Embedder.
        document_prefix, query_prefix: what the model wants before each text.
        most_texts, most_tokens: of one request, >= 1.
    """

    model: str
    dimensions: int | None = None
    max_tokens: int = 8000
    languages: frozenset[str] | None = None
    document_prefix: str = ""
    query_prefix: str = ""
    most_texts: int = 256
    most_tokens: int = 100_000


class GatewayEmbedder:
    """Is an `Embedder`.

    Args:
        open_gateway: called once, on the thread whose event loop the gateway lives in.
        hosted: the model.
        tokenizer: the model's own, or the nearest known; by it texts are cut.
    """

    def __init__(
        self, open_gateway: Callable[[], Gateway], hosted: HostedModel, tokenizer: Tokenizer
    ) -> None:
        self._open_gateway = open_gateway
        self._hosted = hosted
        self._tokenizer = tokenizer
        self._thread = EventLoopThread(f"embedder {hosted.model}")
        self._gateway: Gateway | None = None

    @property
    def name(self) -> str:
        """See Embedder."""
        dimensions = self._hosted.dimensions
        return f"gateway/{self._hosted.model}" + (f"/{dimensions}" if dimensions else "")

    @cached_property
    def dimensions(self) -> int:
        """See Embedder; where it is not said, the model is asked once.   Raises: Unavailable."""
        if self._hosted.dimensions is not None:
            return self._hosted.dimensions
        return int(self._thread.run(self._asked(["dimensions"], None)).shape[1])

    @property
    def max_tokens(self) -> int:
        """See Embedder."""
        return self._hosted.max_tokens

    @property
    def languages(self) -> frozenset[str] | None:
        """See Embedder."""
        return self._hosted.languages

    @property
    def tokenizer(self) -> Tokenizer:
        """See Embedder."""
        return self._tokenizer

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See Embedder.   Raises: VectorsUnfit; what the gateway raises."""
        return self._embedded(self._hosted.document_prefix, texts)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See Embedder.   Raises: as `embed_documents`."""
        return self._embedded(self._hosted.query_prefix, texts)

    def close(self) -> None:
        """Close the gateway, and end its thread."""
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            self._thread.run(gateway.close())
        self._thread.close()

    def _embedded(self, prefix: str, texts: Sequence[str]) -> NDArray[np.float32]:
        width = self.dimensions
        if not texts:
            return np.empty((0, width), np.float32)
        asked = [whole(prefix + text) for text in texts]
        spans = self._tokenizer.offsets(asked)
        most = self._hosted.max_tokens
        # Vendors refuse a text that is empty.
        cut = [
            (text if len(one) <= most else text[: int(one[most - 1, 1])]) or " "
            for text, one in zip(asked, spans, strict=True)
        ]
        runs = requests_of(
            [min(len(one), most) for one in spans],
            most_texts=self._hosted.most_texts,
            most_tokens=self._hosted.most_tokens,
        )
        return self._thread.run(self._all([[cut[place] for place in run] for run in runs], width))

    async def _all(self, requests: Sequence[Sequence[str]], width: int) -> NDArray[np.float32]:
        free = asyncio.Semaphore(_AT_ONCE)

        async def one(texts: Sequence[str]) -> NDArray[np.float32]:
            async with free:
                return await self._asked(texts, width)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(texts)) for texts in requests]
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from several
        return np.concatenate([task.result() for task in tasks])

    async def _asked(self, texts: Sequence[str], width: int | None) -> NDArray[np.float32]:
        """Vectors of one request, of unit length.   Raises: VectorsUnfit."""
        if self._gateway is None:
            self._gateway = self._open_gateway()
        found = await self._gateway.embed(
            self._hosted.model, texts, dimensions=self._hosted.dimensions
        )
        return unit_vectors(
            found.vectors,
            len(texts),
            width,
            by=self._hosted.model,
            remedy="Correct model and dimensions in the section embedding; build the index again.",
        )

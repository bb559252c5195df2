"""The port: what answers calls of a model.

A vendor is one; so is a policy (retry, fallback, cache, budget), which wraps others. The suite
`seatrial.testing.ProviderSuite` says what a vendor's adapter must do.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine
from typing import Any, Protocol, TypeAlias, TypeVar

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Chunk, Embeddings

A = TypeVar("A")

Chunks: TypeAlias = AsyncGenerator[Chunk, None]

Pending: TypeAlias = Coroutine[Any, Any, A]
"""A whole answer that is still to be awaited. A policy that has nothing to do after the answer
hands on what another method gives and does not await it itself: every level that awaits costs."""


class Provider(Protocol):
    """Answers calls. All methods may be used concurrently, from one event loop.

    None waits beyond the call's deadline, or for the beginning of an answer beyond `first_due`.
    """

    @property
    def name(self) -> str:
        """As configured."""
        ...

    async def chat(self, request: ChatRequest, call: Call) -> ChatResponse:
        """The whole answer, with at least one choice.

        Raises: ProviderFailure. When the caller is cancelled, the request to the vendor is, too.
        """
        ...

    def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """The answer in pieces: a `Finished` for every choice, and the usage where it is told.

        The generator ends only after a complete answer. Whoever stops early closes it
        (``aclose``), which ends the request to the vendor.

        Raises: ProviderFailure, from the first piece on; StreamCut once a piece was given.
        """
        ...

    async def embed(self, request: EmbeddingRequest, call: Call) -> Embeddings:
        """One vector for each input.   Raises: ProviderFailure."""
        ...

    async def close(self) -> None:
        """Give back connections; nothing may be asked afterwards."""
        ...

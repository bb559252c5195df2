"""A server of language models on loopback that does as it is told, good or bad, and keeps the bill.

It speaks OpenAI's chat completions, embeddings and models and Anthropic's messages, whole and as
streams, with tools, JSON schemas and usage. A word counts as a token.

In a test, in the loop of the test::

    async with ScriptedLLM() as llm:
        provider = ...                                  # at llm.openai_url or llm.anthropic_url
        llm.then(Fault(kind=FaultKind.RATE_LIMITED, headers={"Retry-After": "2"}), Says(text="Hi"))
        ...                                             # two requests meet these two
        assert llm.asked[0].body["model"] == "m"        # what it was sent
        assert llm.bill.tokens["m"].output == 1         # what it would send an invoice for

Requests meet the steps given to `then` in the order they arrive; when there are none left, what
``decide`` says, which by default is a good answer that fits the request (`Says`). Faults by chance
come from ``ScriptedLLM(sometimes(0.2, [...], seed=1))``; faults by model, user or anything else
from a function of `Asked`. `refuse` closes the port, `accept` opens the same one again.

For clients that block, ``with ScriptedLLM().in_thread() as llm:`` runs it in a thread of its own.
As a process of its own, for benchmarks: ``python -m seatrial.testing.scripted_llm --port 9000``
(``--help`` says what else); ``GET /scripted/bill`` then tells the bill.
"""

from __future__ import annotations

import argparse
import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from seatrial.testing.llm_connection import Connection
from seatrial.testing.llm_script import (
    Asked,
    Bill,
    Decide,
    Fault,
    FaultKind,
    Rates,
    Says,
    Step,
    Tokens,
    sometimes,
)

__all__ = [
    "Asked",
    "Bill",
    "Fault",
    "FaultKind",
    "Rates",
    "Says",
    "ScriptedLLM",
    "Step",
    "Tokens",
    "sometimes",
]


class ScriptedLLM:
    """See the module.

    Args:
        decide: what a request meets when the steps of `then` are used up.
        keys: the API keys that are let in; None lets everybody in.
        models: the models there are; None has all of them.
        port: to listen on; 0 finds a free one.
        remembers: how many requests `asked` keeps, the newest.
    """

    def __init__(
        self,
        decide: Decide | None = None,
        *,
        keys: frozenset[str] | None = None,
        models: frozenset[str] | None = None,
        port: int = 0,
        remembers: int = 10_000,
    ) -> None:
        self.decide: Decide = decide or (lambda _: Says())
        self.keys = keys
        self.models = models
        self.port = port
        self.asked: deque[Asked] = deque(maxlen=remembers)
        self.bill = Bill()
        self.n_asked = 0
        self.n_left = 0
        """Requests whose client left before the answer was out."""
        self.in_flight = 0
        self.most_in_flight = 0
        self._steps: deque[Step] = deque()
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    @property
    def url(self) -> str:
        """Of the server, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_url(self) -> str:
        """The base URL as OpenAI's clients want it."""
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        """The base URL as Anthropic's clients want it."""
        return self.url

    @property
    def n_connections(self) -> int:
        """Open ones."""
        return len(self._connections)

    def then(self, *steps: Step) -> None:
        """What the next requests meet, one each."""
        self._steps.extend(steps)

    def step_for(self, asked: Asked) -> Step:
        """What a request meets."""
        return self._steps.popleft() if self._steps else self.decide(asked)

    async def accept(self) -> None:
        """Listen, on the same port as before."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self, loop), "127.0.0.1", self.port, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Close the port and all connections: from now on nobody gets through."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.end()
        if self._server is not None:
            await self._server.wait_closed()
        self._server = None
        while self._connections:
            await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        await self.accept()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.refuse()

    @contextmanager
    def in_thread(self) -> Iterator[Self]:
        """Run in a thread of its own, for clients that block."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="scripted-llm", daemon=True)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.accept(), loop).result()
            yield self
            asyncio.run_coroutine_threadsafe(self.refuse(), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def opened(self, connection: Connection) -> None:
        """A client came."""
        self._connections.add(connection)

    def closed(self, connection: Connection) -> None:
        """A client left."""
        self._connections.discard(connection)

    def began(self) -> None:
        """A request is being answered."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A scripted server of models on loopback.")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--text", help="what it answers; by default what it was told last")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="before each answer")
    parser.add_argument("--between-ms", type=float, default=0.0, help="between pieces of a stream")
    parser.add_argument("--fault-share", type=float, default=0.0, help="of the requests, 0 to 1")
    parser.add_argument(
        "--fault",
        type=FaultKind,
        action="append",
        default=[],
        help="one of: " + ", ".join(FaultKind),
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


async def _serve(given: argparse.Namespace) -> None:
    says = Says(text=given.text, delay_s=given.delay_ms / 1000, between_s=given.between_ms / 1000)
    faults = [Fault(kind=kind, says=says) for kind in given.fault or [FaultKind.SERVER_ERROR]]
    decide = sometimes(given.fault_share, faults, seed=given.seed, else_=says)
    async with ScriptedLLM(decide, port=given.port, remembers=0):
        await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    with suppress(KeyboardInterrupt):
        uvloop.run(_serve(_arguments()))

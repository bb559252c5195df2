"""Prompts by name: whichever version the split picks is asked, and what comes of it is told.

Who picks, and who keeps what is told, is a port: the gateway does not know how versions are
released. A version is one variant of a prompt; see `gateway.prompts.variant`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

import msgspec

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.failures import TimedOut
from seatrial.gateway.chat.provider import Chunks, Provider
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Embeddings, TextDelta
from seatrial.gateway.prompts.failures import VariablesInvalid
from seatrial.gateway.structured.failures import AnswerCut, AnswerFiltered, AnswerInvalid
from seatrial.kernel.errors import DeadlineExceeded

if TYPE_CHECKING:
    from seatrial.gateway.prompts.live import LivePrompt

VERSION_NOTE = "prompt.version"
"""The note of a journal that names the version of the prompt that was asked."""

ANSWER_NOTE = "prompt.answer"
"""The note that holds what the answer is scored by."""

_UNFIT = (AnswerInvalid, AnswerCut, AnswerFiltered)
_MOST_SCORED_AT_ONCE = 64

_log = logging.getLogger(__name__)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request to a version.

    Args:
        latency_s: from the request to the whole answer, or to the error.
        problem: what it ended with; None for an answer.
        outside: whether it says nothing about the version: variables that the other version of a
            trial refuses, too; a caller who left too few tokens or too little time.
        fits: whether the answer has the form it must have; None where there is none, or no answer.
        cost_usd: of all attempts; None where there was none, or nobody knows.
    """

    latency_s: float
    problem: Exception | None = None
    outside: bool = False
    fits: bool | None = None
    cost_usd: Decimal | None = None


class Served(Protocol):
    """The version that answers one request."""

    @property
    def live(self) -> LivePrompt:
        """It."""
        ...

    @property
    def rival(self) -> LivePrompt | None:
        """The other version of a trial, or None."""
        ...

    @property
    def mark(self) -> str:
        """What an answer is known by, before the id of its call: who gave it, and when in its
        history."""
        ...

    def tell(self, outcome: Outcome) -> None:
        """What became of the request; called once."""
        ...

    def score(self, score: float) -> None:
        """What the answer was worth, in [0, 1]; called later, or never."""
        ...


class Prompts(Protocol):
    """The prompts there are, and who answers for them."""

    def names(self) -> list[str]:
        """Of the endpoints, sorted."""
        ...

    async def refresh(self) -> None:
        """Learn what was released meanwhile, where nobody else sees to that; cheap when asked
        often."""
        ...

    def pick(self, name: str, key: bytes | None, version: int | None) -> Served:
        """Who answers a request.

        Args:
            key: the same key gets the same version as long as the shares stay; None for chance.
            version: a tester's wish: this version and no other.
        Raises: SeatrialError: there is no such prompt or version, or it is not loaded yet.
        """
        ...

    def score(self, name: str, answer: str, score: float) -> bool:
        """What an answer was worth, as its user says later.

        Args:
            answer: its id, as `Prompted.answer_id` gave it.
            score: in [0, 1].
        Returns: whether it was taken: an answer is scored once.
        Raises: SeatrialError: there is no such prompt, no such answer, or no such score.
        """
        ...


class Scoring:
    """Gives answers their score, beside the requests."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, served: Served, variables: Mapping[str, object], answer: str) -> None:
        """Let the version's scorer look at an answer, if it has one and has not too much to do."""
        if served.live.scorer is None or len(self._tasks) >= _MOST_SCORED_AT_ONCE:
            return
        task = asyncio.ensure_future(self._score(served, variables, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait for what has begun."""
        await asyncio.gather(*self._tasks)

    async def _score(self, served: Served, variables: Mapping[str, object], answer: str) -> None:
        live = served.live
        try:
            score = await asyncio.to_thread(live.score, variables, answer)
            if score is not None:
                served.score(score)
        except Exception as problem:  # noqa: BLE001 - the scorer is somebody else's code
            _log.warning("the scorer of %s version %d failed: %r", live.name, live.version, problem)


class Prompted:
    """A version with the variables of one request: a provider, asked with what the caller says.

    Args:
        served: the version.
        inner: answers for its model.
        variables: of the request.
        scoring: gives the answer its score.
        impatient: whether the caller waits for less than the model's deadline.
        now: monotonic, in s.
    """

    def __init__(
        self,
        served: Served,
        inner: Provider,
        variables: Mapping[str, object],
        *,
        scoring: Scoring,
        impatient: bool = False,
        now: Callable[[], float],
    ) -> None:
        self._impatient = impatient
        self._served, self._inner, self._variables = served, inner, variables
        self._scoring, self._now = scoring, now
        self._began = now()

    @property
    def name(self) -> str:
        """See Provider."""
        return self._inner.name

    @property
    def version(self) -> int:
        """Of the prompt."""
        return self._served.live.version

    def answer_id(self, call: Call) -> str:
        """What the answer of a call is scored by."""
        return f"{self._served.mark}.{call.id}"

    async def chat(self, request: ChatRequest, call: Call) -> ChatResponse:
        """See Provider."""
        try:
            asked = self._asked(request, call)
            response = await self._inner.chat(asked, call)
        except Exception as problem:
            self._failed(problem, request, call)
            raise
        self._answered(response.text, call)
        return response

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """See Provider."""
        texts: list[str] = []
        try:
            asked = self._asked(request, call)
            async with aclosing(self._inner.stream(asked, call)) as chunks:
                async for chunk in chunks:
                    if self._served.live.scorer is not None:
                        texts += [e.text for e in chunk.events if isinstance(e, TextDelta)]
                    yield chunk
        except Exception as problem:
            self._failed(problem, request, call)
            raise
        self._answered("".join(texts), call)

    async def embed(self, request: EmbeddingRequest, call: Call) -> Embeddings:
        """See Provider."""
        return await self._inner.embed(request, call)

    async def close(self) -> None:
        """See Provider; the model is others', too."""

    def _asked(self, request: ChatRequest, call: Call) -> ChatRequest:
        call.journal.notes[VERSION_NOTE] = self.version
        call.journal.notes[ANSWER_NOTE] = self.answer_id(call)
        return self._served.live.request(self._variables, request)

    def _answered(self, text: str, call: Call) -> None:
        fits = True if self._served.live.is_parsed else None
        self._served.tell(
            Outcome(latency_s=self._now() - self._began, fits=fits, cost_usd=_cost(call))
        )
        self._scoring.begin(self._served, self._variables, text)

    def _failed(self, problem: Exception, request: ChatRequest, call: Call) -> None:
        self._served.tell(
            Outcome(
                latency_s=self._now() - self._began,
                problem=problem,
                outside=self._is_outside(problem, request),
                fits=False if isinstance(problem, _UNFIT) else None,
                cost_usd=_cost(call),
            )
        )

    def _is_outside(self, problem: Exception, request: ChatRequest) -> bool:
        match problem:
            case VariablesInvalid():
                rival = self._served.rival
                return rival is not None and not rival.takes(self._variables)
            case AnswerCut():
                return _narrows(request, self._served.live)
            case TimedOut() | DeadlineExceeded():
                return self._impatient
            case _:
                return False


def _narrows(request: ChatRequest, live: LivePrompt) -> bool:
    """Whether a caller leaves fewer tokens than the version would."""
    own, given = live.variant.parameters.max_tokens, request.max_tokens
    return given is not None and (own is None or given < own)


def _cost(call: Call) -> Decimal | None:
    """None where no provider was asked, or the price of an answer it gave is not known.

    Answers of the cache are left out: a version that is new has fewer of them, and is not dearer.
    """
    attempts = call.journal.attempts
    given = [attempt for attempt in attempts if attempt.failure is None]
    if not attempts or any(attempt.cost_usd is None for attempt in given):
        return None
    return call.journal.cost_usd


def tagged(call: Call, served: Served) -> Call:
    """The call, with costs told apart by the prompt and its version."""
    live = served.live
    tags = {**call.tags, "prompt": live.name, "prompt_version": str(live.version)}
    return msgspec.structs.replace(call, tags=tags)

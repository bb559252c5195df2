"""The face of the gateway for programs: ask a model by name, get its answer and what it cost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal
from types import TracebackType
from typing import Self, TypeAlias, TypeVar
from uuid import uuid4

import msgspec

from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.messages import Message, Role, said
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Chunk, Embeddings, Usage
from seatrial.gateway.dialects import fields
from seatrial.gateway.prompts.ask import PREFIX
from seatrial.gateway.routes.prompted import Prompted, Prompts, Scoring, tagged
from seatrial.gateway.routes.table import ModelTable, Route, Use
from seatrial.gateway.structured.ask import Answer, ask
from seatrial.gateway.structured.options import Mode, StructuredOptions

Said: TypeAlias = str | Sequence[Message]
"""What a model is told: a text of the user, or a conversation."""

T = TypeVar("T")


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks.

    Args:
        key: id of their key, for budgets and limits; None for none.
        tenant: whose answers may be shared from the cache.
        user, tags: for costs and budgets.
    """

    key: str | None = None
    tenant: str = ""
    user: str | None = None
    tags: Mapping[str, str] = {}


NOBODY = Caller()


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, and what became of the call.

    Args:
        response: as the model gave it.
        journal: attempts, use of the cache, what policies changed.
    """

    response: ChatResponse
    journal: Journal

    @property
    def text(self) -> str:
        """The text of the first answer."""
        return self.response.text

    @property
    def usage(self) -> Usage | None:
        """The tokens of the answer; None where nobody knows."""
        return self.response.usage

    @property
    def cost_usd(self) -> Decimal:
        """What all attempts cost together, failed ones included."""
        return self.journal.cost_usd


class PromptCompletion(Completion, frozen=True, kw_only=True):
    """An answer to a prompt.

    Args:
        version: of the prompt, as the split picked it.
        answer_id: what the answer is scored by; see `Gateway.score`.
    """

    version: int
    answer_id: str


class Gateway:
    """Models by name.

    Close it, or use it as ``async with``: connections are kept and costs are written behind calls.

    Args:
        table: the models.
        now: monotonic, in s, as deadlines are.
        closing: gives back what the routes use; called once.
        new_id: a name for a call that has none.
        prompts: that are released, or None for none.
    """

    def __init__(
        self,
        table: ModelTable,
        *,
        now: Callable[[], float],
        closing: Callable[[], Awaitable[None]],
        new_id: Callable[[], str] = lambda: uuid4().hex,
        prompts: Prompts | None = None,
    ) -> None:
        self.table = table
        self.prompts = prompts
        self._scoring = Scoring()
        self._now = now
        self._closing = closing
        self._new_id = new_id
        self._closed = False

    async def chat(
        self,
        model: str,
        messages: Said | None = None,
        *,
        request: ChatRequest | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        caller: Caller = NOBODY,
        timeout_s: float | None = None,
    ) -> Completion:
        """A whole answer.

        Args:
            model: a name of the configuration.
            messages: what it is told.
            request: instead of ``messages``, for everything else that may be asked; its model is
                replaced.
            max_tokens: most tokens of the answer, >= 1.
            timeout_s: from now to the answer; None for what the configuration says.
        Raises: ModelUnknown, ModelUnfit; ProviderFailure; what policies refuse.
        """
        asked = _asked(model, messages, request, max_tokens=max_tokens, temperature=temperature)
        route = self.table.get(model, Use.CHAT)
        call = self.call(route, caller, timeout_s=timeout_s)
        return Completion(response=await route.provider.chat(asked, call), journal=call.journal)

    async def stream(
        self,
        model: str,
        messages: Said | None = None,
        *,
        request: ChatRequest | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        caller: Caller = NOBODY,
        timeout_s: float | None = None,
        journal: Journal | None = None,
    ) -> AsyncGenerator[Chunk, None]:
        """An answer in pieces; close it (``aclosing``) to stop early.

        Args: as `chat`.
            journal: takes down what becomes of the call.
        Raises: as `chat`; StreamCut where it breaks off.
        """
        asked = _asked(model, messages, request, max_tokens=max_tokens, temperature=temperature)
        route = self.table.get(model, Use.CHAT)
        call = self.call(route, caller, timeout_s=timeout_s, journal=journal)
        streamed = msgspec.structs.replace(asked, stream=True, include_usage=True)
        async with aclosing(route.provider.stream(streamed, call)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def structured(
        self,
        model: str,
        messages: Said | None = None,
        *,
        of: type[T],
        request: ChatRequest | None = None,
        max_tokens: int | None = None,
        caller: Caller = NOBODY,
        timeout_s: float | None = None,
        options: StructuredOptions = StructuredOptions(mode=Mode.NATIVE),  # noqa: B008 - frozen
        journal: Journal | None = None,
    ) -> Answer[T]:
        """An answer that is an instance of a type, asked for again where it is not.

        Args: as `chat`.
            of: a Pydantic model, or a type such as ``list[Item]`` or a dataclass.
            options: how the model learns of the type, and how much mending may cost. NATIVE leaves
                that to the candidate: providers without JSON schemas get instructions.
            journal: takes down what becomes of the call: all attempts and what they cost.
        Raises: as `chat`; AnswerInvalid, AnswerCut, AnswerFiltered.
        """
        from seatrial.gateway.structured.model_shape import (  # noqa: PLC0415 - loads pydantic
            ModelShape,
        )

        asked = _asked(model, messages, request, max_tokens=max_tokens, temperature=None)
        route = self.table.get(model, Use.CHAT)
        call = self.call(route, caller, timeout_s=timeout_s, journal=journal)
        return await ask(
            route.provider, asked, call, ModelShape(of), options=options, now=self._now
        )

    async def prompt(
        self,
        name: str,
        variables: Mapping[str, object],
        messages: Said = (),
        *,
        key: str | None = None,
        version: int | None = None,
        max_tokens: int | None = None,
        caller: Caller = NOBODY,
        timeout_s: float | None = None,
    ) -> PromptCompletion:
        """An answer to a released prompt, from the version that the split picks.

        Args:
            name: of its endpoint.
            variables: what is put into it.
            messages: what follows its own messages.
            key: the same key gets the same version; None for the caller's user, or chance.
            version: this one and no other; what comes of it is no evidence then.
            max_tokens: see `chat`; where the version says less, that counts.
        Raises: as `chat`; VariablesInvalid; what picking a version raises.
        """
        if self.prompts is not None:
            await self.prompts.refresh()
        sticky = key if key is not None else caller.user
        prompted, call = self.prompted(
            name,
            variables,
            caller,
            key=None if sticky is None else sticky.encode(),
            version=version,
            timeout_s=timeout_s,
        )
        turns = (said(Role.USER, messages),) if isinstance(messages, str) else tuple(messages)
        request = ChatRequest(model=name, messages=turns, max_tokens=max_tokens, user=caller.user)
        response = await prompted.chat(request, call)
        return PromptCompletion(
            response=response,
            journal=call.journal,
            version=prompted.version,
            answer_id=prompted.answer_id(call),
        )

    def score(self, name: str, answer_id: str, score: float) -> bool:
        """What an answer to a prompt was worth, as its user says later.

        Args:
            answer_id: as `prompt` gave it.
            score: in [0, 1].
        Returns: whether it was taken: an answer is scored once.
        Raises: ModelUnknown, PromptNotFound; AnswerUnknown; RequestInvalid for another score.
        """
        if self.prompts is None:
            raise self.table.unknown(PREFIX + name)
        if not 0 <= score <= 1:
            raise fields.wrong("score", score, "a number from 0 to 1")
        return self.prompts.score(name, answer_id, score)

    def prompted(
        self,
        name: str,
        variables: Mapping[str, object],
        caller: Caller,
        *,
        key: bytes | None,
        version: int | None = None,
        call_id: str | None = None,
        timeout_s: float | None = None,
    ) -> tuple[Prompted, Call]:
        """The version of a prompt that answers a request that begins now, and its call.

        Args: as `prompt` and `call`.   Raises: ModelUnknown; what picking a version raises.
        """
        if self.prompts is None:
            raise self.table.unknown(PREFIX + name)
        served = self.prompts.pick(name, key, version)
        route = self.table.get(served.live.variant.model, Use.CHAT)
        call = tagged(self.call(route, caller, call_id=call_id, timeout_s=timeout_s), served)
        prompted = Prompted(
            served,
            route.provider,
            variables,
            scoring=self._scoring,
            impatient=timeout_s is not None and timeout_s < route.deadline_s,
            now=self._now,
        )
        return prompted, call

    async def embed(
        self,
        model: str,
        inputs: Sequence[str],
        *,
        dimensions: int | None = None,
        caller: Caller = NOBODY,
        timeout_s: float | None = None,
    ) -> Embeddings:
        """A vector for each text.

        Args:
            inputs: at least one.
            dimensions: of the vectors, where the model can choose.
        Raises: as `chat`.
        """
        route = self.table.get(model, Use.EMBEDDING)
        asked = EmbeddingRequest(
            model=model, inputs=tuple(inputs), dimensions=dimensions, user=caller.user
        )
        return await route.provider.embed(asked, self.call(route, caller, timeout_s=timeout_s))

    def call(
        self,
        route: Route,
        caller: Caller,
        *,
        call_id: str | None = None,
        timeout_s: float | None = None,
        journal: Journal | None = None,
    ) -> Call:
        """The circumstances of a call that begins now."""
        longest = route.deadline_s if timeout_s is None else min(timeout_s, route.deadline_s)
        return Call(
            id=call_id or self._new_id(),
            deadline=self._now() + longest,
            journal=journal or Journal(),
            key=caller.key,
            tenant=caller.tenant,
            user=caller.user,
            tags=caller.tags,
        )

    async def close(self) -> None:
        """Keep what calls cost, and give back connections."""
        if not self._closed:
            self._closed = True
            await self._scoring.close()
            await self._closing()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def _asked(
    model: str,
    messages: Said | None,
    request: ChatRequest | None,
    *,
    max_tokens: int | None,
    temperature: float | None,
) -> ChatRequest:
    if (messages is None) == (request is None):
        raise TypeError("give either messages or a request")
    if request is None:
        assert messages is not None
        turns = (said(Role.USER, messages),) if isinstance(messages, str) else tuple(messages)
        request = ChatRequest(model=model, messages=turns)
    changes: dict[str, object] = {"model": model}
    if max_tokens is not None:
        changes["max_tokens"] = max_tokens
    if temperature is not None:
        changes["temperature"] = temperature
    return msgspec.structs.replace(request, **changes)

"""A conversation that is too long is cut to the model's window before it is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing

import msgspec

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.failures import ContextTooLong
from seatrial.gateway.chat.messages import Message, Role, Text, ToolResult, said
from seatrial.gateway.chat.provider import Chunks, Provider
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Embeddings
from seatrial.gateway.policies.fit_plan import FitPlan, group_messages, plan_fit
from seatrial.gateway.policies.loaded import loaded
from seatrial.gateway.tokens.counter import TokenCounter
from seatrial.gateway.tokens.windows import Window
from seatrial.kernel.errors import SeatrialError

Summariser = Callable[[Sequence[Message], Call], Awaitable[str]]
"""Says in short what messages said that are dropped; in order, at least one."""

DROPPED_MESSAGES = "fit.dropped_messages"
NOTES = (
    DROPPED_MESSAGES,
    "fit.dropped_tokens",
    "fit.cut_tokens",
    "fit.summarised",
    "fit.summary_failed",
    "fit.again",
)
"""What it writes to the journal of a call."""
SUMMARY = "What was said before, in short: "
BYTES_PER_CHARACTER = 4
SPARE_PER_PART = 64
"""Tokens no part's frame exceeds; only for the shortcut that counts nothing."""


class PromptTooLong(ContextTooLong):
    """What has to stay of a conversation does not fit the model's window; nothing was sent."""

    code = "gateway.prompt_too_long"


class FitOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How conversations are cut.

    Args:
        answer_tokens: room for the answer of a request without ``max_tokens``, >= 1; never more
            than half the window.
        estimate_margin: share of the window kept free where tokens are estimated, in [0, 1).
        cut_messages: whether the longest text is cut where the newest turn alone does not fit.
        recut_share: share of the tokens sent that is tried once more where the provider says that
            they were too many, in (0, 1).
        summary_tokens: most tokens of a summary, >= 1.
    """

    answer_tokens: int = 1024
    estimate_margin: float = 0.1
    cut_messages: bool = False
    recut_share: float = 0.75
    summary_tokens: int = 256


class Fit:
    """Keeps requests within a model's window.

    System messages and the newest turn stay, a call and its results are never parted, the oldest go
    first. What was cut is written to the journal: ``fit.dropped_messages``, ``fit.dropped_tokens``,
    ``fit.cut_tokens``, ``fit.summarised`` or the code of what kept it from that in
    ``fit.summary_failed``, ``fit.again``.

    Args:
        provider: what is called with the request that fits.
        window: of its model; None sends requests as they are, and cuts only what the provider
            refuses.
        summarise: asked for a summary of what is dropped, which then stands after the system
            messages. Where it fails, messages are dropped without one.
    """

    def __init__(
        self,
        provider: Provider,
        counter: TokenCounter,
        window: Window | None,
        options: FitOptions | None = None,
        *,
        summarise: Summariser | None = None,
    ) -> None:
        self._provider = provider
        self._counter = counter
        self._window = window
        self._options = FitOptions() if options is None else options
        self._summarise = summarise

    @property
    def name(self) -> str:
        """Of the provider."""
        return self._provider.name

    async def chat(self, request: ChatRequest, call: Call) -> ChatResponse:
        """The whole answer.   Raises: PromptTooLong, and as the provider."""
        fitted = self._as_it_is(request, call) or await self._fitted(request, call)
        try:
            return await self._provider.chat(fitted, call)
        except ContextTooLong as refused:
            shorter = await self._shorter(fitted, call, refused)
        return await self._provider.chat(shorter, call)

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """The answer in pieces.   Raises: PromptTooLong, and as the provider."""
        fitted = self._as_it_is(request, call) or await self._fitted(request, call)
        begun = False
        try:
            async with aclosing(self._provider.stream(fitted, call)) as chunks:
                async for chunk in chunks:
                    begun = True
                    yield chunk
            return
        except ContextTooLong as refused:
            if begun:
                raise
            shorter = await self._shorter(fitted, call, refused)
        async with aclosing(self._provider.stream(shorter, call)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def embed(self, request: EmbeddingRequest, call: Call) -> Embeddings:
        """As the provider: nothing can be left out of a text whose vector is asked for."""
        return await self._provider.embed(request, call)

    async def close(self) -> None:
        """Close the provider."""
        await self._provider.close()

    def _as_it_is(self, request: ChatRequest, call: Call) -> ChatRequest | None:
        """The request, where it need not be counted."""
        if call.journal.notes:
            for note in NOTES:
                # What another candidate of the same call left out is not what this one is sent.
                call.journal.notes.pop(note, None)
        room = self._room(request)
        return request if room is None or _surely_fits(request, room) else None

    async def _fitted(self, request: ChatRequest, call: Call) -> ChatRequest:
        room = self._room(request)
        await loaded(self._counter)
        if room is None or self._counter.request(request) <= room:
            return request
        return await self._cut(request, call, room)

    async def _shorter(
        self, request: ChatRequest, call: Call, refused: ContextTooLong
    ) -> ChatRequest:
        """The request cut once more after a provider refused it.

        Raises: the refusal, where nothing can be left out.
        """
        await loaded(self._counter)
        room = int(self._counter.request(request) * self._options.recut_share)
        try:
            shorter = await self._cut(request, call, room)
        except PromptTooLong:
            raise refused from None
        call.journal.notes["fit.again"] = True
        return shorter

    def _room(self, request: ChatRequest) -> int | None:
        """Tokens there are for the input; None where the window is not known."""
        if self._window is None:
            return None
        context = self._window.context_tokens
        answer = request.max_tokens
        if answer is None:
            answer = min(self._options.answer_tokens, context // 2)
        room = context - answer
        if not self._counter.exact:
            room -= int(context * self._options.estimate_margin)
        return room

    async def _cut(self, request: ChatRequest, call: Call, room: int) -> ChatRequest:
        """The request cut to a room.   Raises: PromptTooLong."""
        sizes = [self._size(request, message) for message in request.messages]
        room_for_messages = room - self._counter.request(_with(request, ()))
        groups = group_messages(request.messages)
        plan = plan_fit(sizes, groups, room_for_messages)
        summary: Message | None = None
        if plan.dropped and self._summarise is not None:
            tighter = plan_fit(sizes, groups, room_for_messages - self._options.summary_tokens)
            if tighter.fits:
                plan = tighter
                summary = await self._summary(request, plan, call)
        kept = [request.messages[place] for place in plan.kept]
        if not plan.fits:
            kept = self._clipped(request, kept, plan.size - room_for_messages, call)
        if plan.dropped:
            _note(call, DROPPED_MESSAGES, len(plan.dropped))
            _note(call, "fit.dropped_tokens", sum(sizes[place] for place in plan.dropped))
        if summary is not None:
            call.journal.notes["fit.summarised"] = True
            kept.insert(_after_system(kept), summary)
        return _with(request, tuple(kept))

    async def _summary(self, request: ChatRequest, plan: FitPlan, call: Call) -> Message | None:
        assert self._summarise is not None
        dropped = [request.messages[place] for place in plan.dropped]
        try:
            text = await self._summarise(dropped, call)
        except SeatrialError as failure:
            call.journal.notes["fit.summary_failed"] = failure.code
            return None
        if not text.strip():
            return None
        frame = self._size(request, said(Role.SYSTEM, ""))
        most = self._options.summary_tokens - frame
        return said(Role.SYSTEM, self._counter.cut(SUMMARY + text, most))

    def _clipped(
        self, request: ChatRequest, messages: list[Message], excess: int, call: Call
    ) -> list[Message]:
        """The messages with the longest text of them cut.   Raises: PromptTooLong."""
        place, part = max(
            (
                (n, k)
                for n, message in enumerate(messages)
                if message.role is not Role.SYSTEM
                for k in range(len(message.parts))
            ),
            key=lambda at: self._counter.text(_text_of(messages[at[0]], at[1])),
            default=(0, 0),
        )
        text = _text_of(messages[place], part) if messages and messages[place].parts else ""
        left = self._counter.text(text) - excess
        if not self._options.cut_messages or left < 1:
            raise self._too_long(request, excess)
        before = self._size(request, messages[place])
        clipped = list(messages)
        clipped[place] = _replaced(messages[place], part, self._counter.cut(text, left))
        shorter = before - self._size(request, clipped[place])
        if shorter < excess:
            raise self._too_long(request, excess)
        _note(call, "fit.cut_tokens", shorter)
        return clipped

    def _too_long(self, request: ChatRequest, excess: int) -> PromptTooLong:
        window = "" if self._window is None else f" of {self._window.context_tokens} tokens"
        return PromptTooLong(
            f"What has to stay of the conversation is {excess} tokens too long for the window"
            f"{window} of model {request.model!r}.",
            remedy="Shorten the newest messages, ask for fewer max_tokens, or let long messages "
            "be cut.",
            provider=self.name,
            excess_tokens=excess,
        )

    def _size(self, request: ChatRequest, message: Message) -> int:
        """Tokens that a message adds."""
        bare = ChatRequest(model=request.model, messages=())
        return self._counter.request(_with(bare, (message,))) - self._counter.request(bare)


def _surely_fits(request: ChatRequest, room: int) -> bool:
    """Whether plain text is so short that it need not be counted: no character is more bytes, and
    no text more tokens than bytes."""
    if request.tools or request.response_format is not None:
        return False
    tokens = 0
    for message in request.messages:
        if message.name is not None:
            return False
        tokens += SPARE_PER_PART
        for part in message.parts:
            if not isinstance(part, Text):
                return False
            tokens += SPARE_PER_PART + BYTES_PER_CHARACTER * len(part.text)
    return tokens + SPARE_PER_PART <= room


def _with(request: ChatRequest, messages: tuple[Message, ...]) -> ChatRequest:
    return msgspec.structs.replace(request, messages=messages)


def _after_system(messages: Sequence[Message]) -> int:
    """The place after the system messages that stand first."""
    place = 0
    while place < len(messages) and messages[place].role is Role.SYSTEM:
        place += 1
    return place


def _text_of(message: Message, place: int) -> str:
    """The text of a part that can be cut; "" of others."""
    part = message.parts[place]
    if isinstance(part, Text):
        return part.text
    return part.content if isinstance(part, ToolResult) else ""


def _replaced(message: Message, place: int, text: str) -> Message:
    """The message with another text in a part; no longer as it was written."""
    part = message.parts[place]
    new = (
        msgspec.structs.replace(part, content=text) if isinstance(part, ToolResult) else Text(text)
    )
    parts = (*message.parts[:place], new, *message.parts[place + 1 :])
    return msgspec.structs.replace(message, parts=parts, raw=None)


def _note(call: Call, name: str, more: int) -> None:
    """Add to what the journal says."""
    before = call.journal.notes.get(name, 0)
    call.journal.notes[name] = more + (before if isinstance(before, int) else 0)

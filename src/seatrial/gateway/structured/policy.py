"""The policy: ``response_format`` for candidates that lack it, and checked for those that have it.

What a caller asks for as JSON, or as JSON of a schema, is what they get, or a typed error. An
answer that came well goes on untouched; one that was mended is given as compact strict JSON, with
the usage of all calls it took. Answers that ask for tools pass.

Of streams, a piece is given only if it never has to be taken back:

    candidate holds to the form itself   every piece as it comes
    JSON, by instruction                 pieces while they are strict JSON from the first bracket
                                         on; a text that begins otherwise is gathered, mended and
                                         given whole; one that breaks later ends in AnswerInvalid
    schema, by instruction or tool       gathered, verified and given whole: whether it fits is
                                         known at its end only

Reasoning passes as it comes, and the usage comes last.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import TypeAlias

import msgspec

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.messages import Message, Role, Text
from seatrial.gateway.chat.provider import Chunks, Pending, Provider
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest, Format
from seatrial.gateway.chat.response import ChatResponse, Choice, Chunk, Embeddings, FinishReason
from seatrial.gateway.structured.form import heard, instructed, total
from seatrial.gateway.structured.gathered import Gathered
from seatrial.gateway.structured.options import Mode, StructuredOptions
from seatrial.gateway.structured.settle import Settling, Spent
from seatrial.gateway.structured.shape import AnyObject, Shape

ShapeOf: TypeAlias = Callable[[Mapping[str, object], str], Shape[object]]
"""The shape of a JSON schema and its name.   Raises: SchemaInvalid."""


class StructuredPolicy:
    """A Provider that holds another to the form of the answer that is asked for.

    It goes around one candidate, within the fallback: an answer that cannot be mended is then
    asked for elsewhere.

    Args:
        options: of its modes, NATIVE sends the form on and TOOL is treated as PROMPT, since the
            caller's own tools must stay.
        shapes: compiles schemas of callers.
        now: monotonic, in s.
    """

    def __init__(
        self,
        inner: Provider,
        *,
        options: StructuredOptions,
        shapes: ShapeOf,
        now: Callable[[], float],
    ) -> None:
        self._inner = inner
        self._options = options
        self._shapes = shapes
        self._now = now

    @property
    def name(self) -> str:
        """That of what it wraps."""
        return self._inner.name

    def chat(self, request: ChatRequest, call: Call) -> Pending[ChatResponse]:
        """See Provider.   Raises: AnswerInvalid, AnswerCut, AnswerFiltered, SchemaInvalid."""
        shape = self._shape(request)
        if shape is None:
            return self._inner.chat(request, call)
        return self._formed(request, call, shape)

    async def _formed(self, request: ChatRequest, call: Call, shape: Shape[object]) -> ChatResponse:
        first = self._asking(request, shape)
        spent = Spent(call.journal)
        response = await self._inner.chat(first, call)
        usages = [response.usage]
        choices = []
        for choice in response.choices:
            if not _answers(choice):
                choices.append(choice)
                continue
            settling = self._settling(request, first, call, shape, spent)
            settled = await settling.settle(heard(choice))
            usages += settled.usages
            if settled.response is None and settled.accepted.text == choice.message.text.strip():
                choices.append(choice)
            else:
                choices.append(_mended(choice, settled.accepted.text))
        if all(a is b for a, b in zip(choices, response.choices, strict=True)):
            return response
        return ChatResponse(
            id=response.id,
            model=response.model,
            choices=tuple(choices),
            usage=total(usages),
            created=response.created,
        )

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """See Provider, and the rule above.   Raises: as `chat`."""
        shape = self._shape(request)
        native = self._options.mode is Mode.NATIVE
        chunks = (
            self._inner.stream(request, call)
            if shape is None or native
            else self._gathered(request, call, shape)
        )
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    def embed(self, request: EmbeddingRequest, call: Call) -> Pending[Embeddings]:
        """See Provider."""
        return self._inner.embed(request, call)

    async def close(self) -> None:
        """See Provider."""
        await self._inner.close()

    def _shape(self, request: ChatRequest) -> Shape[object] | None:
        asked = request.response_format
        if asked is None or asked.form is Format.TEXT:
            return None
        if asked.form is Format.JSON or asked.schema is None:
            return AnyObject()
        return self._shapes(asked.own_schema or asked.schema, asked.name)

    def _asking(self, request: ChatRequest, shape: Shape[object]) -> ChatRequest:
        return request if self._options.mode is Mode.NATIVE else instructed(request, shape)

    def _settling(
        self,
        request: ChatRequest,
        first: ChatRequest,
        call: Call,
        shape: Shape[object],
        spent: Spent,
    ) -> Settling[object]:
        asked = request.response_format
        return Settling(
            self._inner,
            msgspec.structs.replace(first, n=1, stream=False, include_usage=False),
            call,
            shape,
            options=self._plain,
            now=self._now,
            fillers=asked is not None and asked.own_schema is not None,
            spent=spent,
        )

    @property
    def _plain(self) -> StructuredOptions:
        if self._options.mode is not Mode.TOOL:
            return self._options
        return msgspec.structs.replace(self._options, mode=Mode.PROMPT)

    async def _gathered(
        self, request: ChatRequest, call: Call, shape: Shape[object]
    ) -> AsyncGenerator[Chunk, None]:
        first = instructed(request, shape)
        spent = Spent(call.journal)
        gathered = Gathered(
            early=isinstance(shape, AnyObject),
            provider=self.name,
            max_tokens=request.max_tokens,
        )
        chunks = self._inner.stream(first, call)
        async with aclosing(chunks):
            async for chunk in chunks:
                for event in gathered.heard(chunk):
                    yield Chunk(events=(event,))
                for ended in gathered.ended():
                    settling = self._settling(request, first, call, shape, spent)
                    settled = None if ended.settled else await settling.settle(ended.said)
                    for event in gathered.told(ended, settled):
                        yield Chunk(events=(event,))
        for event in gathered.last():
            yield Chunk(events=(event,))


def _answers(choice: Choice) -> bool:
    """Whether it is an answer, and neither a wish for tools nor a refusal in a part of its own."""
    parts = choice.message.parts
    if choice.message.tool_calls:
        return False
    return not parts or any(isinstance(part, Text) for part in parts)


def _mended(choice: Choice, text: str) -> Choice:
    return Choice(
        index=choice.index,
        message=Message(role=Role.ASSISTANT, parts=(Text(text),)),
        finish_reason=FinishReason.STOP,
    )

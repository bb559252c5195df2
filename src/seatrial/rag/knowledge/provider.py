"""An index as a model: what clients of OpenAI and Anthropic ask as ``rag/NAME``.

The last message of the user is the question; what was said before it is not searched. A reply in
OpenAI's form has citations and judgements as ``seatrial`` beside its choices, and a stream has them
in a piece of their own before its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import msgspec

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.failures import NotOffered, Rejected
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.provider import Chunks
from seatrial.gateway.chat.request import (
    ChatRequest,
    DialectName,
    EmbeddingRequest,
    Format,
    ToolUse,
)
from seatrial.gateway.chat.response import (
    ChatResponse,
    Choice,
    Chunk,
    Embeddings,
    Finished,
    FinishReason,
    Started,
    TextDelta,
    Usage,
    UsageReported,
)
from seatrial.gateway.dialects.openai_reply import write_response
from seatrial.gateway.routes.gateway import Caller
from seatrial.rag.answering.reply import Reply
from seatrial.rag.knowledge.asked import Asked, Knowledge
from seatrial.rag.knowledge.record import reply_record

PREFIX = "rag/"
BESIDE = "seatrial"
"""What a reply says beside its text stands under this name."""

Readers = Callable[[str | None], frozenset[str]]
"""Groups that the owner of a key, by its id, belongs to."""


class KnowledgeProvider:
    """One index as a provider; see `gateway.chat.provider.Provider`.

    Args:
        knowledge: answers.
        index: its name there.
        readers: who asks.
        wall: seconds since 1970.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        index: str,
        *,
        readers: Readers,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._knowledge, self._index = knowledge, index
        self._readers, self._wall = readers, wall

    @property
    def name(self) -> str:
        """See Provider."""
        return PREFIX + self._index

    async def chat(self, request: ChatRequest, call: Call) -> ChatResponse:
        """See Provider.   Raises: as `Knowledge.answer`; Rejected: there is no question."""
        reply = await self._reply(request, call)
        choice = Choice(
            index=0, message=said(Role.ASSISTANT, reply.text), finish_reason=FinishReason.STOP
        )
        response = ChatResponse(
            id=f"chatcmpl-{call.id}",
            model=self.name,
            choices=(choice,),
            usage=_usage(reply),
            created=int(self._wall()),
        )
        body = write_response(response) | {BESIDE: reply_record(reply)}
        return msgspec.structs.replace(response, dialect=DialectName.OPENAI, raw=body)

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """See Provider: nothing is said before it is checked, then sentence by sentence."""
        reply = await self._reply(request, call)
        answer, created = f"chatcmpl-{call.id}", int(self._wall())
        yield Chunk(events=(Started(id=answer, model=self.name, created=created),))
        for part in _parts(reply):
            yield Chunk(events=(TextDelta(text=part),))
        beside: Mapping[str, Any] = {
            "id": answer,
            "object": "chat.completion.chunk",
            "created": created,
            "model": self.name,
            "choices": [],
            BESIDE: reply_record(reply),
        }
        yield Chunk(dialect=DialectName.OPENAI, raw=beside)
        yield Chunk(events=(Finished(reason=FinishReason.STOP),))
        if (usage := _usage(reply)) is not None:
            yield Chunk(events=(UsageReported(usage=usage),))

    async def embed(self, request: EmbeddingRequest, call: Call) -> Embeddings:  # noqa: ARG002
        """See Provider.   Raises: NotOffered."""
        raise NotOffered(
            f"{self.name} answers questions and makes no vectors.",
            remedy="Ask a model for embeddings.",
            provider=self.name,
        )

    async def close(self) -> None:
        """See Provider; the index is others', too."""

    async def _reply(self, request: ChatRequest, call: Call) -> Reply:
        if asked_in_vain := _not_offered(request):
            raise NotOffered(
                f"{self.name} answers a question once, in text that cites; {asked_in_vain}",
                remedy="Leave that out; the field seatrial of a reply has its citations as JSON.",
                provider=self.name,
                status=400,
            )
        questions = [one.text for one in request.messages if one.role is Role.USER]
        if not questions or not questions[-1].strip():
            raise Rejected(
                "There is no question: the last message of the user has no text.",
                remedy="Send a message of the role user.",
                provider=self.name,
                status=400,
            )
        caller = Caller(key=call.key, tenant=call.tenant, user=call.user, tags=call.tags)
        asked = Asked(
            question=questions[-1],
            readers=self._readers(call.key),
            key=None if call.user is None else call.user.encode(),
            caller=caller,
        )
        return await self._knowledge.answer(self._index, asked)


def _not_offered(request: ChatRequest) -> str | None:
    """What of a request nothing here can fulfil, and who asks would wait for in vain."""
    if request.n > 1:
        return f"n is {request.n}."
    if request.response_format is not None and request.response_format.form is not Format.TEXT:
        return f"response_format asks for {request.response_format.form}."
    if request.tool_choice is not None and request.tool_choice.use is ToolUse.REQUIRED:
        return "tool_choice requires the call of a tool."
    return None


def _parts(reply: Reply) -> list[str]:
    """The text in pieces that join to it: each ends with a sentence."""
    ends = [one.span.end for one in reply.sentences if not one.withheld]
    cuts = sorted({0, len(reply.text), *(end for end in ends if 0 < end < len(reply.text))})
    return [reply.text[start:end] for start, end in pairwise(cuts)]


def _usage(reply: Reply) -> Usage | None:
    tokens = reply.n_tokens
    if not tokens and reply.cost_usd != 0:
        return None  # a model wrote, and nobody said how much
    return Usage(input_tokens=tokens.get("input", 0), output_tokens=tokens.get("output", 0))

"""One structured answer: a type in, an instance out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.provider import Provider
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.chat.response import ChatResponse, Usage
from seatrial.gateway.structured.coerce import Coercion
from seatrial.gateway.structured.form import asking, heard, total
from seatrial.gateway.structured.options import Mode, StructuredOptions
from seatrial.gateway.structured.problem import Repair
from seatrial.gateway.structured.settle import Settled, Settling, Spent
from seatrial.gateway.structured.shape import Shape, rooted

T = TypeVar("T")


class Answer(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A structured answer.

    Args:
        value: an instance of the type asked for, or plain JSON.
        text: as strict JSON.
        repairs, coercions: what was put right without asking again.
        n_asked: answers that were asked for, >= 1, those included that a candidate's own mending
            took.
        usage: of all of them together; None where one was not told.
        response: the last reply; None for an answer that came as a stream.
    """

    value: T
    text: str
    repairs: tuple[Repair, ...]
    coercions: tuple[Coercion, ...]
    n_asked: int
    usage: Usage | None
    response: ChatResponse | None


async def ask(
    provider: Provider,
    request: ChatRequest,
    call: Call,
    shape: Shape[T],
    *,
    options: StructuredOptions,
    now: Callable[[], float],
) -> Answer[T]:
    """Ask for an answer of a shape until one fits, within the bounds.

    Args:
        request: what is asked; its form of the answer, and in TOOL mode its tools, are replaced.
        now: monotonic, in s, as the call's deadline.

    Raises: AnswerInvalid, with every problem by its JSON path; AnswerCut; AnswerFiltered; what the
        provider raises.
    """
    shape = rooted(shape)
    first = asking(request, shape, options.mode)
    spent = Spent(call.journal)
    response = await provider.chat(first, call)
    settling = Settling(
        provider,
        first,
        call,
        shape,
        options=options,
        now=now,
        fillers=options.mode is not Mode.PROMPT,
        spent=spent,
    )
    tool = shape.name if options.mode is Mode.TOOL else None
    settled = await settling.settle(heard(response.choices[0], tool))
    return answer(settled, response.usage, settled.response or response)


def answer(settled: Settled[T], first: Usage | None, response: ChatResponse | None) -> Answer[T]:
    """The answer of a call whose first request had this usage."""
    accepted = settled.accepted
    return Answer(
        value=accepted.value,
        text=accepted.text,
        repairs=accepted.repairs,
        coercions=accepted.coercions,
        n_asked=settled.n_asked,
        usage=total((first, *settled.usages)),
        response=response,
    )

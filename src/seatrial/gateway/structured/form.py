"""Requests for a structured answer, and the answer's text in what comes back. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from seatrial.gateway.chat.messages import (
    Message,
    Other,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
    said,
)
from seatrial.gateway.chat.request import (
    ChatRequest,
    Format,
    ResponseFormat,
    Tool,
    ToolChoice,
    ToolUse,
)
from seatrial.gateway.chat.response import Choice, FinishReason, Usage
from seatrial.gateway.structured.instructions import complaint, echo, instruction
from seatrial.gateway.structured.options import Mode
from seatrial.gateway.structured.problem import Problem
from seatrial.gateway.structured.read import Ending, read
from seatrial.gateway.structured.shape import Shape, written
from seatrial.gateway.structured.strict_schema import strict_schema

_TOOL_DESCRIPTION = "Gives the answer."


class Said(msgspec.Struct, frozen=True):
    """What a model answered.

    Args:
        text: that should be the JSON.
        tool_call: whose arguments the text is; None where it was said as text.
    """

    text: str
    reason: FinishReason
    message: Message
    tool_call: ToolCall | None = None

    @property
    def is_refusal(self) -> bool:
        """Whether the model refused, in a part of its own, and said nothing else."""
        kinds = {part.kind for part in self.message.parts if isinstance(part, Other)}
        return "refusal" in kinds and not self.text.strip()

    @property
    def ending(self) -> Ending:
        """Whether the model ended by itself."""
        if self.reason in {FinishReason.STOP, FinishReason.TOOL_CALLS}:
            return Ending.WHOLE
        return Ending.CUT if self.reason is FinishReason.CUT else Ending.UNKNOWN


def asking(request: ChatRequest, shape: Shape[object], mode: Mode) -> ChatRequest:
    """The request in a form that asks for the shape, one answer, whole."""
    request = msgspec.structs.replace(request, stream=False, include_usage=False, n=1)
    if mode is Mode.PROMPT:
        return instructed(request, shape)
    sent = strict_schema(shape.schema)
    if mode is Mode.NATIVE:
        form = ResponseFormat(
            form=Format.SCHEMA,
            name=shape.name,
            schema=sent.schema,
            own_schema=shape.schema if sent.strict else None,
            strict=sent.strict,
        )
        return msgspec.structs.replace(request, response_format=form)
    tool = Tool(
        name=shape.name,
        description=_description(shape.schema),
        parameters=sent.schema,
        strict=sent.strict or None,
    )
    return msgspec.structs.replace(
        request,
        tools=(tool,),
        tool_choice=ToolChoice(use=ToolUse.REQUIRED, name=shape.name),
        parallel_tool_calls=False,
        response_format=None,
    )


def instructed(request: ChatRequest, shape: Shape[object]) -> ChatRequest:
    """The request with the schema said in a system message, behind those that are there."""
    messages = request.messages
    n_system = 0
    while n_system < len(messages) and messages[n_system].role is Role.SYSTEM:
        n_system += 1
    told = said(Role.SYSTEM, instruction(shape))
    return msgspec.structs.replace(
        request,
        messages=(*messages[:n_system], told, *messages[n_system:]),
        response_format=None,
    )


def _description(schema: Mapping[str, object]) -> str:
    return str(schema.get("description") or _TOOL_DESCRIPTION)


def heard(choice: Choice, tool: str | None = None) -> Said:
    """The answer in a choice: the arguments of the named tool's first call, else the text."""
    for each in choice.message.tool_calls if tool is not None else ():
        if each.name == tool:
            return Said(each.arguments, choice.finish_reason, choice.message, each)
    return Said(choice.message.text, choice.finish_reason, choice.message)


def asking_again(first: ChatRequest, last: Said, problems: Sequence[Problem]) -> ChatRequest:
    """The first request with the last answer and what is wrong with it; earlier ones are left out,
    so that the conversation does not grow with every try."""
    wrong = complaint(problems)
    shown = echo(last.text)
    if last.tool_call is None:
        parts: tuple[Text | ToolCall, ...] = (Text(shown),)
        turn = said(Role.USER, wrong)
    else:
        parts = (msgspec.structs.replace(last.tool_call, arguments=_arguments(shown)),)
        result = ToolResult(call_id=last.tool_call.id, content=wrong, is_error=True)
        turn = Message(role=Role.TOOL, parts=(result,))
    answer = Message(role=Role.ASSISTANT, parts=(*_thoughts(last.message), *parts))
    return msgspec.structs.replace(first, messages=(*first.messages, answer, turn), n=1)


def _thoughts(message: Message) -> tuple[Reasoning, ...]:
    """Signed reasoning must precede what followed from it, or its provider refuses the turn."""
    return tuple(p for p in message.parts if isinstance(p, Reasoning) and p.signature is not None)


def _arguments(text: str) -> str:
    """Arguments as providers take them back: a JSON object, whatever the model wrote."""
    found = read(text)
    strict = len(found.found) == 1 and not found.found[0].repairs
    if strict and isinstance(found.found[0].value, dict):
        return text
    return written({"not_json": text})


def total(usages: Sequence[Usage | None]) -> Usage | None:
    """The tokens of several calls together; None where one of them is not known."""
    if not usages or any(usage is None for usage in usages):
        return None
    fields = Usage.__struct_fields__
    return Usage(**{name: sum(getattr(usage, name) for usage in usages) for name in fields})

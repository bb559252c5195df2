"""Whole replies of Anthropic's messages."""

from __future__ import annotations

from typing import Any

from seatrial.gateway.chat.messages import Message, Reasoning, Role
from seatrial.gateway.chat.request import DialectName
from seatrial.gateway.chat.response import ChatResponse, Choice, FinishReason, Usage
from seatrial.gateway.dialects import fields
from seatrial.gateway.dialects.anthropic_messages import blocks_of, read_blocks
from seatrial.gateway.dialects.usage import read_anthropic_usage, write_anthropic_usage

_REASONS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.CUT,
    "model_context_window_exceeded": FinishReason.CUT,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.FILTERED,
}
_WRITTEN = {
    FinishReason.STOP: "end_turn",
    FinishReason.CUT: "max_tokens",
    FinishReason.TOOL_CALLS: "tool_use",
    FinishReason.FILTERED: "refusal",
    FinishReason.OTHER: "end_turn",
}
NO_USAGE = Usage(input_tokens=0, output_tokens=0)
"""What a client is told where the provider tells nothing: the field must be there."""


def read_reason(word: object) -> FinishReason:
    """OTHER for a word that is not known, such as ``pause_turn``, and for none."""
    return _REASONS.get(word, FinishReason.OTHER) if type(word) is str else FinishReason.OTHER


def write_reason(reason: FinishReason, *, calls: bool) -> str:
    """The word for clients.

    Args: calls: whether the answer has calls of tools. OpenAI ends one with ``stop`` when the tool
        was named in the request; Anthropic's clients look for the calls only at ``tool_use``.
    """
    if calls and reason in (FinishReason.STOP, FinishReason.OTHER):
        return "tool_use"
    return _WRITTEN[reason]


def read_response(body: object) -> ChatResponse:
    """A reply as a provider gives it.   Raises: RequestInvalid: it has no list of blocks."""
    given = fields.mapping(body, "")
    if type(given.get("content")) is not list:
        raise fields.wrong("content", given.get("content"), "a list of blocks")
    message = Message(
        role=Role.ASSISTANT,
        parts=tuple(read_blocks(given["content"], "content")),
        raw={"role": "assistant", "content": given["content"]},
    )
    reason = read_reason(given.get("stop_reason"))
    return ChatResponse(
        id=fields.optional_text(given, "id") or "",
        model=fields.optional_text(given, "model") or "",
        choices=(Choice(index=0, message=message, finish_reason=reason),),
        usage=read_anthropic_usage(given.get("usage")),
        dialect=DialectName.ANTHROPIC,
        raw=given,
    )


def write_response(response: ChatResponse) -> dict[str, Any]:
    """The reply for a client, of the first choice; as it came, but for what was changed since."""
    choice = response.choices[0]
    own = response.dialect is DialectName.ANTHROPIC and response.raw is not None
    if own and response.raw is not None:
        return _changed(response, dict(response.raw))
    usage = response.usage or NO_USAGE
    message = choice.message
    return {
        "id": response.id,
        "type": "message",
        "role": "assistant",
        "model": response.model,
        "content": _content(message, own=False),
        "stop_reason": write_reason(choice.finish_reason, calls=bool(message.tool_calls)),
        "stop_sequence": None,
        "usage": write_anthropic_usage(usage),
    }


def _content(message: Message, *, own: bool) -> list[Any]:
    """The blocks; thoughts are told to a client even when nobody signed them."""
    parts = (
        Reasoning(text=part.text, signature=part.signature or "")
        if isinstance(part, Reasoning)
        else part
        for part in message.parts
    )
    return blocks_of(parts, own=own)


def _changed(response: ChatResponse, body: dict[str, Any]) -> dict[str, Any]:
    for name, value in (("id", response.id), ("model", response.model)):
        if value != (body.get(name) or ""):
            body[name] = value
    if response.usage != read_anthropic_usage(body.get("usage")):
        body["usage"] = write_anthropic_usage(response.usage or NO_USAGE)
    choice = response.choices[0]
    if choice.finish_reason is not read_reason(body.get("stop_reason")):
        calls = bool(choice.message.tool_calls)
        body["stop_reason"] = write_reason(choice.finish_reason, calls=calls)
    raw = choice.message.raw
    if raw is None:
        body["content"] = _content(choice.message, own=True)
    elif raw.get("content") is not body["content"]:
        body["content"] = raw["content"]
    return body

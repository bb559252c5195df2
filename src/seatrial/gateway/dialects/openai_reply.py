"""Whole replies of OpenAI's chat completions."""

from __future__ import annotations

from typing import Any

from seatrial.gateway.chat.messages import Message, Role
from seatrial.gateway.chat.request import DialectName
from seatrial.gateway.chat.response import (
    ChatResponse,
    Choice,
    FinishReason,
    Usage,
)
from seatrial.gateway.dialects import fields
from seatrial.gateway.dialects.fields import Body
from seatrial.gateway.dialects.openai_messages import answer_body, read_answer
from seatrial.gateway.dialects.usage import read_openai_usage, write_openai_usage

_REASONS = {
    "stop": FinishReason.STOP,
    "length": FinishReason.CUT,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.FILTERED,
}
_WRITTEN = {
    FinishReason.STOP: "stop",
    FinishReason.CUT: "length",
    FinishReason.TOOL_CALLS: "tool_calls",
    FinishReason.FILTERED: "content_filter",
    FinishReason.OTHER: "stop",
}


def read_reason(word: object) -> FinishReason:
    """OTHER for a word that is not known, and for none."""
    return _REASONS.get(word, FinishReason.OTHER) if type(word) is str else FinishReason.OTHER


def write_reason(reason: FinishReason) -> str:
    """``stop`` for OTHER: clients know no other words."""
    return _WRITTEN[reason]


def read_response(body: object) -> ChatResponse:
    """A reply as a provider gives it.   Raises: RequestInvalid: it has no choice with a message."""
    given = fields.mapping(body, "")
    return ChatResponse(
        id=fields.optional_text(given, "id") or "",
        model=fields.optional_text(given, "model") or "",
        choices=tuple(
            [_choice(choice, n) for n, choice in enumerate(fields.filled(given, "choices"))]
        ),
        usage=read_openai_usage(given.get("usage")),
        created=fields.count(given, "created"),
        dialect=DialectName.OPENAI,
        raw=given,
    )


def _choice(body: object, n: int) -> Choice:
    place = fields.within("choices", n)
    if type(body) is not dict:
        raise fields.wrong(place.removesuffix("."), body, "an object")
    message = fields.optional_mapping(body, "message", place)
    if message is None:
        raise fields.missing(f"{place}message", "an object")
    index = body.get("index")
    return Choice(
        index=index if type(index) is int else n,
        message=Message(
            role=Role.ASSISTANT,
            parts=read_answer(message, fields.within("choices", n, "message.")),
            raw=message,
        ),
        finish_reason=read_reason(body.get("finish_reason")),
    )


def write_response(response: ChatResponse) -> dict[str, Any]:
    """The reply for a client; as it came, but for what was changed since."""
    if response.dialect is DialectName.OPENAI and response.raw is not None:
        return _changed(response, dict(response.raw))
    body: dict[str, Any] = {
        "id": response.id,
        "object": "chat.completion",
        "created": response.created,
        "model": response.model,
        "choices": [_written(choice) for choice in response.choices],
    }
    return _with_usage(body, response.usage)


def _with_usage(body: dict[str, Any], usage: Usage | None) -> dict[str, Any]:
    return body if usage is None else {**body, "usage": write_openai_usage(usage)}


def _written(choice: Choice) -> dict[str, Any]:
    return {
        "index": choice.index,
        "message": {"refusal": None, **answer_body(choice.message.parts, with_reasoning=True)},
        "logprobs": None,
        "finish_reason": write_reason(choice.finish_reason),
    }


def _changed(response: ChatResponse, body: dict[str, Any]) -> dict[str, Any]:
    if response.id != (body.get("id") or ""):
        body["id"] = response.id
    if response.model != (body.get("model") or ""):
        body["model"] = response.model
    if response.created != body.get("created") and response.created != fields.count(
        body, "created"
    ):
        body["created"] = response.created
    if response.usage != read_openai_usage(body.get("usage")):
        body.pop("usage", None)
        body = _with_usage(body, response.usage)
    given = body["choices"]
    body["choices"] = [
        _same_or_written(choice, given[n] if n < len(given) else None)
        for n, choice in enumerate(response.choices)
    ]
    return body


def _same_or_written(choice: Choice, given: Body | None) -> Any:
    if given is None:
        return _written(choice)
    same_end = choice.finish_reason is read_reason(given.get("finish_reason"))
    if choice.message.raw is given["message"] and same_end:
        return given
    written = _written(choice)
    if choice.message.raw is not None:
        written["message"] = choice.message.raw
    return {**given, **written} if not same_end else {**given, "message": written["message"]}

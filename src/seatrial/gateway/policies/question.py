"""The question of a request: its last message, where that is a user's text and nothing hangs on it.

What is left of the request without it is what two requests must share before their questions are
compared at all: everything, and the whole conversation before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from seatrial.gateway.chat.messages import Message, Role, Text
from seatrial.gateway.chat.request import ChatRequest, Format


class Question(NamedTuple):
    """A question and what it was asked in.

    Args:
        text: of the last message.
        rest: the request with nothing for that text.
    """

    text: str
    rest: ChatRequest


def question_of(request: ChatRequest) -> Question | None:
    """None where an answer to another question cannot stand in for one to this request: it offers
    tools, wants a form or several answers, or does not end with the text of a user."""
    if request.tools or request.n != 1 or not request.messages:
        return None
    if request.response_format is not None and request.response_format.form is not Format.TEXT:
        return None
    last = request.messages[-1]
    if last.role is not Role.USER or len(last.parts) != 1 or not isinstance(last.parts[0], Text):
        return None
    blank = Message(role=last.role, parts=(Text(""),), name=last.name, raw=_blank(last.raw))
    if (blank.raw is None) != (last.raw is None):
        return None
    raw = request.raw
    if raw is not None and last.raw is not None:
        written = raw.get("messages")
        if not isinstance(written, list) or not written or written[-1] is not last.raw:
            return None
        raw = {**raw, "messages": [*written[:-1], blank.raw]}
    rest = replace(request, messages=(*request.messages[:-1], blank), raw=raw)
    return Question(last.parts[0].text, rest)


def _blank(raw: Mapping[str, object] | None) -> Mapping[str, object] | None:
    """A message as it was written, without its text; None for one written in another way."""
    content = None if raw is None else raw.get("content")
    if raw is None or isinstance(content, str):
        return None if raw is None else {**raw, "content": ""}
    if not isinstance(content, list) or len(content) != 1:
        return None
    part = content[0]
    if not isinstance(part, Mapping) or not isinstance(part.get("text"), str):
        return None
    return {**raw, "content": [{**part, "text": ""}]}

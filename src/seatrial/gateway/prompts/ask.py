"""A request to a prompt: which one, with which variables, and what else the caller may say.

Clients of OpenAI and Anthropic ask for the model ``prompt/NAME`` and give the variables in a field
of the body, which their libraries call ``extra_body``. Messages may follow the prompt's own. How
the model is asked is the variant's business: whoever could change it would judge something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from seatrial.gateway.chat.messages import Role
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.dialects import fields
from seatrial.gateway.dialects.fields import RequestInvalid

PREFIX = "prompt/"
VARIABLES = "variables"

_CALLERS = frozenset(
    {
        "model",
        "messages",
        "max_tokens",
        "max_completion_tokens",
        "stream",
        "stream_options",
        "user",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "metadata",
        "n",
    }
)
"""What a caller may say; everything else is settled by the variant."""

_NOTHING = [{"role": "user", "content": "-"}]


class PromptAsk(msgspec.Struct, frozen=True, kw_only=True):
    """What a body asks of a prompt.

    Args:
        name: of the endpoint.
        variables: as given, not checked yet.
        body: the rest, in the caller's dialect, with a message in it.
        talks: whether that message is the caller's.
    """

    name: str
    variables: Mapping[str, object]
    body: Mapping[str, Any]
    talks: bool

    def given(self, read: ChatRequest) -> ChatRequest:
        """What the caller says besides, from the body as their dialect read it.

        Raises: RequestInvalid: a message of the system, or more than one answer.
        """
        if read.n != 1:
            raise fields.wrong("n", read.n, "1, which is how many answers a prompt gives")
        if not self.talks:
            return msgspec.structs.replace(read, messages=())
        for place, message in enumerate(read.messages):
            if message.role is Role.SYSTEM:
                raise _settled(f"messages[{place}]", why=", a message of the system,")
        return read


def prompt_ask(body: object) -> PromptAsk | None:
    """What a body asks of a prompt; None for one that asks a model.

    Raises: RequestInvalid: its variables are no object, or it says what the variant settles.
    """
    if not isinstance(body, dict):
        return None
    model = body.get("model")
    if not isinstance(model, str) or not model.startswith(PREFIX):
        return None
    variables = fields.optional_mapping(body, VARIABLES) or {}
    rest = {name: value for name, value in body.items() if name != VARIABLES and value is not None}
    for name in rest:
        if name not in _CALLERS:
            raise _settled(name[:100])
    talks = bool(rest.get("messages"))
    if not talks:
        rest["messages"] = _NOTHING
    return PromptAsk(name=model.removeprefix(PREFIX), variables=variables, body=rest, talks=talks)


def _settled(place: str, *, why: str = "") -> RequestInvalid:
    return RequestInvalid(
        f"{place}{why} is not the caller's to choose: the version of the prompt settles it.",
        remedy="Leave it out, or deploy a version of the prompt that says so.",
        place=place,
    )

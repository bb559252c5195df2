"""LLM calls that parse, survive and stay in budget.

`seatrial.open_gateway` makes a `Gateway` of `seatrial.yaml`. The names below are what a program
needs most; each loads its module when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.gateway.chat.call import Attempt, Call, Journal
    from seatrial.gateway.chat.failures import ProviderFailure
    from seatrial.gateway.chat.messages import (
        Image,
        Message,
        Role,
        Text,
        ToolCall,
        ToolResult,
        said,
    )
    from seatrial.gateway.chat.provider import Provider
    from seatrial.gateway.chat.request import (
        ChatRequest,
        Format,
        ResponseFormat,
        Tool,
        ToolChoice,
        ToolUse,
    )
    from seatrial.gateway.chat.response import ChatResponse, Chunk, Embeddings, TextDelta, Usage
    from seatrial.gateway.policies.budget_failures import BudgetExceeded
    from seatrial.gateway.routes.gateway import Caller, Completion, Gateway
    from seatrial.gateway.structured.ask import Answer
    from seatrial.gateway.structured.options import StructuredOptions

__all__ = [
    "Answer",
    "Attempt",
    "BudgetExceeded",
    "Call",
    "Caller",
    "ChatRequest",
    "ChatResponse",
    "Chunk",
    "Completion",
    "Embeddings",
    "Format",
    "Gateway",
    "Image",
    "Journal",
    "Message",
    "Provider",
    "ProviderFailure",
    "ResponseFormat",
    "Role",
    "StructuredOptions",
    "Text",
    "TextDelta",
    "Tool",
    "ToolCall",
    "ToolChoice",
    "ToolResult",
    "ToolUse",
    "Usage",
    "said",
]

_HOMES = {
    "Answer": "structured.ask",
    "Attempt": "chat.call",
    "BudgetExceeded": "policies.budget_failures",
    "Call": "chat.call",
    "Caller": "routes.gateway",
    "ChatRequest": "chat.request",
    "ChatResponse": "chat.response",
    "Chunk": "chat.response",
    "Completion": "routes.gateway",
    "Embeddings": "chat.response",
    "Format": "chat.request",
    "Gateway": "routes.gateway",
    "Image": "chat.messages",
    "Journal": "chat.call",
    "Message": "chat.messages",
    "Provider": "chat.provider",
    "ProviderFailure": "chat.failures",
    "ResponseFormat": "chat.request",
    "Role": "chat.messages",
    "StructuredOptions": "structured.options",
    "Text": "chat.messages",
    "TextDelta": "chat.response",
    "Tool": "chat.request",
    "ToolCall": "chat.messages",
    "ToolChoice": "chat.request",
    "ToolResult": "chat.messages",
    "ToolUse": "chat.request",
    "Usage": "chat.response",
    "said": "chat.messages",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

"""What the chat form adds to the texts, by vendor.

OpenAI: github.com/openai/openai-cookbook, "How to count tokens with tiktoken": 3 tokens a message
and its role, 1 and the name where there is one, 3 for the beginning of the reply. Anthropic:
docs.anthropic.com, "Tool use", lists the tokens of the prompt that tools bring: 264 to 804; what a
message adds is not published. The bounds allow twice what is documented, since forms change with
models.
"""

from __future__ import annotations

from typing import Final

import msgspec


class ChatForm(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens beside the texts.

    Args:
        message, message_bound: for each, its role included.
        name: for a name, beside its text.
        reply, reply_bound: once.
        call, call_bound: for each call of a tool or result of one, beside its texts.
        tool: at the beginning of each tool.
        tool_bound: for each, beside its JSON.
        tools, tools_bound: once, where there are any.
    """

    message: int = 4
    message_bound: int = 8
    name: int = 1
    reply: int = 3
    reply_bound: int = 16
    call: int = 4
    call_bound: int = 16
    tool: int = 7
    tool_bound: int = 16
    tools: int = 0
    tools_bound: int = 64


OPENAI: Final = ChatForm()
OPENAI_CL100K: Final = ChatForm(tool=10)
"""gpt-4 and gpt-3.5."""
ANTHROPIC: Final = ChatForm(tools=400, tools_bound=1_024)
UNPUBLISHED: Final = ChatForm(message_bound=16, reply_bound=64, tool_bound=64, tools_bound=1_024)
"""Templates of open models: some write a system prompt or instructions for tools of their own."""

"""Counts of whole requests: texts by an encoder, the rest by the vendor's form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, assert_never

from seatrial.gateway.chat.messages import (
    Image,
    Message,
    Other,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from seatrial.gateway.chat.request import ChatRequest, Tool
from seatrial.gateway.tokens.chat_form import ChatForm
from seatrial.gateway.tokens.encoder import Encoder
from seatrial.gateway.tokens.estimate import EstimatingEncoder
from seatrial.gateway.tokens.images import UNKNOWN_IMAGE, ImageRule, size_of_image
from seatrial.gateway.tokens.tool_form import (
    WITHOUT_END,
    as_json,
    format_bound,
    format_tokens,
    tools_bound,
    tools_tokens,
)

# fmt: off
NO_PROMPT: Final = frozenset((
    "model", "messages", "system", "max_tokens", "max_completion_tokens", "temperature",
    "top_p", "top_k", "min_p", "seed", "stop", "stop_sequences", "n", "stream",
    "stream_options", "tools", "tool_choice", "parallel_tool_calls", "response_format",
    "output_format", "user", "service_tier", "speed", "metadata", "store", "logprobs",
    "top_logprobs", "logit_bias", "presence_penalty", "frequency_penalty", "reasoning_effort",
    "verbosity", "thinking", "modalities", "audio", "prompt_cache_key",
    "prompt_cache_retention", "safety_identifier",
))
# fmt: on
"""Fields of a body that are read elsewhere, or that no model reads."""

_BYTES: Final = EstimatingEncoder()

MESSAGE_FIELDS: Final = frozenset(("role", "content", "name", "tool_calls", "tool_call_id"))

LOCAL_TOOLS: Final = ("bash_", "computer_", "memory_", "text_editor_")
"""Anthropic's tools that the caller runs; each brings at most 735 tokens (docs, "Tool use")."""
LOCAL_TOOL_TOKENS: Final = 2_000

_ELSEWHERE: Final = frozenset(
    ("url", "file_id", "file_url", "file_data", "data", "image_url", "video_url", "input_audio")
)
"""Keys of parts that hold, or point to, what is not text: how long it is cannot be seen."""


class ChatCounter:
    """A `TokenCounter`.

    Args:
        encoder: of the model's texts.
        images: of the model.
        window: how many tokens the model can read; the bound of what has none, such as a file
            behind an address. None where it is not known.
    """

    def __init__(
        self, encoder: Encoder, form: ChatForm, images: ImageRule, *, window: int | None = None
    ) -> None:
        self._encoder = encoder
        self._form = form
        self._images = images
        self._endless = max(UNKNOWN_IMAGE, WITHOUT_END if window is None else window)

    @property
    def exact(self) -> bool:
        """Whether texts are counted as the provider counts them."""
        return self._encoder.exact

    @property
    def ready(self) -> bool:
        """Whether texts are counted at once."""
        return self._encoder.ready

    def load(self) -> None:
        """Get ready."""
        self._encoder.load()

    def text(self, text: str) -> int:
        """Tokens of a text alone."""
        return self._encoder.count(text)

    def cut(self, text: str, max_tokens: int) -> str:
        """The beginning of a text, of at most ``max_tokens``."""
        return self._encoder.cut(text, max_tokens)

    def request(self, request: ChatRequest) -> int:
        """Tokens of the whole input."""
        form, count = self._form, self._encoder.count
        total = form.reply + sum(map(self._message, request.messages))
        if request.tools:
            total += form.tools + tools_tokens(request.tools, count, per_tool=form.tool)
        return total + format_tokens(request.response_format, count)

    def bound(self, request: ChatRequest) -> int:
        """As many tokens as the provider can count: of exact texts their own number."""
        total = self._bound(request, self._encoder.bound)
        # Only of tools can the estimate be more than their JSON.
        return max(total, self.request(request)) if request.tools else total

    def ceiling(self, request: ChatRequest) -> int:
        """The bound if every byte were a token: no vocabulary is asked."""
        total = self._bound(request, _BYTES.bound)
        if request.tools:
            total += self._form.tools
            total += tools_tokens(request.tools, _BYTES.bound, per_tool=self._form.tool)
        return total

    def _bound(self, request: ChatRequest, bound: Callable[[str], int]) -> int:
        form = self._form
        total = form.reply_bound
        for message in request.messages:
            total += self._message_bound(message, bound)
        if request.tools:
            total += form.tools_bound + tools_bound(request.tools, bound, margin=form.tool_bound)
            total += sum(map(self._vendor_tool_bound, request.tools))
        if request.response_format is not None:
            total += format_bound(request.response_format, bound)
        if request.raw is None or request.raw.keys() <= NO_PROMPT:
            return total
        return total + sum(bound(as_json(said)) for said in _unread(request.raw, NO_PROMPT))

    def _message(self, message: Message) -> int:
        form, count = self._form, self._encoder.count
        total = form.message
        if message.name is not None:
            total += form.name + count(message.name)
        details = None
        for part in message.parts:
            match part:
                case Text():
                    total += count(part.text)
                case ToolCall():
                    total += form.call + count(part.name) + count(part.arguments)
                case ToolResult():
                    total += form.call + count(part.content)
                case Reasoning():
                    total += count(part.text)
                case Image():
                    details = details or _details(message)
                    total += self._images.estimate(size_of_image(part), next(details, "auto"))
                case Other():
                    total += UNKNOWN_IMAGE if _holds_more(part.data) else count(as_json(part.data))
                case _:
                    assert_never(part)
        return total

    def _message_bound(self, message: Message, bound: Callable[[str], int]) -> int:
        total, parts = self._form.message_bound, message.parts
        if len(parts) == 1 and type(parts[0]) is Text:
            total += bound(parts[0].text)
            if message.name is None and (
                message.raw is None or message.raw.keys() <= MESSAGE_FIELDS
            ):
                return total
        else:
            total += sum(self._part_bound(part, bound) for part in parts)
        if message.name is not None:
            total += self._form.message_bound + bound(message.name)
        texts = [part.text for part in message.parts if isinstance(part, Text)]
        if len(texts) > 1:
            # A vendor may join them; parts of words may then be more tokens than apart.
            total += max(0, bound("".join(texts)) - sum(map(bound, texts)))
        return total + sum(bound(as_json(said)) for said in _unread(message.raw, MESSAGE_FIELDS))

    def _part_bound(self, part: Part, bound: Callable[[str], int]) -> int:
        call = self._form.call_bound
        match part:
            case Text() | Reasoning():
                return bound(part.text)
            case ToolCall():
                return call + bound(part.id) + bound(part.name) + bound(part.arguments)
            case ToolResult():
                return call + bound(part.call_id) + bound(part.content)
            case Image():
                most = self._images.bound(size_of_image(part), "auto")
                return self._endless if most is None else most
            case Other():
                return self._endless if _holds_more(part.data) else bound(as_json(part.data))
        assert_never(part)

    def _vendor_tool_bound(self, tool: Tool) -> int:
        """What a tool of the vendor's own adds. One that the vendor runs, such as a search, feeds
        what it finds to the model."""
        kind = "function" if tool.raw is None else tool.raw.get("type", "custom")
        if kind in ("function", "custom"):
            return 0
        if isinstance(kind, str) and kind.startswith(LOCAL_TOOLS):
            return LOCAL_TOOL_TOKENS
        return self._endless


def _unread(raw: Mapping[str, object] | None, read: frozenset[str]) -> Iterator[object]:
    """Values of fields that pass through unread, and may be read by the model."""
    if raw is not None:
        for field, value in raw.items():
            if field not in read and value is not None:
                yield (field, value)


def _details(message: Message) -> Iterator[str]:
    """The ``detail`` of each image of a message in OpenAI's form, in order."""
    content = None if message.raw is None else message.raw.get("content")
    for part in content if isinstance(content, list) else ():
        if isinstance(part, Mapping) and part.get("type") == "image_url":
            image = part.get("image_url")
            yield str(image.get("detail", "auto")) if isinstance(image, Mapping) else "auto"


def _holds_more(data: object) -> bool:
    """Whether a part holds, or points to, something else than its own text."""
    if isinstance(data, Mapping):
        return any(key in _ELSEWHERE or _holds_more(value) for key, value in data.items())
    return isinstance(data, list) and any(map(_holds_more, data))

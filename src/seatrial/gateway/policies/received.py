"""What came of an answer, kept to estimate its tokens where the provider does not tell them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TypeAlias

from seatrial.gateway.chat.messages import Reasoning, Text, ToolCall
from seatrial.gateway.chat.response import (
    ChatResponse,
    Choice,
    Chunk,
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReported,
)
from seatrial.gateway.prices.terms import Terms, terms_of

_Part: TypeAlias = tuple[int, str, int]
_MOST_PIECES = 256
_MOST_CHARACTERS = 4 * 1024 * 1024
"""That are kept, a million tokens or so: what comes beyond counts as what came before."""


class Received:
    """An answer as far as it came, whole or in pieces: both ways count alike.

    Args:
        n: how many answers were asked for.
    """

    __slots__ = (
        "_finished",
        "_n",
        "_n_characters",
        "_pieces",
        "_unread",
        "cut",
        "n_pieces",
        "terms",
        "usage",
    )

    def __init__(self, n: int = 1) -> None:
        self.usage: Usage | None = None
        """The provider's last word."""
        self.terms: Terms = ()
        """At which the provider says that it worked."""
        self.cut = False
        """Whether an answer ended at ``max_tokens``."""
        self.n_pieces = 0
        """Pieces that carry something of the answer."""
        self._n = n
        self._n_characters = 0
        self._finished: set[int] = set()
        self._pieces: dict[_Part, list[str]] = {}
        self._unread: tuple[Choice, ...] = ()

    @classmethod
    def whole(cls, response: ChatResponse) -> Received:
        """All of an answer that came at once."""
        received = cls(len(response.choices))
        received.usage = response.usage
        received.terms = terms_of(response.raw)
        received._unread = response.choices
        for choice in response.choices:
            received._finish(choice.index, choice.finish_reason)
        return received

    def take(self, chunk: Chunk) -> None:
        """A piece of a stream."""
        for event in chunk.events:
            match event:
                case TextDelta():
                    self._add((event.index, "text", 0), event.text)
                case ReasoningDelta():
                    self._add((event.index, "reasoning", 0), event.text)
                case ToolCallDelta():
                    if event.name:
                        self._add((event.index, "name", event.position), event.name)
                    self._add((event.index, "arguments", event.position), event.arguments)
                case Finished():
                    self._finish(event.index, event.reason)
                case UsageReported():
                    self.usage = event.usage
                    self._read_terms(chunk)
                case Started():
                    self._read_terms(chunk)

    @property
    def complete(self) -> bool:
        """Whether every answer came to its end."""
        return len(self._finished) >= self._n

    def tokens(self, count: Callable[[str], int]) -> int:
        """Tokens of all that came, counted so; of an answer that is too long to be kept, as many as
        its beginning has, in proportion."""
        self._read_whole()
        texts = list(self._texts())
        n_tokens, n_kept = sum(map(count, texts)), sum(map(len, texts))
        if self._n_characters <= n_kept:
            return n_tokens
        return math.ceil(n_tokens * self._n_characters / max(1, n_kept))

    def _read_whole(self) -> None:
        """Take in an answer that came at once; mostly its provider tells what it used, and nobody
        counts it."""
        choices, self._unread = self._unread, ()
        for choice in choices:
            position = 0
            for part in choice.message.parts:
                if isinstance(part, Text):
                    self._add((choice.index, "text", 0), part.text)
                elif isinstance(part, Reasoning):
                    self._add((choice.index, "reasoning", 0), part.text)
                elif isinstance(part, ToolCall):
                    self._add((choice.index, "name", position), part.name)
                    self._add((choice.index, "arguments", position), part.arguments)
                    position += 1

    def _texts(self) -> Iterator[str]:
        for pieces in self._pieces.values():
            yield "".join(pieces)

    def _add(self, part: _Part, text: str) -> None:
        self.n_pieces += 1
        if not text:
            return
        room = max(0, _MOST_CHARACTERS - self._n_characters)
        self._n_characters += len(text)
        if not room:
            return
        pieces = self._pieces.setdefault(part, [])
        pieces.append(text[:room])
        if len(pieces) >= _MOST_PIECES:  # an object for every token would be most of the memory
            pieces[:] = ["".join(pieces)]

    def _finish(self, index: int, reason: FinishReason) -> None:
        self._finished.add(index)
        if reason is FinishReason.CUT:
            self.cut = True

    def _read_terms(self, chunk: Chunk) -> None:
        self.terms = terms_of(chunk.raw) or self.terms

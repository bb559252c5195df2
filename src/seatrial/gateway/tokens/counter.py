"""The port: how many tokens a model sees."""

from __future__ import annotations

from typing import Protocol

from seatrial.gateway.chat.request import ChatRequest


class TokenCounter(Protocol):
    """Counts for one model."""

    @property
    def exact(self) -> bool:
        """Whether `text` gives what the provider counts; otherwise it is an estimate."""
        ...

    @property
    def ready(self) -> bool:
        """Whether it counts at once; otherwise the first count loads a vocabulary, which takes some
        tenths of a second. `ceiling` never does."""
        ...

    def load(self) -> None:
        """Get ready; in any thread."""
        ...

    def text(self, text: str) -> int:
        """Tokens of a text alone."""
        ...

    def request(self, request: ChatRequest) -> int:
        """Tokens of the whole input: messages, tools, schema and what the chat form adds.

        Every message adds its own, whatever stands beside it.
        """
        ...

    def bound(self, request: ChatRequest) -> int:
        """A number of input tokens that the provider cannot exceed, for budgets: >= `request`."""
        ...

    def ceiling(self, request: ChatRequest) -> int:
        """A number that `bound` does not exceed, by the length of texts alone: quickly told."""
        ...

    def cut(self, text: str, max_tokens: int) -> str:
        """The beginning of a text, of at most ``max_tokens`` tokens; no character is split."""
        ...

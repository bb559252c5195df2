"""The port: how a text becomes tokens, and how many there can be at most."""

from __future__ import annotations

from typing import Protocol


class Encoder(Protocol):
    """Tokens of plain text. Names of special tokens in it are text like any other."""

    @property
    def exact(self) -> bool:
        """Whether `count` is what the provider counts."""
        ...

    @property
    def ready(self) -> bool:
        """Whether it counts at once; otherwise the first count loads what it needs."""
        ...

    def load(self) -> None:
        """Get ready; in any thread."""
        ...

    def count(self, text: str) -> int:
        """How many tokens a text has, or is estimated to have."""
        ...

    def bound(self, text: str) -> int:
        """As many tokens as the text can have: `count` where that is exact."""
        ...

    def cut(self, text: str, max_tokens: int) -> str:
        """The beginning of a text, of at most ``max_tokens`` by `count`; no character is split."""
        ...

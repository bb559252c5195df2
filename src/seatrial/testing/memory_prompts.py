"""Prompts kept in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seatrial.gateway.prompts.source import matching
from seatrial.gateway.prompts.template import Prompt, digest_of


class MemoryPrompts:
    """`gateway.prompts.source.PromptSource` over texts.

    Args:
        texts: of the versions of each prompt, the current one last.
    """

    def __init__(self, texts: Mapping[str, Sequence[str]]) -> None:
        self._texts = {
            name: {digest_of(text): text for text in versions} for name, versions in texts.items()
        }

    def names(self) -> tuple[str, ...]:
        """See PromptSource."""
        return tuple(sorted(self._texts))

    def versions(self, name: str) -> tuple[str, ...]:
        """See PromptSource."""
        found = tuple(self._texts.get(name, ()))
        matching(name, None, found)
        return found

    def prompt(self, name: str, version: str | None = None) -> Prompt:
        """See PromptSource."""
        meant = matching(name, version, tuple(self._texts.get(name, ())))
        return Prompt(name, self._texts[name][meant])

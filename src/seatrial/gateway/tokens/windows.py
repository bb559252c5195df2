"""How much a model reads and writes at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Protocol

import msgspec


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What fits into one call.

    Args:
        context_tokens: of input and output together, >= 1.
        max_output_tokens: of the output, reasoning included; None where it is not known.
    """

    context_tokens: int
    max_output_tokens: int | None = None


class Windows(Protocol):
    """Windows of all models."""

    def window(self, provider: str, model: str) -> Window | None:
        """The window of a model, None where nobody knows it.

        Args:
            provider: the vendor, such as ``openai``; "" where it is not known.
            model: as the vendor names it.
        """
        ...


class WindowEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of the window of a model, and of its dated versions: ``gpt-4o`` is
    ``gpt-4o-2024-08-06``, too, and says nothing of ``gpt-4o-mini``."""

    model: str
    window: Window


_VERSION: Final = re.compile(r"(-(\d{4}-\d{2}-\d{2}|\d{4,8}|latest|preview))?([@:].*)?")

_OPENAI: Final = (
    ("gpt-3.5-turbo", 16_385, 4_096),
    ("gpt-4", 8_192, 8_192),
    ("gpt-4-32k", 32_768, 32_768),
    ("gpt-4-turbo", 128_000, 4_096),
    ("gpt-4-turbo-preview", 128_000, 4_096),
    ("gpt-4-vision-preview", 128_000, 4_096),
    ("gpt-4-1106-preview", 128_000, 4_096),
    ("gpt-4-0125-preview", 128_000, 4_096),
    ("gpt-4o", 128_000, 16_384),
    ("gpt-4o-2024-05-13", 128_000, 4_096),
    ("chatgpt-4o-latest", 128_000, 16_384),
    ("gpt-4o-mini", 128_000, 16_384),
    ("gpt-4.1", 1_047_576, 32_768),
    ("gpt-4.1-mini", 1_047_576, 32_768),
    ("gpt-4.1-nano", 1_047_576, 32_768),
    ("o1", 200_000, 100_000),
    ("o1-mini", 128_000, 65_536),
    ("o1-preview", 128_000, 32_768),
    ("o3", 200_000, 100_000),
    ("o3-mini", 200_000, 100_000),
    ("o4-mini", 200_000, 100_000),
    ("gpt-5", 400_000, 128_000),
    ("gpt-5-mini", 400_000, 128_000),
    ("gpt-5-nano", 400_000, 128_000),
    ("gpt-5-chat", 128_000, 16_384),
)
_ANTHROPIC: Final = (
    ("claude-3-haiku", 200_000, 4_096),
    ("claude-3-sonnet", 200_000, 4_096),
    ("claude-3-opus", 200_000, 4_096),
    ("claude-3-5-haiku", 200_000, 8_192),
    ("claude-3-5-sonnet", 200_000, 8_192),
    ("claude-3-7-sonnet", 200_000, 64_000),
    ("claude-opus-4", 200_000, 32_000),
    ("claude-opus-4-1", 200_000, 32_000),
    ("claude-opus-4-5", 200_000, 64_000),
    ("claude-sonnet-4", 200_000, 64_000),
    ("claude-sonnet-4-5", 200_000, 64_000),
    ("claude-haiku-4-5", 200_000, 64_000),
)
KNOWN: Final[tuple[WindowEntry, ...]] = tuple(
    WindowEntry(model=model, window=Window(context_tokens=context, max_output_tokens=output))
    for model, context, output in (*_OPENAI, *_ANTHROPIC)
)
"""By the vendors' pages of models (platform.openai.com/docs/models,
docs.anthropic.com/en/docs/about-claude/models), without the larger windows that a header asks for.
"""


class WindowTable:
    """Windows that are written down; the longest name that fits counts."""

    def __init__(self, entries: Iterable[WindowEntry] = KNOWN) -> None:
        self._entries = sorted(entries, key=lambda entry: len(entry.model), reverse=True)

    def window(self, provider: str, model: str) -> Window | None:  # noqa: ARG002 - as the port
        """The window of a model, whoever serves it."""
        name = model.lower().rpartition("/")[2]
        for entry in self._entries:
            known = entry.model.lower()
            if name.startswith(known) and _VERSION.fullmatch(name, len(known)):
                return entry.window
        return None


class ChainedWindows:
    """Windows in order: what the first does not say, the next may."""

    def __init__(self, sources: Iterable[Windows]) -> None:
        self._sources = tuple(sources)

    def window(self, provider: str, model: str) -> Window | None:
        """The window of a model; its greatest output may come from a later source than its
        context, but is never longer than this."""
        found: Window | None = None
        for source in self._sources:
            said = source.window(provider, model)
            if said is None:
                continue
            if found is None:
                found = said
            elif found.max_output_tokens is None and said.max_output_tokens is not None:
                longest = min(said.max_output_tokens, found.context_tokens)
                found = msgspec.structs.replace(found, max_output_tokens=longest)
        return found

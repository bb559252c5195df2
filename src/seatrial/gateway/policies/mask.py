"""Secrets and personal data are written over before anything is logged, traced or kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from seatrial.gateway.policies.sensitive import found

MAX_CHARS: Final = 256 * 1024
"""Of one text that is masked; what is longer is cut before, since nobody reads it in a log."""

_CLOSED: Final = frozenset(
    {
        "api_key",
        "apikey",
        "api-key",
        "x-api-key",
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "password",
        "passwd",
        "secret",
        "client_secret",
        "access_token",
        "refresh_token",
        "id_token",
        "private_key",
    }
)
"""Names, in lower case, whose values are masked whatever they look like."""


class Mask:
    """Writes over what is sensitive: ``[EMAIL]`` for an address, and so on."""

    def text(self, text: str) -> str:
        """The text without it."""
        cut = text[:MAX_CHARS]
        parts: list[str] = []
        end = 0
        for one in found(cut):
            parts += (cut[end : one.start], f"[{one.kind}]")
            end = one.end
        tail = cut[end:] if len(cut) == len(text) else f"{cut[end:]}[...]"
        return "".join([*parts, tail])

    def data(self, value: object) -> object:
        """Plain data without it, in texts and names at any depth; what stands under a name such as
        ``password`` or ``authorization`` is masked whatever it is."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {
                    self.data(name): "[SECRET]"
                    if isinstance(name, str) and name.lower() in _CLOSED
                    else self.data(held)
                    for name, held in value.items()
                }
            case bytes() | bytearray() | memoryview():
                return f"[{len(value)} bytes]"
            case Sequence() | frozenset() | set():
                return [self.data(one) for one in value]
            case _:
                return value


class MaskingFormatter(logging.Formatter):
    """Masks all that a handler writes: messages with their arguments, and traces of exceptions.

    Args:
        inner: how a record is written.
    """

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner
        self._mask = Mask()

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        return self._mask.text(self._inner.format(record))

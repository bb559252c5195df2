"""The counter of each model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from seatrial.gateway.tokens.chat_counter import ChatCounter
from seatrial.gateway.tokens.chat_form import (
    ANTHROPIC,
    OPENAI,
    OPENAI_CL100K,
    UNPUBLISHED,
    ChatForm,
)
from seatrial.gateway.tokens.counter import TokenCounter
from seatrial.gateway.tokens.encoder import Encoder
from seatrial.gateway.tokens.encodings import Encoding, encoding_of
from seatrial.gateway.tokens.estimate import CLAUDE, EstimatingEncoder
from seatrial.gateway.tokens.images import image_rule
from seatrial.gateway.tokens.windows import Windows

EncoderMaker = Callable[[Encoding], Encoder]

_FORMS: Final[dict[Encoding, ChatForm]] = {
    Encoding.O200K: OPENAI,
    Encoding.CL100K: OPENAI_CL100K,
    Encoding.HARMONY: UNPUBLISHED,
}

_VOCABULARIES: Final[dict[Encoding, Encoding]] = {Encoding.HARMONY: Encoding.O200K}
"""Encodings that differ in special tokens only, and so count texts alike: one vocabulary less."""


class Counters:
    """Makes counters, one encoder for all models of a vocabulary.

    Args:
        encoder: makes exact encoders; None counts OpenAI's models by estimate, too.
        windows: of models, for the bound of what has no length of its own.
    """

    def __init__(
        self, encoder: EncoderMaker | None = None, *, windows: Windows | None = None
    ) -> None:
        self._make = encoder
        self._windows = windows
        self._exact: dict[Encoding, Encoder] = {}
        self._claude = EstimatingEncoder(CLAUDE)
        self._recent = EstimatingEncoder()

    def of(self, provider: str, model: str) -> TokenCounter:
        """The counter of a model: exact for the encodings of OpenAI, whoever serves the model.

        Args:
            provider: the vendor; "" where it is not known.
            model: as the vendor names it.

        Raises: MissingExtra, from the maker of encoders.
        """
        window = None if self._windows is None else self._windows.window(provider, model)
        encoder, form = self._encoder(provider.lower(), model)
        context = None if window is None else window.context_tokens
        return ChatCounter(encoder, form, image_rule(model), window=context)

    def _encoder(self, provider: str, model: str) -> tuple[Encoder, ChatForm]:
        encoding = encoding_of(model)
        if encoding is not None and self._make is not None:
            vocabulary = _VOCABULARIES.get(encoding, encoding)
            if vocabulary not in self._exact:
                self._exact[vocabulary] = self._make(vocabulary)
            return self._exact[vocabulary], _FORMS[encoding]
        if encoding is not None:
            return self._recent, _FORMS[encoding]
        if provider == "anthropic" or "claude" in model.lower():
            return self._claude, ANTHROPIC
        return self._recent, UNPUBLISHED

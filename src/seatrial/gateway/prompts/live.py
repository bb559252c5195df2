"""A variant that can be asked: its prompt compiled, its scorer at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from seatrial.gateway.chat.request import ChatRequest, Format, ResponseFormat
from seatrial.gateway.prompts.failures import VariablesInvalid
from seatrial.gateway.prompts.score import answer_value
from seatrial.gateway.prompts.template import Prompt
from seatrial.gateway.prompts.variables import checked
from seatrial.gateway.prompts.variant import PromptVariant

Scorer: TypeAlias = Callable[[Mapping[str, object], object], float]
"""Takes the variables and the answer (its value where it has a schema, else its text); gives a
score in [0, 1]. Called on a thread."""


class LivePrompt:
    """A version of an endpoint of prompts.

    Args:
        name: of the endpoint.
        version: its number.
        scorer: the one that the variant names, or None.

    Raises: PromptInvalid.
    """

    def __init__(
        self, name: str, version: int, variant: PromptVariant, *, scorer: Scorer | None = None
    ) -> None:
        self.name, self.version, self.variant, self.scorer = name, version, variant, scorer
        self._prompt = Prompt(name, variant.prompt)
        self._form = _form(variant)

    def request(
        self, variables: Mapping[str, object], given: ChatRequest | None = None
    ) -> ChatRequest:
        """What the model is asked.

        Args:
            given: what the caller says besides; its turns follow the prompt's, and its
                ``max_tokens`` counts where it is the smaller one.
        Raises: VariablesInvalid, PromptInvalid.
        """
        messages = self._prompt.messages(variables)
        asked = self.variant.parameters
        made = given or ChatRequest(model=self.variant.model, messages=())
        bounds = [most for most in (asked.max_tokens, made.max_tokens) if most is not None]
        return msgspec.structs.replace(
            made,
            model=self.variant.model,
            messages=(*messages, *made.messages),
            temperature=asked.temperature,
            top_p=asked.top_p,
            max_tokens=min(bounds, default=None),
            seed=asked.seed,
            stop=asked.stop,
            response_format=self._form,
        )

    def takes(self, variables: Mapping[str, object]) -> bool:
        """Whether the variables are what the prompt asks for."""
        try:
            checked(self._prompt.variables, variables, prompt=self.name)
        except VariablesInvalid:
            return False
        return True

    def score(self, variables: Mapping[str, object], answer: str) -> float | None:
        """What the scorer says of an answer; None without one.   Raises: what the scorer raises."""
        if self.scorer is None:
            return None
        value = answer if self.variant.answer is None else answer_value(answer)
        return float(self.scorer(variables, value))

    @property
    def is_parsed(self) -> bool:
        """Whether its answers have a form."""
        return self._form is not None


def _form(variant: PromptVariant) -> ResponseFormat | None:
    if variant.answer is None:
        return None
    return ResponseFormat(form=Format.SCHEMA, schema=variant.answer)

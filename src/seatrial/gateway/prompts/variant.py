"""A variant: a prompt, a model, parameters and the form of the answer, as one thing to be released.

A variant is what an endpoint of prompts splits traffic among, canaries, judges and rolls back. As a
bundle is known by the digest of its files, a variant is known by the digest of what it says; it
says all of it, so that whoever has the variant needs no folder and no registry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum

import msgspec
import orjson

from seatrial.kernel.errors import Invalid


class VariantUnreadable(Invalid):
    """A record of a variant was written by a later seatrial, or not by seatrial at all."""

    code = "gateway.variant_unreadable"


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the model is asked; None leaves a choice to the provider.   Args: see `ChatRequest`."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


FEEDBACK = "feedback"
"""In place of a scorer: whoever uses the answers sends their scores later."""


class Compare(StrEnum):
    """How an answer is held against what was expected; see `prompts.score`."""

    EXACT = "exact"
    CONTAINS = "contains"
    JSON = "json"


class Example(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One golden example.

    Args:
        variables: what is put into the prompt.
        expected: of the answer: a text, or JSON; None for nothing.
    """

    variables: dict[str, object] = {}
    expected: object = None


class Golden(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a variant is tried with before it meets anybody.

    Args:
        examples: at least one.
        compare: how answers are held against what is expected; None for not at all.
        least_parse_rate: share of the answers that must have their form, in [0, 1].
        least_score: that the mean score must reach, in [0, 1].
    """

    examples: tuple[Example, ...]
    compare: Compare | None = None
    least_parse_rate: float = 1.0
    least_score: float = 0.0


class PromptVariant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way of asking.

    Args:
        prompt: the whole text of it, front matter included; see `prompts.template`.
        model: as the table of models names it.
        answer: JSON schema of the answer; None for text.
        scorer: ``module:function`` that gives each answer a score, or `FEEDBACK`; None for none.
    """

    prompt: str
    model: str
    golden: Golden
    parameters: Parameters = Parameters()
    answer: dict[str, object] | None = None
    scorer: str | None = None

    @property
    def digest(self) -> str:
        """Lower-case hex of SHA-256 of the variant; equal for equal variants in every process."""
        return hashlib.sha256(orjson.dumps(self.record(), option=orjson.OPT_SORT_KEYS)).hexdigest()

    def record(self) -> dict[str, object]:
        """The variant as plain JSON, with 1 and 1.0 of its parameters as one number."""
        same = msgspec.convert(msgspec.to_builtins(self), PromptVariant)
        plain: dict[str, object] = orjson.loads(msgspec.json.encode(same))
        return plain


def variant_of(record: Mapping[str, object]) -> PromptVariant:
    """A variant from what `PromptVariant.record` gave.   Raises: VariantUnreadable."""
    try:
        return msgspec.convert(dict(record), PromptVariant)
    except msgspec.ValidationError as error:
        raise VariantUnreadable(
            f"The record of a variant cannot be read: {error}.",
            remedy="Upgrade seatrial to the version that wrote it.",
        ) from error

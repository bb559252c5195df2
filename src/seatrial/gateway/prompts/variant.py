"""A variant: a prompt, a model and parameters, as one thing that is released.

A variant is what an endpoint of prompts splits traffic among, canaries, judges and rolls back. As a
bundle is known by the digest of its files, a variant is known by the digest of what it says; and as
the catalogue does for bundles, a `VariantBook` numbers them 1, 2, 3, ..., which is what
`release.variant.Split` is made of. The same content has the same number, however often it comes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec
import orjson

from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.prompts.failures import PromptInvalid
from seatrial.gateway.prompts.template import Prompt
from seatrial.kernel.errors import Invalid, NotFound

SCHEMA_VERSION = 1


class VariantUnknown(NotFound):
    """There is no variant of that number."""

    code = "gateway.variant_unknown"


class VariantUnreadable(Invalid):
    """A record of variants was written by a later seatrial, or not by seatrial at all."""

    code = "gateway.variant_unreadable"


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the model is asked; None leaves a choice to the provider.   Args: see `ChatRequest`."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


class PromptVariant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way of asking.

    Args:
        prompt: name of the prompt.
        prompt_version: its digest, whole.
        model: as the table of models names it.
    """

    prompt: str
    prompt_version: str
    model: str
    parameters: Parameters = Parameters()

    @property
    def digest(self) -> str:
        """Lower-case hex of SHA-256 of the variant; equal for equal variants in every process."""
        return hashlib.sha256(orjson.dumps(self._plain(), option=orjson.OPT_SORT_KEYS)).hexdigest()

    def request(self, prompt: Prompt, values: Mapping[str, object]) -> ChatRequest:
        """The request of this variant with these variables.

        Raises: PromptInvalid, for a prompt other than the variant's; VariablesInvalid.
        """
        if (prompt.name, prompt.version) != (self.prompt, self.prompt_version):
            raise PromptInvalid(
                f"The variant is of {self.prompt!r} {self.prompt_version[:12]}, not of "
                f"{prompt.name!r} {prompt.version[:12]}.",
                remedy="Ask the source for the version that the variant names.",
                prompt=prompt.name,
            )
        asked = self.parameters
        return ChatRequest(
            model=self.model,
            messages=prompt.messages(values),
            temperature=asked.temperature,
            top_p=asked.top_p,
            max_tokens=asked.max_tokens,
            seed=asked.seed,
            stop=asked.stop,
        )

    def _plain(self) -> object:
        """The variant with 1 and 1.0 as one number."""
        return msgspec.to_builtins(msgspec.convert(msgspec.to_builtins(self), PromptVariant))


class VariantBook:
    """The variants of an endpoint by number; a value, of which each addition makes another.

    Args:
        variants: number n is the n-th; no two are equal.
    """

    def __init__(self, variants: tuple[PromptVariant, ...] = ()) -> None:
        self.variants = variants
        self._numbers = {variant.digest: n for n, variant in enumerate(variants, 1)}

    def added(self, variant: PromptVariant) -> tuple[VariantBook, int]:
        """The book with a variant, and its number: the one it has, or the next."""
        known = self._numbers.get(variant.digest)
        if known is not None:
            return self, known
        return VariantBook((*self.variants, variant)), len(self.variants) + 1

    def variant(self, number: int) -> PromptVariant:
        """The variant a `Split` picked.   Raises: VariantUnknown."""
        if not 1 <= number <= len(self.variants):
            raise VariantUnknown(
                f"There is no variant {number}; there are {len(self.variants)}.",
                remedy="Add the variant before traffic is sent to it.",
                number=number,
            )
        return self.variants[number - 1]

    def record(self) -> bytes:
        """The book as JSON."""
        plain = {"schema": SCHEMA_VERSION, "variants": msgspec.to_builtins(self.variants)}
        return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    schema: int
    variants: tuple[PromptVariant, ...]


def read_book(raw: bytes) -> VariantBook:
    """A book from what `VariantBook.record` gave.   Raises: VariantUnreadable."""
    try:
        record = msgspec.json.decode(raw, type=_Record)
    except msgspec.DecodeError as error:
        raise _unreadable(str(error)) from error
    if record.schema != SCHEMA_VERSION:
        raise _unreadable(f"its schema is {record.schema}, and {SCHEMA_VERSION} is known")
    if len({v.digest for v in record.variants}) != len(record.variants):
        raise _unreadable("two variants are equal")
    return VariantBook(record.variants)


def _unreadable(why: str) -> VariantUnreadable:
    return VariantUnreadable(
        f"The record of variants cannot be read: {why}.",
        remedy="Update seatrial, or restore the record.",
    )

"""The terms of a call: vendors sell the same model faster for more, or later for less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

Terms: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values of fields that change the price, sorted by name."""

STANDARD: Final[Terms] = ()
"""What is bought where nothing is said."""

FIELDS: Final = ("service_tier", "speed")
"""OpenAI's and Google's ``service_tier``; Anthropic's ``speed``."""

_NAMES: Final = frozenset(FIELDS)
_STANDARD_VALUES: Final = frozenset({"auto", "default", "standard", "standard_only"})


def terms_of(body: Mapping[str, object] | None) -> Terms:
    """The terms that a request, or a reply, names in its vendor's form; STANDARD for None.

    ``auto`` counts as the standard terms, which it is unless the vendor's own console says
    otherwise; a reply says which tier it was.
    """
    terms = STANDARD
    if body is None or _NAMES.isdisjoint(body):
        return terms
    for field in FIELDS:
        value = body.get(field)
        if isinstance(value, str) and value not in _STANDARD_VALUES:
            terms = (*terms, (field, value))
    return terms

"""How long an answer may be for the money there is."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.prices.book import Quote

UNKNOWN_MAXIMUM = 4096
"""Tokens of an answer where neither the request nor anybody else says how long it may be."""


class Span(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a call may cost, from the least with which it makes sense to what was asked for.

    Args:
        input_tokens: that cannot be exceeded.
        n: how many answers.
        most_tokens, least_tokens: of one answer.
        most, least: what that costs at worst, in units.
    """

    input_tokens: int
    n: int
    most_tokens: int
    least_tokens: int
    most: int
    least: int


def span(
    request: ChatRequest | EmbeddingRequest,
    quote: Quote,
    *,
    input_tokens: int,
    maximum: int | None,
    floor: int,
    whole: bool = False,
) -> Span:
    """The span of a request; vectors have no length to choose.

    Args:
        input_tokens: that cannot be exceeded.
        maximum: of an answer, for a request that does not say; None where it is not known.
        floor: tokens below which no answer is cut, besides those it was given to think; one that
            is asked to be shorter, may.
        whole: whether nothing shorter than what was asked for will do.
    """
    n = most_tokens = least_tokens = 0
    if isinstance(request, ChatRequest):
        n = request.n
        most_tokens = request.max_tokens or maximum or UNKNOWN_MAXIMUM
        shortest = most_tokens if whole else floor + _thinking_tokens(request)
        least_tokens = min(shortest, most_tokens)
    most = quote.worst_case_units(input_tokens, most_tokens * n)
    least = most
    if least_tokens < most_tokens:
        least = quote.worst_case_units(input_tokens, least_tokens * n)
    return Span(
        input_tokens=input_tokens,
        n=n,
        most_tokens=most_tokens,
        least_tokens=least_tokens,
        most=most,
        least=least,
    )


def affordable_tokens(span: Span, quote: Quote, amount: int) -> int:
    """The longest answer that an amount pays for at worst.

    Args:
        amount: in units, at least the span's ``least``.
    """
    if amount >= span.most:
        return span.most_tokens
    fits, too_long = span.least_tokens, span.most_tokens
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if quote.worst_case_units(span.input_tokens, middle * span.n) <= amount:
            fits = middle
        else:
            too_long = middle
    return fits


def _thinking_tokens(request: ChatRequest) -> int:
    """What Anthropic's field ``thinking`` grants; a lower ``max_tokens`` is refused there."""
    thinking = (request.raw or {}).get("thinking")
    granted = thinking.get("budget_tokens") if isinstance(thinking, Mapping) else None
    return max(0, granted) if isinstance(granted, int) else 0

"""What hosted embedders would cost for a corpus, in tokens as each of them counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from seatrial.gateway.chat.response import Usage
from seatrial.gateway.prices.book import PriceBook
from seatrial.gateway.tokens.counters import EncoderMaker
from seatrial.gateway.tokens.encodings import Encoding, encoding_of
from seatrial.gateway.tokens.estimate import EstimatingEncoder

HOSTED = (
    ("openai", "text-embedding-3-small"),
    ("openai", "text-embedding-3-large"),
    ("google", "gemini-embedding-001"),
    ("mistral", "mistral-embed"),
    ("cohere", "embed-v4.0"),
)
"""Hosted embedders whose cost is estimated: vendor and model."""

_QUESTIONS_TOKENS = 1000 * 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedCost:
    """What a hosted embedder would cost.

    Args:
        n_tokens: of the corpus, cut by the recommended chunker.
        exact: whether they are counted as the vendor counts; else they are estimated.
        corpus_usd: to embed the corpus once; None: no price known.
        thousand_questions_usd: to embed a thousand questions of 20 tokens.
    """

    provider: str
    model: str
    n_tokens: int
    exact: bool
    corpus_usd: Decimal | None
    thousand_questions_usd: Decimal | None


def hosted_costs(
    texts: Sequence[str],
    n_tokens: int,
    *,
    n_corpus_tokens: int,
    prices: PriceBook | None,
    encoder: EncoderMaker | None,
) -> tuple[HostedCost, ...]:
    """Of each of `HOSTED`.

    Args:
        texts: a part of the corpus, by which its tokens are converted.
        n_tokens: of these texts, as the embedder here counts them.
        n_corpus_tokens: of all chunks, as the embedder here counts them.
        prices: None where none are installed.
        encoder: makes exact encoders; None estimates all.
    """

    @cache
    def counted(encoding: Encoding | None) -> int:
        used = encoder(encoding) if encoder and encoding else EstimatingEncoder()
        return sum(map(used.count, texts))

    def cost(provider: str, model: str) -> HostedCost:
        encoding = encoding_of(model)
        n = round(n_corpus_tokens * counted(encoding) / n_tokens) if n_tokens else 0
        quote = prices.quote(provider, model) if prices else None
        corpus, thousand = (
            None if quote is None else quote.cost(Usage(input_tokens=many, output_tokens=0))
            for many in (n, _QUESTIONS_TOKENS)
        )
        return HostedCost(
            provider=provider,
            model=model,
            n_tokens=n,
            exact=encoding is not None and encoder is not None,
            corpus_usd=corpus,
            thousand_questions_usd=thousand,
        )

    return tuple(cost(provider, model) for provider, model in HOSTED)

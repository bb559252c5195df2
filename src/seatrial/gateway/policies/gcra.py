"""How much a key may still ask for this minute: the generic cell rate algorithm.

A token bucket whose whole state is one number, the theoretical arrival time: when the bucket would
be full again, if that lies ahead. What is taken moves it on, what is given back moves it back.

Source: ITU-T Recommendation I.371 (2004), annex A, "virtual scheduling"; as a token bucket: Le
Boudec and Thiran, Network Calculus, 2001, section 1.2.2.
"""

from __future__ import annotations

import math

import msgspec

_ROUNDING_S = 1e-6


class Rate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """So much a minute.

    Args:
        per_minute: > 0.
        burst: most at once, > 0; None for what a minute gives.
    """

    per_minute: float
    burst: float | None = None

    @property
    def each_s(self) -> float:
        """Time that one takes to come back."""
        return 60.0 / self.per_minute

    @property
    def most(self) -> float:
        """At once."""
        return self.per_minute if self.burst is None else self.burst


def wait_s(full_at: float, now: float, n: float, rate: Rate) -> float:
    """How long to wait until ``n`` may be taken.

    Args: full_at, now: monotonic, in s; n >= 0.
    Returns: 0 for at once, infinity when ``n`` is more than there can ever be at once.
    """
    if n > rate.most:
        return math.inf
    over_s = max(full_at, now) + (n - rate.most) * rate.each_s - now
    return over_s if over_s > _ROUNDING_S else 0.0


def taken(full_at: float, now: float, n: float, rate: Rate) -> float:
    """When the bucket is full again after ``n`` were taken, whether they were there or not; a
    negative ``n`` is given back."""
    return max(full_at, now) + n * rate.each_s


class Limits(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Of one key; None leaves it open."""

    requests: Rate | None = None
    tokens: Rate | None = None


class Buckets(msgspec.Struct, frozen=True, gc=False):
    """When the buckets of one key are full again; monotonic, in s."""

    requests: float = 0.0
    tokens: float = 0.0


class Refusal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was not taken, and why.

    Args:
        what: ``requests`` or ``tokens``.
        wait_s: > 0; infinity when it can never be taken.
    """

    what: str
    rate: Rate
    wait_s: float


def take(
    buckets: Buckets, now: float, limits: Limits, n_tokens: float
) -> tuple[Buckets, Refusal | None]:
    """Take one request and its tokens, or nothing.

    Returns: the buckets afterwards, and the refusal that waits longest, if any.
    """
    requests, tokens = limits.requests, limits.tokens
    refusal: Refusal | None = None
    if requests is not None:
        pause_s = wait_s(buckets.requests, now, 1, requests)
        if pause_s:
            refusal = Refusal(what="requests", rate=requests, wait_s=pause_s)
    if tokens is not None:
        pause_s = wait_s(buckets.tokens, now, n_tokens, tokens)
        if pause_s and (refusal is None or pause_s > refusal.wait_s):
            refusal = Refusal(what="tokens", rate=tokens, wait_s=pause_s)
    if refusal is not None:
        return buckets, refusal
    return Buckets(
        taken(buckets.requests, now, 1, requests) if requests else 0.0,
        taken(buckets.tokens, now, n_tokens, tokens) if tokens else 0.0,
    ), None


def correct(buckets: Buckets, now: float, limits: Limits, n_tokens: float) -> Buckets:
    """Take tokens that were not foreseen, or give back (negative) those that were not used.

    What is taken so may leave a debt, which the next request waits for.
    """
    if limits.tokens is None:
        return buckets
    return Buckets(buckets.requests, taken(buckets.tokens, now, n_tokens, limits.tokens))

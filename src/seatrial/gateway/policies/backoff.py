"""Whether to ask again, and after how long."""

from __future__ import annotations

import math

import msgspec

from seatrial.gateway.chat.failures import ProviderFailure
from seatrial.gateway.policies.held_back import HeldBack

_LEAST_S = 0.001  # nothing is answered in less


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """How often to ask, and how long to wait in between.

    Args:
        max_attempts: requests in all, the first included, >= 1.
        first_s, longest_s: bounds of the wait after the first failure, and of any; > 0. The bound
            doubles from failure to failure.
        longest_retry_after_s: a provider that asks to wait for longer is not waited for, though
            there be time: its failure goes out at once.
    """

    max_attempts: int = 3
    first_s: float = 0.5
    longest_s: float = 8.0
    longest_retry_after_s: float = math.inf


def full_jitter_s(n_failed: int, backoff: Backoff, chance: float) -> float:
    """A wait between 0 and a bound that grows exponentially.

    Args: failures so far, >= 1; chance uniform in [0, 1).
    Source: M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015, "full jitter":
    ``random(0, min(cap, base * 2 ** attempt))``.
    """
    doublings = min(n_failed - 1, 64)
    return chance * min(backoff.longest_s, backoff.first_s * 2.0**doublings)


def wait_s(
    failure: ProviderFailure, *, n_failed: int, left_s: float, backoff: Backoff, chance: float
) -> float | None:
    """How long to wait before the next attempt; None when there shall be none.

    A provider's Retry-After is waited for in full, and the jitter comes on top of it, so that those
    it told the same do not come back together. One that ends after the time that is left is not
    waited for at all. The jitter takes at most half of what is left: an attempt needs time, too.

    Args:
        n_failed: attempts so far, >= 1, this failure's included.
        left_s: until an answer is due.
        chance: uniform in [0, 1).

    Returns: >= 0, less than ``left_s``.
    """
    if not failure.retryable or isinstance(failure, HeldBack) or n_failed >= backoff.max_attempts:
        return None
    asked_s = failure.retry_after_s or 0.0
    if left_s - asked_s < _LEAST_S or asked_s > backoff.longest_retry_after_s:
        return None
    jitter_s = min(full_jitter_s(n_failed, backoff, chance), (left_s - asked_s) / 2)
    return asked_s + jitter_s

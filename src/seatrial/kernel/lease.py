"""Who holds a lease after a bid for it: the rule, apart from where leases are kept.

Times are those of one clock that may stand still, jump ahead or be set back. Whatever it does, two
holders never get the same token, and a holder that died blocks its rivals for no longer than its
own ttl after the first rival asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A lease as it is kept.

    Args:
        holder: who holds it; empty once it was given back.
        token: grows by one with each change of holder, from 1; never reset.
        until_us: when it expires, in microseconds of the store's clock.
        ttl_us: the span it was granted for, in microseconds.
    """

    holder: str
    token: int
    until_us: int
    ttl_us: int


def bid(held: Held | None, holder: str, *, now_us: int, ttl_us: int) -> Held:
    """The lease after ``holder`` asked for it; it was granted if it names ``holder``.

    A lease that seems to last longer than it was granted for was written before the clock was set
    back. It is cut to its ttl from now, which is never less than what its holder truly has left.

    Args:
        held: the lease as kept, or None when nobody ever held it.
        holder: who asks.
        now_us: the store's clock, in microseconds.
        ttl_us: the span asked for, > 0, in microseconds.
    """
    if held is None:
        return Held(holder=holder, token=1, until_us=now_us + ttl_us, ttl_us=ttl_us)
    if held.holder == holder:
        return replace(held, until_us=now_us + ttl_us, ttl_us=ttl_us)
    until_us = min(held.until_us, now_us + held.ttl_us)
    if until_us <= now_us or not held.holder:
        return Held(holder=holder, token=held.token + 1, until_us=now_us + ttl_us, ttl_us=ttl_us)
    return replace(held, until_us=until_us)

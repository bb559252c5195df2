"""Waiting until a counter of tokens can count without holding up the event loop."""

from __future__ import annotations

import asyncio

from seatrial.gateway.tokens.counter import TokenCounter


async def loaded(counter: TokenCounter) -> None:
    """Wait until it counts at once; the event loop goes on meanwhile."""
    if not counter.ready:
        await asyncio.to_thread(counter.load)

"""The beginning of a stream: what comes before it speaks can still be taken back unseen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from seatrial.gateway.chat.failures import ProviderFailure, StreamCut
from seatrial.gateway.chat.response import Chunk


async def opened(next_piece: Callable[[], Awaitable[Chunk]]) -> list[Chunk]:
    """Read a stream until it speaks.

    Args:
        next_piece: gives the next piece; raises StopAsyncIteration at the end.

    Returns: all pieces up to the first that speaks, or up to the end where none does.
    """
    held: list[Chunk] = []
    try:
        while True:
            piece = await next_piece()
            held.append(piece)
            if piece.speaks:
                return held
    except StopAsyncIteration:
        return held


def cut_off(failure: ProviderFailure) -> StreamCut:
    """What a failure is once a part of the answer was given."""
    if isinstance(failure, StreamCut):
        return failure
    return StreamCut(
        f"The answer of {failure.provider} broke off: {failure.problem}",
        remedy="Ask again; what came is not the whole answer.",
        provider=failure.provider,
        status=failure.status,
        retry_after_s=failure.retry_after_s,
        body=failure.body,
        cause=failure.code,
    )

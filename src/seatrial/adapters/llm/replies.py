"""What providers do alike with a vendor's answers; its words are in `gateway.dialects`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from typing import Any, TypeVar

import orjson

from seatrial.adapters.llm.http import HttpVendor
from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.failures import ProviderFailure, StreamCut
from seatrial.gateway.chat.provider import Chunks
from seatrial.gateway.chat.request import ChatRequest, DialectName
from seatrial.gateway.dialects.crossing import LOST_FIELDS, lost
from seatrial.gateway.dialects.fields import RequestInvalid
from seatrial.gateway.dialects.sse import Event

T = TypeVar("T")


def note_lost(request: ChatRequest, call: Call, dialect: DialectName) -> None:
    """Write into the journal what of a request the dialect has no words for."""
    if without := lost(request, dialect):
        call.journal.notes[LOST_FIELDS] = without
    else:
        call.journal.notes.pop(LOST_FIELDS, None)  # of a candidate that was asked before


def whole(vendor: HttpVendor, read: Callable[[Any], T], found: Any) -> T:
    """A reply by its reader.   Raises: BadReply."""
    try:
        return read(found)
    except RequestInvalid as broken:
        raise vendor.unreadable(f"is wrong: {broken.problem}") from broken


def event_of(
    vendor: HttpVendor, read: Callable[[Any], T], event: Event, *, told: Callable[[Any], bool]
) -> T:
    """An event of a stream by its reader.

    Args: told: whether it tells of an error, by its table.
    Raises: BadReply; the failure that it tells of.
    """
    try:
        body = orjson.loads(event.data)
        if isinstance(body, dict) and told(body):
            raise vendor.told_within(body)
        return whole(vendor, read, body)
    except ValueError as broken:
        raise vendor.unreadable("has an event that is no JSON") from broken


async def begun(vendor: HttpVendor, chunks: Chunks) -> Chunks:
    """The same pieces; whatever fails after the first of them is told as an answer cut off."""
    given = False
    async with aclosing(chunks):
        try:
            async for chunk in chunks:
                yield chunk
                given = True
        except StreamCut:
            raise
        except ProviderFailure as failure:
            if given:
                raise vendor.cut(failure.problem, failure) from failure
            raise

"""What the headers of a reply say of its call: its id, who answered, what it cost, what of
it did not reach who answered.

Of a stream the cost is known at its end only, when headers are gone: there it is a comment, which
every client of events skips.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from seatrial.gateway.chat.call import CacheUse, Call
from seatrial.gateway.chat.money import plain_usd
from seatrial.gateway.dialects.crossing import LOST_FIELDS
from seatrial.gateway.policies.fit import DROPPED_MESSAGES
from seatrial.gateway.policies.similar import SIMILARITY
from seatrial.gateway.routes.prompted import ANSWER_NOTE, VERSION_NOTE
from seatrial.serving.flight import VERSION
from seatrial.web.llm.visit import Visit

STREAMED = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))

_CACHE = {use: (b"x-seatrial-cache", use.value.encode()) for use in CacheUse}
_NOTES = frozenset({VERSION_NOTE, SIMILARITY, DROPPED_MESSAGES, LOST_FIELDS})
"""What of a journal's notes goes into headers."""
_UNSAFE = re.compile(r"[^\x21-\x7e]")


def headers_of(visit: Visit) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of a reply; of a stream, what is known when it begins."""
    request_id = visit.id.encode()
    found = [(b"x-request-id", request_id), (b"request-id", request_id)]
    call = visit.call
    if call is None:
        return tuple(found)
    journal = call.journal
    if not _NOTES.isdisjoint(journal.notes):
        found += _noted(journal.notes)
    attempts = journal.attempts
    if attempts:
        last = attempts[-1]
        found += _answered(journal.cache, last.provider, last.model, len(attempts))
    elif journal.cache is not CacheUse.NONE:
        found.append(_CACHE[journal.cache])
    if attempts or journal.beside:
        found.append((b"x-seatrial-cost-usd", cost(call)))
    return tuple(found)


@lru_cache(maxsize=256)
def _answered(
    cache: CacheUse, provider: str, model: str, n: int
) -> tuple[tuple[bytes, bytes], ...]:
    """Who answered at the ``n``-th attempt, and what the cache did."""
    told = (b"x-seatrial-model", _named(provider, model)), (b"x-seatrial-attempts", b"%d" % n)
    return told if cache is CacheUse.NONE else (_CACHE[cache], *told)


def _noted(notes: Mapping[str, object]) -> Iterator[tuple[bytes, bytes]]:
    """What the notes of a journal say, where they say it."""
    version = notes.get(VERSION_NOTE)
    if version is not None:
        yield VERSION, str(version).encode()
        yield b"x-seatrial-answer", _safe(str(notes[ANSWER_NOTE]))
    if isinstance(similarity := notes.get(SIMILARITY), float):
        yield b"x-seatrial-similarity", b"%.4f" % similarity
    if isinstance(dropped := notes.get(DROPPED_MESSAGES), int):
        yield b"x-seatrial-dropped-messages", b"%d" % dropped
    if isinstance(lost := notes.get(LOST_FIELDS), tuple):
        yield b"x-seatrial-lost-fields", _safe(",".join(lost))


def last_word(visit: Visit) -> bytes:
    """What the end of a stream tells besides the answer: who gave it, and what it cost."""
    call = visit.call
    if call is None or not call.journal.attempts:
        return b""
    last = call.journal.attempts[-1]
    name = _named(last.provider, last.model)
    return b": cost-usd=%b model=%b\n\n" % (cost(call), name)


def cost(call: Call) -> bytes:
    """All attempts together, in USD, as plainly as it can be written."""
    return plain_usd(call.journal.cost_usd).encode()


@lru_cache(maxsize=256)
def _named(provider: str, model: str) -> bytes:
    """Who answered, as a header may hold it."""
    return _safe(f"{provider}/{model}")


def _safe(text: str) -> bytes:
    """A text as a header may hold it."""
    return _UNSAFE.sub("?", text)[:200].encode()

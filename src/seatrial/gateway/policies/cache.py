"""Answers that were given before, to equal requests.

The policy stands around a whole route. An answer is kept when it is one that the route's first
candidate gave, whole and unfiltered, to a request that asks for the likeliest answer. A hit makes
no call and counts no token; a damaged entry, or a store that is away, is a miss.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import msgspec

from seatrial.gateway.chat.call import CacheUse, Call
from seatrial.gateway.chat.messages import Text
from seatrial.gateway.chat.provider import Chunks, Provider
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Chunk, Embeddings, FinishReason
from seatrial.gateway.chat.transcript import pieces
from seatrial.gateway.policies.answer_key import chat_key, embedding_key
from seatrial.gateway.policies.answer_record import Kept, KeptChat, read, written
from seatrial.gateway.policies.answers import Answers
from seatrial.gateway.policies.course import ANSWERED_BY
from seatrial.gateway.policies.recent_answers import RecentAnswers
from seatrial.gateway.policies.similar import SIMILARITY, Search, Similar
from seatrial.gateway.policies.single_flight import Flights
from seatrial.kernel.errors import SeatrialError

_LOG = logging.getLogger(__name__)
_FLOAT_BYTES = 9
_GATHER_S = 0.02
_AT_ONCE = 32
"""Of answers that records are made of together: one by one, between all else, takes longer."""
_MOST_WRITES = 256
"""Writes to the store that may be under way; answers beyond these stay in memory only."""


class CacheOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept, and for how long.

    Args:
        ttl_s: how long an answer is given again, > 0.
        any_temperature: also keep answers to requests with a temperature above 0, or with none:
            providers take 1 where none is given, and who asks twice then may want two answers.
        tool_calls: also keep answers that ask for a tool: for tools without side effects.
        max_entry_bytes: of one answer, > 0; a longer one is not kept, nor is its stream shared
            with who comes later.
        store_pause_s: how long a store that failed is not asked again, >= 0.
    """

    ttl_s: float = 3600.0
    any_temperature: bool = False
    tool_calls: bool = False
    max_entry_bytes: int = 1024 * 1024
    store_pause_s: float = 5.0


class Cached:
    """`Provider` that gives an answer again; equal requests that are made at once share one call.

    Args:
        provider: the route, as it answers without a cache.
        options: see `CacheOptions`.
        route: its name.
        first: the route's first candidate, as a fallback names it (``provider/model``). Answers of
            others are not kept, and none is given again after the route was pointed elsewhere.
        recent: the answers at hand; may be shared by all routes of a process.
        store: for all processes; None keeps answers in memory only. It is not closed here.
        similar: finds questions that say the same in other words; None takes equal ones only.
        now: monotonic, in s; the running loop's time.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        options: CacheOptions,
        route: str,
        first: str,
        recent: RecentAnswers,
        store: Answers | None = None,
        similar: Similar | None = None,
        now: Callable[[], float],
    ) -> None:
        self._similar = similar
        self._provider = provider
        self._options = options
        self._route = f"{route} > {first}"
        self._first = first
        self._recent = recent
        self._store = store
        self._now = now
        self._flights = Flights[Kept](provider.name, now=now, max_bytes=options.max_entry_bytes)
        self._writes: set[asyncio.Future[None]] = set()
        self._store_rests_until = float("-inf")
        self._fresh: list[tuple[str, Kept, float]] = []
        self._due: asyncio.TimerHandle | None = None

    @property
    def name(self) -> str:
        """See Provider."""
        return self._provider.name

    async def chat(self, request: ChatRequest, call: Call) -> ChatResponse:
        """See Provider."""
        key = self._chat_key(request, call)
        if key is None:
            return await self._provider.chat(request, call)
        kept = self._at_hand(key, call)
        if isinstance(kept, KeptChat) and kept.whole is not None:
            return kept.whole
        if self._flights.streams(key):
            async with aclosing(self._shared_stream(key, request, call)) as chunks:
                kept = KeptChat(tuple([chunk async for chunk in chunks]))
            if kept.whole is not None:
                return kept.whole
        return await self._shared_chat(key, request, call)

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """See Provider."""
        key = self._chat_key(request, call)
        given = None if key is None else await self._given(key, request, call)
        if given is not None:
            for chunk in given:
                yield chunk
            return
        source = (
            self._provider.stream(request, call)
            if key is None
            else self._shared_stream(key, request, call)
        )
        async with aclosing(source) as chunks:
            async for chunk in chunks:
                yield chunk

    async def embed(self, request: EmbeddingRequest, call: Call) -> Embeddings:
        """See Provider."""
        key = embedding_key(request, tenant=call.tenant, route=self._route)
        if key is None:
            return await self._provider.embed(request, call)
        kept = self._at_hand(key, call)
        if kept is None:
            kept = await self._flights.call(
                key, call, lambda: self._embed(key, request, call), joined=_joined
            )
        assert isinstance(kept, Embeddings)
        return kept

    async def close(self) -> None:
        """See Provider; what is to be kept is written before."""
        self._take_down()
        if self._writes:
            await asyncio.wait(self._writes)
        await self._provider.close()

    def _chat_key(self, request: ChatRequest, call: Call) -> str | None:
        if not (self._options.any_temperature or request.temperature == 0):
            return None
        return chat_key(request, tenant=call.tenant, route=self._route)

    async def _given(self, key: str, request: ChatRequest, call: Call) -> tuple[Chunk, ...] | None:
        kept = self._at_hand(key, call)
        if isinstance(kept, KeptChat):
            return kept.pieces
        if self._flights.calls(key):
            return pieces(await self._shared_chat(key, request, call))
        return None

    async def _shared_chat(self, key: str, request: ChatRequest, call: Call) -> ChatResponse:
        kept = await self._flights.call(
            key, call, lambda: self._chat(key, request, call), joined=_joined
        )
        assert isinstance(kept, KeptChat)
        whole = kept.whole
        assert whole is not None
        return whole

    def _shared_stream(self, key: str, request: ChatRequest, call: Call) -> Chunks:
        return self._flights.stream(
            key, call, lambda: self._stream(key, request, call), joined=_joined
        )

    def _at_hand(self, key: str, call: Call) -> Kept | None:
        kept = self._recent.get(key, self._now())
        if kept is not None:
            call.journal.cache = CacheUse.HIT
        return kept

    async def _chat(self, key: str, request: ChatRequest, call: Call) -> Kept:
        kept = await self._stored(key, call)
        if isinstance(kept, KeptChat) and kept.whole is not None:
            return kept
        search: Search | None = None
        if self._similar is not None:
            search, near = await self._near(self._similar, key, request, call)
            if near is not None:
                return near
        call.journal.cache = CacheUse.MISS
        response = await self._provider.chat(request, call)
        answer = KeptChat(response)
        if self._may_be_kept(request, response, call):
            self._keep(key, answer, search)
        return answer

    async def _stream(self, key: str, request: ChatRequest, call: Call) -> Chunks:
        kept = await self._stored(key, call)
        given = kept.pieces if isinstance(kept, KeptChat) else None
        search: Search | None = None
        if given is None and self._similar is not None:
            search, near = await self._near(self._similar, key, request, call)
            given = None if near is None else near.pieces
        if given is not None:
            for chunk in given:
                yield chunk
            return
        call.journal.cache = CacheUse.MISS
        chunks: list[Chunk] = []
        async with aclosing(self._provider.stream(request, call)) as source:
            async for chunk in source:
                chunks.append(chunk)
                yield chunk
        answer = KeptChat(tuple(chunks))
        if answer.whole is not None and self._may_be_kept(request, answer.whole, call):
            self._keep(key, answer, search)

    async def _embed(self, key: str, request: EmbeddingRequest, call: Call) -> Kept:
        kept = await self._stored(key, call)
        if isinstance(kept, Embeddings):
            return kept
        call.journal.cache = CacheUse.MISS
        vectors = await self._provider.embed(request, call)
        if self._is_first(call):
            self._keep(key, vectors)
        return vectors

    def _may_be_kept(self, request: ChatRequest, response: ChatResponse, call: Call) -> bool:
        if len(response.choices) != request.n or not self._is_first(call):
            return False
        tools = self._options.tool_calls
        for choice in response.choices:
            good = choice.finish_reason is FinishReason.STOP
            if not good and not (tools and choice.finish_reason is FinishReason.TOOL_CALLS):
                return False
            if not choice.message.parts or (choice.message.tool_calls and not tools):
                return False
        return True

    def _is_first(self, call: Call) -> bool:
        return call.journal.notes.get(ANSWERED_BY, self._first) == self._first

    def _keep(self, key: str, kept: Kept, search: Search | None = None) -> None:
        if _weighs_at_least(kept) > self._options.max_entry_bytes:
            return
        now = self._now()
        self._recent.put(key, kept, until=now + self._options.ttl_s, n_bytes=0)
        self._fresh.append((key, kept, now))
        if len(self._fresh) >= _AT_ONCE:
            self._take_down()
        elif self._due is None:
            self._due = asyncio.get_running_loop().call_later(_GATHER_S, self._take_down)
        if search is not None:
            self._remember(search, key)

    def _take_down(self) -> None:
        """Make records of answers that were just given, several together, when nobody waits."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        fresh, self._fresh = self._fresh, []
        now, ttl_s, most = self._now(), self._options.ttl_s, self._options.max_entry_bytes
        for key, kept, given in fresh:
            left_s = ttl_s - (now - given)
            value = written(key, kept) if left_s > 0 else None
            if value is not None and len(value) > most:
                value = None
            self._recent.take_down(key, kept, value)
            store = self._store_at_hand() if value is not None else None
            if value is not None and store is not None:
                self._watch(store.put(key, value, ttl_s=left_s))

    def _remember(self, search: Search, answer: str) -> None:
        similar = self._similar
        assert similar is not None
        if self._store_at_hand() is not None:
            self._watch(similar.keep(search, answer=answer, ttl_s=self._options.ttl_s))

    def _store_at_hand(self) -> Answers | None:
        """What may be written to now."""
        rests = self._now() < self._store_rests_until
        return None if rests or len(self._writes) >= _MOST_WRITES else self._store

    def _watch(self, writing: Awaitable[None]) -> None:
        """See to what becomes of a write that nobody waits for."""
        write = writing if isinstance(writing, asyncio.Future) else asyncio.ensure_future(writing)
        if write not in self._writes:  # of several at once a store may tell together
            self._writes.add(write)
            write.add_done_callback(self._written)

    def _written(self, write: asyncio.Future[None]) -> None:
        self._writes.discard(write)
        error = None if write.cancelled() else write.exception()
        if isinstance(error, SeatrialError):
            self._let_rest(error)
        elif error is not None:
            raise error

    async def _near(
        self, similar: Similar, key: str, request: ChatRequest, call: Call
    ) -> tuple[Search | None, KeptChat | None]:
        """Whether the question was asked in other words, and the answer it was given then."""
        search = await similar.search(request, key, call)
        if search is None:
            return None, None
        for answer, similarity in search.found:
            kept = self._recent.get(answer, self._now()) or await self._stored(answer, call)
            if isinstance(kept, KeptChat) and kept.whole is not None and kept.pieces is not None:
                call.journal.cache = CacheUse.SEMANTIC
                call.journal.notes[SIMILARITY] = similarity
                self._remember(search, answer)
                return search, kept
            search.known = [one for one in search.known if one.answer != answer]  # it is gone
        return search, None

    async def _stored(self, key: str, call: Call) -> Kept | None:
        if self._store is None or self._now() < self._store_rests_until:
            return None
        try:
            held = await self._store.get(key)
        except SeatrialError as error:
            self._let_rest(error)
            return None
        kept = None if held is None else read(key, held.value)
        if held is None or kept is None:
            return None
        call.journal.cache = CacheUse.HIT
        self._recent.put(
            key,
            kept,
            until=self._now() + min(held.left_s, self._options.ttl_s),
            n_bytes=len(held.value),
        )
        return kept

    def _let_rest(self, error: SeatrialError) -> None:
        self._store_rests_until = self._now() + self._options.store_pause_s
        _LOG.warning("answers of %s are kept in memory only for now: %s", self._route, error)


def _weighs_at_least(kept: Kept) -> int:
    """A bound of its record from below that takes no time to tell."""
    if isinstance(kept, Embeddings):
        return _FLOAT_BYTES * len(kept.vectors) * len(kept.vectors[0])
    whole = kept.whole
    if whole is None:
        return 0
    return sum([len(p.text) for c in whole.choices for p in c.message.parts if type(p) is Text])


def _joined(call: Call) -> None:
    call.journal.cache = CacheUse.JOINED

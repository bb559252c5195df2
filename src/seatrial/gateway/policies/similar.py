"""Answers to questions that say the same in other words.

Two judges must agree. The words first (`question_words`): what differs between the questions is
nothing an answer can hang on. Then vectors of an embedding model: questions must point the same
way. Everything else of the two requests is equal, tenant and conversation included. What that is
worth, measured: docs/adr/0021.

A vector is asked for only when there is another question with the same words to compare with, and
is kept then; it is the caller who waits and pays for it. An embedder or a store that fails is a
miss.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.provider import Provider
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.policies.answer_key import chat_key
from seatrial.gateway.policies.answers import Answers
from seatrial.gateway.policies.asked_before import Asked, cosine, packed, read, written
from seatrial.gateway.policies.question import question_of
from seatrial.gateway.policies.question_words import telling
from seatrial.kernel.errors import Denied, LimitExceeded, SeatrialError

SIMILARITY = "cache.similarity"
"""The note of a journal: how near the question was to the one whose answer was given."""

_LOG = logging.getLogger(__name__)
_KEPT = 8
"""Questions with the same words that are remembered; wordings of one question are few."""


class SimilarOptions(msgspec.Struct, frozen=True, kw_only=True):
    """When a question is taken for another.

    Args:
        similarity: cosine at least, in (0, 1].
        longest_s: to wait for vectors, > 0, and never more than half of the time there is.
        pause_s: how long an embedder or a store that failed is not asked again, >= 0.
    """

    similarity: float = 0.95
    longest_s: float = 2.0
    pause_s: float = 5.0


class Search(msgspec.Struct, kw_only=True):
    """What was found for a question, and what is needed to remember it.

    Args:
        name: where questions with these words are kept.
        own: the question that was asked, without an answer yet.
        known: those kept.
        found: keys of answers with their similarity, the nearest first.
    """

    name: str
    own: Asked
    known: list[Asked]
    found: list[tuple[str, float]] = []


class Similar:
    """Finds questions of a route that were asked before in other words.

    Args:
        embedder: makes vectors, in the name of whoever asks.
        model: the name of its model, which vectors are comparable within.
        route: see `answer_key.chat_key`.
        store: where answers are kept; questions stand beside them.
        now: monotonic, in s.
        wall: seconds since 1970.
    """

    def __init__(
        self,
        embedder: Provider,
        *,
        model: str,
        options: SimilarOptions,
        route: str,
        store: Answers,
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._embedder = embedder
        self._model = model
        self._options = options
        self._route = route
        self._store = store
        self._now = now
        self._wall = wall
        self._rests_until = float("-inf")

    async def search(self, request: ChatRequest, key: str, call: Call) -> Search | None:
        """Look for the question of a request whose own answer, under ``key``, is not there.

        Returns: None where it is compared with no other.
        """
        name, text = self._name(request, call)
        if name is None or self._now() < self._rests_until:
            return None
        try:
            held = await self._store.get(name)
        except SeatrialError as error:
            self._rest(error)
            return None
        wall = self._wall()
        known = [] if held is None else [a for a in read(name, held.value) if a.until > wall]
        own = next(
            (a for a in known if a.key == key), Asked(key=key, answer=key, until=0.0, text=text)
        )
        known = [one for one in known if one.key != key]
        search = Search(name=name, own=own, known=known)
        if any(one.is_own for one in known):
            await self._compare(search, call)
        return search

    async def keep(self, search: Search, *, answer: str, ttl_s: float) -> None:
        """Remember a question with the answer it got: its own, or that of another.

        Raises: as Answers.
        """
        if search.own.until and search.own.answer == answer != search.own.key:
            return
        until = self._wall() + ttl_s
        if answer != search.own.key:
            until = next(one.until for one in search.known if one.key == answer)
        own = msgspec.structs.replace(search.own, answer=answer, until=until)
        kept = [*search.known, own][-_KEPT:]
        left_s = max(one.until for one in kept) - self._wall()
        if left_s > 0:
            await self._store.put(search.name, written(search.name, kept), ttl_s=left_s)

    def _name(self, request: ChatRequest, call: Call) -> tuple[str | None, str]:
        question = question_of(request)
        words = None if question is None else telling(question.text)
        if question is None or words is None:
            return None, ""
        rest = chat_key(question.rest, tenant=call.tenant, route=self._route)
        if rest is None:
            return None, ""
        try:
            said = "\0".join((self._model, rest, *words)).encode()
        except UnicodeEncodeError:  # half a surrogate pair
            return None, ""
        return sha256(b"asked\0" + said).hexdigest(), question.text

    async def _compare(self, search: Search, call: Call) -> None:
        """Fill in what is near, asking for the vectors that are not there."""
        asked = [search.own, *search.known]
        bare = [n for n, one in enumerate(asked) if not one.vector]
        if bare:
            vectors = await self._vectors([asked[n].text for n in bare], call)
            if vectors is None:
                return
            for n, vector in zip(bare, vectors, strict=True):
                asked[n] = msgspec.structs.replace(asked[n], vector=vector)
        search.own, *search.known = asked
        near = [
            (one.key, cosine(search.own.vector, one.vector))
            for one in search.known
            if one.is_own  # one that was taken for another itself leads ever further away
        ]
        search.found = sorted(
            (one for one in near if one[1] >= self._options.similarity),
            key=lambda one: one[1],
            reverse=True,
        )

    async def _vectors(self, texts: list[str], call: Call) -> list[bytes] | None:
        now = self._now()
        own = replace(
            call,
            id=f"{call.id}-question-{call.journal.begin_attempt()}",
            deadline=now + min(self._options.longest_s, max(0.0, call.first_due - now) / 2),
            first_by=None,
            journal=Journal(),
        )
        request = EmbeddingRequest(model=self._model, inputs=tuple(texts))
        try:
            given = await self._embedder.embed(request, own)
        except (LimitExceeded, Denied):  # the caller's own, and nobody else's
            return None
        except SeatrialError as error:
            self._rest(error)
            return None
        finally:
            call.journal.beside += own.journal.attempts
        if len(given.vectors) != len(texts):
            _LOG.warning("%s gave %d vectors for %d", self._model, len(given.vectors), len(texts))
            return None
        return [packed(vector) for vector in given.vectors]

    def _rest(self, error: SeatrialError) -> None:
        self._rests_until = self._now() + self._options.pause_s
        _LOG.warning("questions of %s are not compared for now: %s", self._route, error)

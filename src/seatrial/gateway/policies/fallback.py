"""Asks one candidate after the other until one answers.

A stream moves on unseen until its first piece that speaks; after it, its end is the end. With
`HedgeOptions` the next candidate is asked, too, when one is late, and the first to answer wins.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeAlias, TypeVar

from msgspec.structs import replace

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.failures import ProviderFailure
from seatrial.gateway.chat.provider import Chunks, Pending
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Chunk, Embeddings
from seatrial.gateway.policies.course import Candidate, Course, goes_elsewhere
from seatrial.gateway.policies.hedge import HedgeOptions, Lateness, hedged, pumped
from seatrial.gateway.policies.opening import cut_off, opened
from seatrial.kernel.errors import SeatrialError

A = TypeVar("A")
Q = TypeVar("Q", ChatRequest, EmbeddingRequest)
Opened: TypeAlias = tuple[list[Chunk], Chunks]
Ask: TypeAlias = Callable[[Candidate, Call], Awaitable[A]]

HEDGED = "hedge.asked"


class Fallback:
    """Asks candidates in order, each under its own model name.

    Each candidate ends by `Call.first_due` on its own (`Retry` sees to it), and all but the last
    get a share of the time. The journal's notes tell who answered (``fallback.answered_by``), what
    the others said (``fallback.failed``), and how often a second one was asked because the first
    was late (``hedge.asked``). When all failed, the last failure goes out with what each said.

    Args:
        candidates: at least one; the first is preferred.
        name: of the whole.
        hedge: None never asks two at once. Embeddings are not hedged.
        now: monotonic, in s.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        *,
        name: str,
        hedge: HedgeOptions | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._candidates = tuple(candidates)
        self._name = name
        self._hedge = hedge
        self._now = now
        self._whole = tuple(Lateness() for _ in candidates)
        self._first_token = tuple(Lateness() for _ in candidates)

    @property
    def name(self) -> str:
        """See Provider."""
        return self._name

    def chat(self, request: ChatRequest, call: Call) -> Pending[ChatResponse]:
        """See Provider."""
        if self._hedge is not None:
            return self._hedged_chat(request, call)
        return self._in_turn(
            lambda one, share: one.provider.chat(_named(request, one.model), share), call
        )

    async def _hedged_chat(self, request: ChatRequest, call: Call) -> ChatResponse:
        async def ask(candidate: Candidate, call: Call) -> ChatResponse:
            return await candidate.provider.chat(_named(request, candidate.model), call)

        async def discard(_: ChatResponse) -> None:
            """It is whole: nothing runs."""

        return await self._asked(call, ask, ask, discard, self._whole)

    def embed(self, request: EmbeddingRequest, call: Call) -> Pending[Embeddings]:
        """See Provider."""
        return self._in_turn(
            lambda one, share: one.provider.embed(_named(request, one.model), share), call
        )

    async def stream(self, request: ChatRequest, call: Call) -> Chunks:
        """See Provider; before the first piece that speaks, none is given."""

        def pieces_of(candidate: Candidate, call: Call) -> Chunks:
            return candidate.provider.stream(_named(request, candidate.model), call)

        async def ask(candidate: Candidate, call: Call) -> Opened:
            pieces = pieces_of(candidate, call)
            return await opened(pieces.__anext__), pieces

        async def ask_apart(candidate: Candidate, call: Call) -> Opened:
            pieces = pumped(pieces_of(candidate, call))
            return await opened(pieces.__anext__), pieces

        async def discard(late: Opened) -> None:
            await late[1].aclose()

        held, rest = await self._asked(call, ask, ask_apart, discard, self._first_token)
        async with aclosing(rest):
            for piece in held:
                yield piece
            try:
                async for piece in rest:
                    yield piece
            except ProviderFailure as failure:
                cut = cut_off(failure)
                if cut is failure:
                    raise
                raise cut from failure

    async def close(self) -> None:
        """See Provider; closes all candidates."""
        for candidate in self._candidates:
            await candidate.provider.close()

    async def _in_turn(self, ask: Ask[A], call: Call) -> A:
        """The first answer of those who are asked one after the other.   Raises: as `_asked`."""
        course = Course(self._candidates, call, self._now)
        while True:
            candidate, share = course.advance()
            try:
                answer = await ask(candidate, share)
            except SeatrialError as failure:
                course.failed(candidate, failure)
                self._go_on(course, failure)
            else:
                course.answered(candidate)
                return answer

    async def _asked(
        self,
        call: Call,
        ask: Ask[A],
        ask_apart: Ask[A],
        discard: Callable[[A], Awaitable[None]],
        lateness: Sequence[Lateness],
    ) -> A:
        """The first answer.   Raises: the last failure, with what each candidate said."""
        course = Course(self._candidates, call, self._now)

        async def attempt(ask: Ask[A]) -> tuple[Candidate, A]:
            seen = lateness[course.next_up]
            candidate, share = course.advance()
            n_left = course.n_left
            began = self._now()
            try:
                answer = await ask(candidate, share)
            except SeatrialError as failure:
                course.failed(candidate, failure)
                raise
            except BaseException:
                if course.n_left < n_left:  # it lost to the other
                    seen.add(self._now() - began)
                raise
            seen.add(self._now() - began)
            return candidate, answer

        async def second() -> tuple[Candidate, A]:
            hedges = call.journal.notes.get(HEDGED, 0)
            call.journal.notes[HEDGED] = hedges + 1 if isinstance(hedges, int) else 1
            return await attempt(ask_apart)

        while True:
            after_s = self._hedge_after_s(course, lateness)
            try:
                if after_s is None:
                    candidate, answer = await attempt(ask)
                else:
                    candidate, answer = await hedged(
                        attempt(ask),
                        second,
                        after_s=after_s,
                        goes_on=goes_elsewhere,
                        discard=lambda late: discard(late[1]),
                    )
            except SeatrialError as failure:
                self._go_on(course, failure)
            else:
                course.answered(candidate)
                return answer

    def _go_on(self, course: Course, failure: SeatrialError) -> None:
        """Raises: the failure, with what each candidate said, when nobody else shall be asked."""
        if not course.is_over(failure):
            return
        told = course.told(failure)
        if told is failure:
            raise failure
        raise told from failure

    def _hedge_after_s(self, course: Course, lateness: Sequence[Lateness]) -> float | None:
        if self._hedge is None or course.n_left < 2:
            return None
        return lateness[course.next_up].hedge_after_s(self._hedge)


def _named(request: Q, model: str) -> Q:
    """A request, by the model's name at its provider."""
    return request if request.model == model else replace(request, model=model)

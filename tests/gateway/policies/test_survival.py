"""Whatever providers do, and whoever hangs up: what the policies promise together, at random."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.gateway.chat import failures
from seatrial.gateway.chat.failures import ProviderFailure
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.chat.response import Chunk, Finished, Started
from seatrial.gateway.policies.backoff import Backoff
from seatrial.gateway.policies.breaker import Breaker, Circuit
from seatrial.gateway.policies.circuit import CircuitOptions
from seatrial.gateway.policies.concurrency import Concurrency, ConcurrencyOptions, Places
from seatrial.gateway.policies.course import Candidate
from seatrial.gateway.policies.fallback import Fallback
from seatrial.gateway.policies.hedge import HedgeOptions
from seatrial.gateway.policies.retry import Retry, RetryOptions
from seatrial.testing.fake_time import now, run_in_fake_time
from seatrial.testing.scripted_provider import (
    Ending,
    ScriptedProvider,
    Turn,
    call_within,
    text_of,
)

KINDS = sorted(
    (
        cls
        for cls in vars(failures).values()
        if isinstance(cls, type) and issubclass(cls, ProviderFailure)
    ),
    key=lambda cls: cls.__name__,
)
WAITS = [0.0, 0.0, 0.1, 1.0, 3.0, 20.0]


@dataclass(frozen=True)
class Fate:
    """A turn without its words: these tell which provider, and which turn of it, spoke."""

    kind: type[ProviderFailure] | None
    retry_after_s: float | None
    hangs: bool
    after: int
    wait_s: float
    gap_s: float
    n_words: int

    def turn(self, name: str, number: int) -> Turn:
        failure = self.kind and self.kind(
            "It failed.", remedy="Wait.", provider=name, retry_after_s=self.retry_after_s
        )
        words = [f"{name}{number}.{word}" for word in range(self.n_words)]
        return Turn(
            text=" ".join(words),
            failure=failure,
            hangs=self.hangs and failure is None,
            after=self.after,
            wait_s=self.wait_s,
            gap_s=self.gap_s,
        )


fates = st.builds(
    Fate,
    kind=st.none() | st.sampled_from(KINDS),
    retry_after_s=st.none() | st.sampled_from([0.0, 2.0, 1000.0]),
    hangs=st.booleans(),
    after=st.integers(0, 4),
    wait_s=st.sampled_from(WAITS),
    gap_s=st.sampled_from(WAITS),
    n_words=st.integers(1, 4),
)


@settings(max_examples=300)
@given(
    scripts=st.lists(st.lists(fates, min_size=1, max_size=4), min_size=1, max_size=3),
    max_attempts=st.integers(1, 4),
    attempt_timeout_s=st.none() | st.sampled_from([0.5, 4.0]),
    gap_timeout_s=st.none() | st.just(2.0),
    hedge=st.none() | st.sampled_from([0.0, 0.5, 2.0]),
    deadline_s=st.sampled_from([0.0, 1.0, 10.0, 60.0]),
    hang_up_s=st.none() | st.sampled_from([0.0, 0.5, 3.0]),
    leave_after=st.none() | st.integers(1, 3),
    n_callers=st.integers(1, 3),
    streamed=st.booleans(),
)
def test_promises_hold(
    scripts,
    max_attempts,
    attempt_timeout_s,
    gap_timeout_s,
    hedge,
    deadline_s,
    hang_up_s,
    leave_after,
    n_callers,
    streamed,
):
    async def play() -> None:
        providers, circuits, places, candidates = [], [], [], []
        for name, script in zip("abc", scripts, strict=False):
            turns = [fate.turn(name, number) for number, fate in enumerate(script)]
            providers.append(ScriptedProvider(turns, name=name))
            circuits.append(Circuit(CircuitOptions(failures_in_row=4), now=now))
            places.append(Places(ConcurrencyOptions(at_once=2, waiting=1), now=now))
            inner = Breaker(Concurrency(providers[-1], places[-1]), circuits[-1])
            options = RetryOptions(
                backoff=Backoff(max_attempts=max_attempts),
                attempt_timeout_s=attempt_timeout_s,
                gap_timeout_s=gap_timeout_s,
            )
            retry = Retry(inner, options, now=now, chance=Random(1))
            candidates.append(Candidate(provider=retry, model=name))
        fallback = Fallback(
            candidates,
            name="route",
            hedge=None if hedge is None else HedgeOptions(after_s=hedge),
            now=now,
        )

        async def one(number: int) -> None:
            call, begun = call_within(deadline_s, key=str(number)), now()
            pieces: list[Chunk] = []
            whole = False
            try:
                async with asyncio.timeout(hang_up_s):
                    if streamed:
                        async with aclosing(fallback.stream(REQUEST, call)) as stream:
                            async for piece in stream:
                                pieces.append(piece)
                                if len(pieces) == leave_after:
                                    break
                            else:
                                whole = True
                    else:
                        answer = await fallback.chat(REQUEST, call)
                        assert answer.text in full_texts
            except ProviderFailure:
                pass
            except TimeoutError:
                assert hang_up_s is not None
            assert now() - begun <= deadline_s + 1e-6
            check(pieces, whole=whole)
            notes = call.journal.notes
            assert notes.get("retry.retries", 0) <= len(providers) * (max_attempts - 1)

        full_texts = {
            fate.turn(name, number).text
            for name, script in zip("abc", scripts, strict=False)
            for number, fate in enumerate(script)
            if fate.kind is None and not fate.hangs
        }

        def check(pieces: list[Chunk], *, whole: bool) -> None:
            """One turn spoke, from its beginning, each word once; and to its end where said so."""
            events = [event for piece in pieces for event in piece.events]
            assert sum(isinstance(event, Started) for event in events) == bool(pieces)
            words = text_of(pieces).split()
            assert len({word.split(".")[0] for word in words}) <= 1
            assert [int(word.split(".")[1]) for word in words] == list(range(len(words)))
            if whole:
                assert text_of(pieces) in full_texts
                assert isinstance(events[-2], Finished)

        await asyncio.gather(*(one(number) for number in range(n_callers)))
        for provider in providers:
            assert len(provider.heard) <= n_callers * max_attempts
            assert Ending.RUNNING not in provider.endings
        assert [(p.n_taken, p.n_waiting) for p in places] == [(0, 0)] * len(places)

    run_in_fake_time(play())


REQUEST = ChatRequest(model="route", messages=(said(Role.USER, "Does it work?"),))

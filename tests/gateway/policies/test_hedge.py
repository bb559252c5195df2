import asyncio
from contextlib import aclosing

import pytest

from seatrial.gateway.chat.failures import Rejected, ServerFault, StreamCut
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.policies.course import goes_elsewhere
from seatrial.gateway.policies.hedge import HedgeOptions, Lateness, hedged, pumped
from seatrial.testing.fake_time import in_fake_time, now
from seatrial.testing.scripted_provider import (
    Ending,
    ScriptedProvider,
    call_within,
    fails,
    hangs,
    read_all,
    text_of,
)

REQUEST = ChatRequest(model="small", messages=(said(Role.USER, "Does it work?"),))


def failure(cls):
    return cls("It failed.", remedy="Wait.", provider="scripted")


class Race:
    """What is raced: each says when it ends, and how."""

    def __init__(self) -> None:
        self.log: list[str] = []

    async def run(self, name: str, after_s: float, error: Exception | None = None) -> str:
        self.log.append(f"{name} began")
        try:
            await asyncio.sleep(after_s)
            if error is not None:
                raise error
        except asyncio.CancelledError:
            self.log.append(f"{name} cancelled")
            raise
        self.log.append(f"{name} answered")
        return name

    async def discard(self, answer: str) -> None:
        self.log.append(f"{answer} discarded")

    async def hedged(self, first, second, after_s=1.0) -> str:
        return await hedged(
            self.run("first", *first),
            lambda: self.run("second", *second),
            after_s=after_s,
            goes_on=goes_elsewhere,
            discard=self.discard,
        )


@in_fake_time
async def test_a_first_answer_in_time_is_all_there_is():
    race = Race()
    assert await race.hedged((0.9,), (0,)) == "first"
    await asyncio.sleep(10)
    assert race.log == ["first began", "first answered"]


@in_fake_time
async def test_the_second_answers_when_the_first_is_late_and_slower():
    race, begun = Race(), now()
    assert await race.hedged((9,), (2,)) == "second"
    assert now() - begun == pytest.approx(3)
    assert race.log == ["first began", "second began", "second answered", "first cancelled"]


@in_fake_time
async def test_the_first_may_still_win():
    race, begun = Race(), now()
    assert await race.hedged((2,), (2,)) == "first"
    assert now() - begun == pytest.approx(2)
    assert race.log == ["first began", "second began", "first answered", "second cancelled"]


@in_fake_time
async def test_a_failure_before_the_second_was_asked_is_told_at_once():
    race, begun = Race(), now()
    with pytest.raises(ServerFault):
        await race.hedged((0.5, failure(ServerFault)), (0,))
    assert now() - begun == pytest.approx(0.5)
    assert race.log == ["first began"]


@pytest.mark.parametrize(("first", "second"), [((2,), (1.5, "fails")), ((1.5, "fails"), (2,))])
@in_fake_time
async def test_one_failure_leaves_the_other_running(first, second):
    race = Race()
    first, second = (
        (side[0], failure(ServerFault)) if len(side) > 1 else side for side in (first, second)
    )
    winner = "first" if len(first) == 1 else "second"
    assert await race.hedged(first, second) == winner


@in_fake_time
async def test_when_both_fail_it_failed():
    with pytest.raises(StreamCut):
        await Race().hedged((2, failure(ServerFault)), (3, failure(StreamCut)))
    with pytest.raises(StreamCut):
        await Race().hedged((9, failure(ServerFault)), (3, failure(StreamCut)))


@pytest.mark.parametrize(("first", "second"), [((9,), (1, "no")), ((2, "no"), (9,))])
@in_fake_time
async def test_a_request_that_is_wrong_for_one_is_wrong_for_both(first, second):
    race, begun = Race(), now()
    first, second = (
        (side[0], failure(Rejected)) if len(side) > 1 else side for side in (first, second)
    )
    with pytest.raises(Rejected):
        await race.hedged(first, second)
    assert now() - begun == pytest.approx(2)
    assert sum("cancelled" in line for line in race.log) == 1


@in_fake_time
async def test_who_hangs_up_ends_both():
    race = Race()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await race.hedged((9,), (9,))
    assert sorted(race.log[2:]) == ["first cancelled", "second cancelled"]


@in_fake_time
async def test_who_hangs_up_while_only_the_second_runs_ends_it():
    race = Race()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await race.hedged((2, failure(ServerFault)), (9,))
    assert race.log == ["first began", "second began", "second cancelled"]


@in_fake_time
async def test_an_answer_that_comes_with_the_winning_one_is_discarded():
    race = Race()

    async def second() -> str:
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            return "late"  # it had the answer when it was cancelled
        raise AssertionError

    answer = await hedged(
        race.run("first", 2),
        second,
        after_s=1,
        goes_on=goes_elsewhere,
        discard=race.discard,
    )
    assert answer == "first"
    assert race.log == ["first began", "first answered", "late discarded"]


def test_the_delay_is_fixed_or_the_quantile_of_what_was_seen():
    seen = Lateness(n=100)
    assert seen.hedge_after_s(HedgeOptions(after_s=3)) == 3
    options = HedgeOptions(min_seen=20)
    for ms in range(19):
        seen.add(ms / 10)
    assert seen.hedge_after_s(options) is None
    for ms in range(19, 100):
        seen.add(ms / 10)
    assert seen.hedge_after_s(options) == pytest.approx(9.4)  # 95 of 100 take at most that long
    for _ in range(100):
        seen.add(0.001)
    assert seen.hedge_after_s(options) == 0.05


def test_what_was_seen_is_forgotten_in_the_order_it_was_seen():
    seen = Lateness(n=3)
    for seconds in (5, 1, 9, 2, 2):
        seen.add(seconds)
    assert seen.hedge_after_s(HedgeOptions(min_seen=1, quantile=0.5)) == 2
    assert seen.hedge_after_s(HedgeOptions(min_seen=1, quantile=0.99)) == 9


@in_fake_time
async def test_a_pumped_stream_is_the_stream():
    provider = ScriptedProvider()
    pieces = await read_all(pumped(provider.stream(REQUEST, call_within())))
    assert text_of(pieces) == "It works."
    assert provider.endings == [Ending.ANSWERED]


@in_fake_time
async def test_a_pumped_stream_fails_as_the_stream_does():
    provider = ScriptedProvider([fails(failure(StreamCut), after=2)])
    pieces = []
    with pytest.raises(StreamCut):
        await read_all(pumped(provider.stream(REQUEST, call_within())), pieces)
    assert len(pieces) == 2


@in_fake_time
async def test_a_pumped_stream_runs_one_piece_ahead_and_ends_with_its_reader():
    provider = ScriptedProvider([hangs(after=4)])
    async with aclosing(pumped(provider.stream(REQUEST, call_within()))) as pieces:
        await anext(pieces)
        await asyncio.sleep(1)
        assert provider.heard[0].n_pieces <= 3
    assert provider.running == 0

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from seatrial.gateway.chat.response import Chunk
from seatrial.gateway.policies.patience import Deadlines, OutOfPatience, Patience
from seatrial.testing.fake_time import (
    NothingWillHappen,
    in_fake_time,
    now,
    run_in_fake_time,
)


class Pieces:
    """A stream with a wait before each piece; says how it ended."""

    def __init__(self, *waits: float) -> None:
        self.waits = waits
        self.ended = ""

    async def stream(self) -> AsyncGenerator[Chunk, None]:
        try:
            for wait in self.waits:
                await asyncio.sleep(wait)
                yield Chunk(event=str(wait))
            self.ended = "whole"
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise


@in_fake_time
async def test_pieces_in_time_come_through_to_the_end():
    source = Pieces(1, 2, 3)
    async with aclosing(source.stream()) as pieces:
        with Patience(pieces, now, now() + 6.5) as patience:
            got = [(await patience.next()).event for _ in range(3)]
            with pytest.raises(StopAsyncIteration):
                await patience.next()
    assert got == ["1", "2", "3"]
    assert source.ended == "whole"


@in_fake_time
async def test_a_piece_that_is_late_is_not_waited_for_longer():
    source = Pieces(1, 5)
    begun = now()
    async with aclosing(source.stream()) as pieces:
        with Patience(pieces, now, begun + 4) as patience:
            await patience.next()
            with pytest.raises(OutOfPatience):
                await patience.next()
    assert now() - begun == pytest.approx(4)
    assert source.ended == "cancelled"
    await asyncio.sleep(100)  # the task itself is not cancelled, now or later


@in_fake_time
async def test_the_time_may_be_moved_either_way_between_pieces():
    source = Pieces(1, 3, 3, 50)
    begun = now()
    async with aclosing(source.stream()) as pieces:
        with Patience(pieces, now, begun + 2) as patience:
            for _ in range(3):
                await patience.next()
                patience.due = now() + 3.5
            patience.due = now() + 1
            with pytest.raises(OutOfPatience):
                await patience.next()
    assert now() - begun == pytest.approx(8)


@in_fake_time
async def test_a_reader_that_dawdles_is_not_the_streams_fault():
    async with aclosing(Pieces(0, 0).stream()) as pieces:
        with Patience(pieces, now, now() + 2) as patience:
            await patience.next()
            await asyncio.sleep(10)
            patience.due = now() + 1
            assert (await patience.next()).event == "0"


def test_no_timer_is_left_when_the_stream_is_over():
    loops = []

    async def work() -> None:
        loops.append(asyncio.get_running_loop())
        async with aclosing(Pieces(3).stream()) as pieces:
            with Patience(pieces, now, now() + 600) as patience:
                await patience.next()
        await asyncio.Event().wait()

    with pytest.raises(NothingWillHappen):
        run_in_fake_time(work())
    assert loops[0].time() == pytest.approx(1003)


@in_fake_time
async def test_who_is_cancelled_from_outside_is_cancelled():
    source = Pieces(50)

    async def read() -> None:
        async with aclosing(source.stream()) as pieces:
            with Patience(pieces, now, now() + 5) as patience:
                await patience.next()

    task = asyncio.create_task(read())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.ended == "cancelled"


@in_fake_time
async def test_a_cancellation_that_comes_with_the_timeout_wins():
    async def read() -> None:
        async with aclosing(Pieces(50).stream()) as pieces:
            with Patience(pieces, now, now() + 5) as patience:
                await patience.next()

    task = asyncio.create_task(read())
    asyncio.get_running_loop().call_later(5, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


@in_fake_time
async def test_of_many_that_wait_each_has_its_own_deadline():
    deadlines = Deadlines()

    async def ended(work_s: float, within_s: float) -> tuple[str, float]:
        begun = now()
        try:
            said = await deadlines.in_time(asyncio.sleep(work_s, "answer"), within_s)
        except OutOfPatience:
            said = "late"
        return said, now() - begun

    plans = [(1, 60), (50, 30), (9, 3), (20, 25), (100, 31), (2, 2.5), (70, 60)]
    got = await asyncio.gather(*(ended(*plan) for plan in plans))
    assert [said for said, _ in got] == [
        "answer" if work_s < within_s else "late" for work_s, within_s in plans
    ]
    assert [waited_s for _, waited_s in got] == pytest.approx([min(plan) for plan in plans])
    await asyncio.sleep(1000)  # nobody is cancelled later
    assert await ended(5, 3) == ("late", pytest.approx(3))


@in_fake_time
async def test_what_is_late_is_cancelled_and_a_failure_goes_out():
    deadlines, ends = Deadlines(), []

    async def work(fails: bool) -> None:
        try:
            await asyncio.sleep(1 if fails else 50)
            raise ZeroDivisionError
        except BaseException as error:
            ends.append(type(error))
            raise

    with pytest.raises(OutOfPatience):
        await deadlines.in_time(work(fails=False), 5)
    with pytest.raises(ZeroDivisionError):
        await deadlines.in_time(work(fails=True), 5)
    assert ends == [asyncio.CancelledError, ZeroDivisionError]


@pytest.mark.parametrize("after_s", [1, 5])
@in_fake_time
async def test_a_cancellation_from_outside_is_no_timeout(after_s: float):
    task = asyncio.create_task(Deadlines().in_time(asyncio.sleep(50), 5))
    asyncio.get_running_loop().call_later(after_s, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


def test_deadlines_serve_one_loop_after_another():
    deadlines = Deadlines()
    for _ in range(2):
        with pytest.raises(OutOfPatience):
            run_in_fake_time(deadlines.in_time(asyncio.sleep(50), 5))

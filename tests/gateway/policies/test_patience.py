import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from seatrial.gateway.chat.response import Chunk
from seatrial.gateway.policies.patience import OutOfPatience, Patience
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

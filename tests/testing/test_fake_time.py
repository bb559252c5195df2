import asyncio

import pytest

from seatrial.testing.fake_time import (
    LeftRunning,
    NothingWillHappen,
    in_fake_time,
    now,
    run_in_fake_time,
)


async def say(log: list[tuple[float, str]], after_s: float, word: str) -> None:
    await asyncio.sleep(after_s)
    log.append((now(), word))


@in_fake_time
async def test_what_waits_happens_in_the_order_of_its_time():
    log: list[tuple[float, str]] = []
    begun = now()
    await asyncio.gather(say(log, 3600, "late"), say(log, 0.1, "first"), say(log, 60, "second"))
    assert [(round(at - begun, 9), word) for at, word in log] == [
        (0.1, "first"),
        (60, "second"),
        (3600, "late"),
    ]


@in_fake_time
async def test_a_timeout_ends_what_takes_longer_and_no_sooner():
    begun = now()
    async with asyncio.timeout(2):
        await asyncio.sleep(1.999)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await asyncio.sleep(2.001)
    assert now() - begun == pytest.approx(3.999)


@in_fake_time
async def test_time_stands_still_while_something_can_go_on():
    begun = now()
    for _ in range(1000):
        await asyncio.sleep(0)
    assert now() == begun


def test_waiting_for_what_cannot_come_is_an_error():
    with pytest.raises(NothingWillHappen):
        run_in_fake_time(asyncio.Event().wait())


def test_a_task_that_is_left_is_an_error():
    kept = []

    async def work() -> None:
        kept.append(asyncio.create_task(asyncio.sleep(1), name="forgotten"))

    with pytest.raises(LeftRunning, match="forgotten"):
        run_in_fake_time(work())


def test_an_error_that_nobody_saw_is_one():
    async def fail() -> None:
        raise ValueError("unseen")

    async def work() -> None:
        asyncio.create_task(fail())  # noqa: RUF006 - what it is about
        await asyncio.sleep(1)

    with pytest.raises(LeftRunning, match="unseen"):
        run_in_fake_time(work())


def test_the_result_and_the_errors_of_the_work_come_out():
    async def work(fail: bool) -> int:
        if fail:
            raise KeyError("mine")
        return 7

    assert run_in_fake_time(work(False)) == 7
    with pytest.raises(KeyError, match="mine"):
        run_in_fake_time(work(True))

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.kernel.errors import SeatrialError
from seatrial.registry.signature import Batch, Prediction
from seatrial.serving.batching import BatchLimits, CostModel
from seatrial.serving.exchange import BadOutput
from seatrial.serving.failures import EngineFailed, EngineOutOfMemory
from seatrial.serving.queue import BatchQueue, Closed, Late, Overloaded


class GatedEngine:
    """Runs a batch when its gate is open; fails on what the test says."""

    def __init__(self, fails: Callable[[np.ndarray], SeatrialError | None] | None = None) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.calls: list[list[float]] = []
        self._fails = fails

    async def __call__(self, batch: Batch) -> Prediction:
        assert isinstance(batch, np.ndarray)
        self.calls.append(batch[:, 0].tolist())
        await self.gate.wait()
        problem = self._fails(batch) if self._fails else None
        if problem is not None:
            raise problem
        return {"x": batch * 2}


def queue_of(engine: GatedEngine, **limits: float) -> BatchQueue:
    bounds = BatchLimits(**{"max_rows": 8, "linger_s": 0.0, **limits})  # type: ignore[arg-type]
    return BatchQueue(engine, inspect=lambda _prediction, _rows: None, name="m", limits=bounds)


def rows(*values: float) -> np.ndarray:
    return np.array([[value] for value in values], dtype=np.float32)


async def tick() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_arrives_while_a_batch_runs_is_the_next_batch_in_order() -> None:
    engine = GatedEngine()
    queue = queue_of(engine)
    engine.gate.clear()
    answers = [queue.submit(rows(0))]
    await tick()
    answers += [queue.submit(rows(i)) for i in range(1, 4)]
    assert queue.n_waiting == 3
    assert queue.n_in_flight == 4
    engine.gate.set()
    got = await asyncio.gather(*answers)
    assert engine.calls == [[0], [1, 2, 3]]
    assert [answer["x"].tolist() for answer in got] == [[[0]], [[2]], [[4]], [[6]]]
    assert queue.n_in_flight == 0


async def test_a_batch_holds_at_most_the_limit_and_a_larger_request_runs_alone() -> None:
    engine = GatedEngine()
    queue = queue_of(engine, max_rows=4)
    engine.gate.clear()
    answers = [queue.submit(rows(0))]
    await tick()
    answers += [queue.submit(rows(*[i] * 3)) for i in (1, 2)] + [queue.submit(rows(*range(9)))]
    engine.gate.set()
    await asyncio.gather(*answers)
    assert [len(call) for call in engine.calls] == [1, 3, 3, 9]


async def test_a_full_queue_sheds_and_says_when_to_come_back() -> None:
    engine = GatedEngine()
    queue = queue_of(engine, max_waiting=2)
    engine.gate.clear()
    answers = [queue.submit(rows(0))]
    await tick()
    answers += [queue.submit(rows(1)), queue.submit(rows(2))]
    with pytest.raises(Overloaded) as shed:
        queue.submit(rows(3))
    assert shed.value.facts["retry_after_s"] >= 0.0
    assert "2 requests" in shed.value.problem
    engine.gate.set()
    await asyncio.gather(*answers)
    assert (await queue.submit(rows(3)))["x"].tolist() == [[6]]


async def test_rows_that_wait_are_bounded_but_one_large_request_is_taken() -> None:
    engine = GatedEngine()
    queue = queue_of(engine, max_waiting_rows=5)
    engine.gate.clear()
    first = queue.submit(rows(0))
    await tick()
    large = queue.submit(rows(*range(9)))
    with pytest.raises(Overloaded):
        queue.submit(rows(1))
    engine.gate.set()
    await asyncio.gather(first, large)


async def test_callers_who_left_do_not_keep_others_out_and_are_not_run() -> None:
    engine = GatedEngine()
    queue = queue_of(engine, max_waiting=2)
    engine.gate.clear()
    first = queue.submit(rows(0))
    await tick()
    left = [queue.submit(rows(1)), queue.submit(rows(2))]
    for answer in left:
        answer.cancel()
    stayed = queue.submit(rows(3))
    engine.gate.set()
    await asyncio.gather(first, stayed)
    assert engine.calls == [[0], [3]]


async def test_a_caller_who_leaves_while_its_batch_runs_harms_nobody() -> None:
    engine = GatedEngine()
    queue = queue_of(engine)
    engine.gate.clear()
    first = queue.submit(rows(0))
    await tick()
    one, two = queue.submit(rows(1)), queue.submit(rows(2))
    engine.gate.set()
    await first
    engine.gate.clear()
    await tick()
    one.cancel()
    engine.gate.set()
    assert (await two)["x"].tolist() == [[4]]
    assert (await queue.submit(rows(5)))["x"].tolist() == [[10]]


async def test_a_request_that_is_late_already_never_runs() -> None:
    engine = GatedEngine()
    queue = queue_of(engine)
    with pytest.raises(Late):
        queue.submit(rows(1), time.monotonic() - 1.0)
    assert engine.calls == []


async def test_a_deadline_ends_the_wait_while_the_engine_hangs_and_the_request_never_runs() -> None:
    engine = GatedEngine()
    queue = queue_of(engine)
    engine.gate.clear()
    running = queue.submit(rows(0), time.monotonic() + 0.02)
    await tick()
    waiting = queue.submit(rows(1), time.monotonic() + 0.01)
    patient = queue.submit(rows(2))
    with pytest.raises(Late, match="deadline"):
        await waiting
    with pytest.raises(Late):
        await running
    engine.gate.set()
    await patient
    assert engine.calls == [[0], [2]]


def fails_on(
    bad: set[float], problem: SeatrialError
) -> Callable[[np.ndarray], SeatrialError | None]:
    return lambda batch: problem if bad & set(batch[:, 0].tolist()) else None


@given(
    n=st.integers(1, 24),
    bad=st.sets(st.integers(0, 23), max_size=6),
    memory=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_only_the_guilty_of_a_batch_fail(n: int, bad: set[int], memory: bool) -> None:
    problem: SeatrialError = EngineFailed("It broke.", remedy="Mend it.")
    if memory:
        problem = EngineOutOfMemory("It was too much.", remedy="Send less.")

    async def scenario() -> None:
        engine = GatedEngine(fails_on({float(i) for i in bad}, problem))
        queue = queue_of(engine, max_rows=64)
        engine.gate.clear()
        first = queue.submit(rows(1000))
        await tick()
        answers = [queue.submit(rows(i)) for i in range(n)]
        engine.gate.set()
        await first
        got = await asyncio.gather(*answers, return_exceptions=True)
        for i, answer in enumerate(got):
            if i in bad:
                assert isinstance(answer, type(problem))
            else:
                assert isinstance(answer, dict)
                assert answer["x"].tolist() == [[2.0 * i]]
        # Halving costs at most the nodes of a binary tree over the parts.
        assert len(engine.calls) <= 1 + 2 * n

    asyncio.run(scenario())


async def test_a_crash_fails_its_batch_at_once_and_the_queue_goes_on() -> None:
    from seatrial.kernel.errors import Unavailable

    engine = GatedEngine(fails_on({1.0}, Unavailable("The process died.", remedy="Wait.")))
    queue = queue_of(engine)
    engine.gate.clear()
    first = queue.submit(rows(0))
    await tick()
    mates = [queue.submit(rows(1)), queue.submit(rows(2))]
    engine.gate.set()
    await first
    errors = await asyncio.gather(*mates, return_exceptions=True)
    assert all(isinstance(error, Unavailable) for error in errors)
    assert errors[0] is not errors[1]
    assert engine.calls == [[0], [1, 2]]
    assert (await queue.submit(rows(3)))["x"].tolist() == [[6]]


async def test_an_answer_that_fails_inspection_fails_alone_and_is_not_run_again() -> None:
    def inspect(prediction: Prediction, _rows: int) -> None:
        if np.isnan(prediction["x"]).any():
            raise BadOutput("NaN.", remedy="No.")

    engine = GatedEngine()
    queue = BatchQueue(engine, inspect=inspect, name="m", limits=BatchLimits(linger_s=0.0))
    engine.gate.clear()
    first = queue.submit(rows(0))
    await tick()
    bad, good = queue.submit(rows(np.nan)), queue.submit(rows(2))
    engine.gate.set()
    await first
    assert (await good)["x"].tolist() == [[4]]
    with pytest.raises(BadOutput):
        await bad
    assert len(engine.calls) == 2


async def test_an_engine_that_raises_something_unforeseen_hangs_nobody() -> None:
    async def run(_batch: Batch) -> Prediction:
        raise RuntimeError("surprise")

    queue = BatchQueue(run, inspect=lambda _p, _r: None, name="m", limits=BatchLimits())
    with pytest.raises(EngineFailed, match="surprise"):
        await queue.submit(rows(1))
    with pytest.raises(EngineFailed, match="surprise"):
        await queue.submit(rows(2))


async def test_closing_refuses_what_waits_and_lets_the_running_batch_end() -> None:
    engine = GatedEngine()
    queue = queue_of(engine)
    engine.gate.clear()
    running = queue.submit(rows(0))
    await tick()
    waiting = queue.submit(rows(1))
    closing = asyncio.ensure_future(queue.close())
    await tick()
    engine.gate.set()
    await closing
    assert (await running)["x"].tolist() == [[0]]
    with pytest.raises(Closed):
        await waiting
    with pytest.raises(Closed):
        queue.submit(rows(2))


async def test_draining_waits_for_all_but_not_for_ever() -> None:
    engine = GatedEngine()
    queue = queue_of(engine)
    engine.gate.clear()
    answer = queue.submit(rows(0))
    assert not await queue.drain(0.01)
    engine.gate.set()
    assert await queue.drain(5.0)
    assert answer.done()


async def test_a_closed_loop_of_clients_ends_up_in_whole_batches() -> None:
    """Running at once would split 8 clients into two half batches for ever."""
    engine = GatedEngine()
    limits = BatchLimits(max_rows=64, linger_s=0.05)
    flat = CostModel.of(10.0, 0.0, 64)
    queue = BatchQueue(engine, inspect=lambda _p, _r: None, name="m", limits=limits, cost=flat)

    async def client() -> None:
        for _ in range(6):
            await queue.submit(rows(1))

    await asyncio.gather(*(client() for _ in range(8)))
    sizes = [len(call) for call in engine.calls]
    assert sizes[0] <= 8
    assert sizes[2:6] == [8, 8, 8, 8]

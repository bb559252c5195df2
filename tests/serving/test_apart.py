from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from seatrial.registry.signature import Batch, Prediction
from seatrial.serving.apart import Apart
from seatrial.serving.exchange import BadOutput
from seatrial.serving.failures import EngineTimeout
from seatrial.serving.queue import Closed, Overloaded

ROW = np.zeros((1, 2), np.float32)


class Gate:
    """Answers once it is open."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.most = self.n = 0

    async def __call__(self, batch: Batch) -> Prediction:
        self.n += 1
        self.most = max(self.most, self.n)
        try:
            await self.open.wait()
        finally:
            self.n -= 1
        return {"y": np.ones(len(batch))}


def apart(gate: Gate, *, most: int = 8) -> Apart:
    return Apart(gate, inspect=lambda _p, _n: None, name="iris version 2", most=most)


async def test_requests_run_side_by_side_and_those_beyond_the_bound_are_shed() -> None:
    gate = Gate()
    line = apart(gate, most=3)
    running = [asyncio.ensure_future(line.submit(ROW)) for _ in range(3)]
    await asyncio.sleep(0)
    assert (line.n_in_flight, gate.most) == (3, 3)
    with pytest.raises(Overloaded) as shed:
        line.submit(ROW)
    assert shed.value.facts["retry_after_s"] == 1.0
    gate.open.set()
    assert [(await one)["y"].tolist() for one in running] == [[1.0]] * 3
    assert line.n_in_flight == 0


async def test_an_engine_later_than_the_deadline_is_the_versions_fault() -> None:
    line = apart(Gate())
    for deadline in (time.monotonic() + 0.01, time.monotonic() - 1.0):
        with pytest.raises(EngineTimeout, match="iris version 2"):
            await line.submit(ROW, deadline)
    assert line.n_in_flight == 0


async def test_it_drains_and_then_takes_nothing_more() -> None:
    gate = Gate()
    line = apart(gate)
    running = asyncio.ensure_future(line.submit(ROW))
    await asyncio.sleep(0)
    assert not await line.drain(0.01)
    gate.open.set()
    assert await line.drain(5.0)
    await line.close()
    with pytest.raises(Closed):
        line.submit(ROW)
    await running


async def test_an_answer_that_must_not_be_sent_is_not() -> None:
    def refuse(_prediction: Prediction, rows: int) -> None:
        raise BadOutput(f"{rows} rows of nonsense.", remedy="Look at it.")

    gate = Gate()
    gate.open.set()
    line = Apart(gate, inspect=refuse, name="iris version 2", most=1)
    for _ in range(2):  # and its place is free again
        with pytest.raises(BadOutput):
            await line.submit(ROW)

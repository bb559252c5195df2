from __future__ import annotations

import asyncio

import numpy as np

from seatrial.packaging.measure import SIZES, measure
from seatrial.registry.signature import Batch, Prediction, n_rows
from seatrial.serving.engine import EngineKind


class Machine:
    """A clock that only engines move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[tuple[int, int | None]] = []

    def run(self, seconds_per_row: float):
        def predict(batch: Batch, chunk_rows: int | None) -> Prediction:
            self.calls.append((n_rows(batch), chunk_rows))
            self.now += seconds_per_row * n_rows(batch)
            return {}

        return predict

    def remote(self, seconds: float):
        async def predict(batch: Batch, chunk_rows: int | None) -> Prediction:
            await asyncio.sleep(0)
            self.now += seconds
            return {}

        return predict


def test_costs_are_medians_of_each_engine_at_each_size_in_pieces_and_whole():
    machine = Machine()
    engines = {EngineKind.ONNX: machine.run(1e-6), EngineKind.NATIVE: machine.remote(1e-4)}
    rows = np.zeros((5, 2))
    costs = asyncio.run(measure(engines, rows, monotonic=lambda: machine.now))
    by_way = {(c.engine, c.n_rows, c.chunk_rows): c.seconds for c in costs}
    for n in SIZES:
        assert abs(by_way[EngineKind.ONNX, n, None] - n * 1e-6) < 1e-12
        assert abs(by_way[EngineKind.NATIVE, n, None] - 1e-4) < 1e-12
    assert (EngineKind.ONNX, 1024, 64) in by_way
    assert (EngineKind.ONNX, 64, 64) not in by_way
    assert (EngineKind.NATIVE, 1024, 64) not in by_way


def test_larger_batches_are_tried_only_while_the_fastest_engine_is_quick():
    machine = Machine()
    engines = {EngineKind.ONNX: machine.run(0.01), EngineKind.NATIVE: machine.run(0.1)}
    costs = asyncio.run(measure(engines, np.zeros((5, 2)), monotonic=lambda: machine.now))
    for kind in engines:
        assert {c.n_rows for c in costs if c.engine is kind} == {1, 8, 64}
    assert machine.calls.count((64, None)) == 8  # three each, and one to warm up


def test_calls_get_different_rows():
    seen: list[float] = []

    def predict(batch: Batch, chunk_rows: int | None) -> Prediction:
        if n_rows(batch) == 1 and isinstance(batch, np.ndarray):
            seen.append(float(batch[0, 0]))
        return {}

    ticks = iter(range(10**6))
    rows = np.arange(100.0).reshape(-1, 1)
    asyncio.run(
        measure({EngineKind.ONNX: predict}, rows, monotonic=lambda: next(ticks) * 1e-3, cell_s=0.02)
    )
    assert len(set(seen)) > 5


def test_what_has_lost_is_asked_no_more_and_what_is_close_is_asked_to_the_end():
    machine = Machine()
    n_calls = dict.fromkeys(EngineKind, 0)

    def counted(kind: EngineKind, seconds_per_row: float):
        run = machine.run(seconds_per_row)

        def predict(batch: Batch, chunk_rows: int | None) -> Prediction:
            n_calls[kind] += n_rows(batch) == 1
            return run(batch, chunk_rows)

        return predict

    cost = {EngineKind.ONNX: 1e-4, EngineKind.WIDE: 2e-4, EngineKind.NATIVE: 4e-4}
    engines = {kind: counted(kind, seconds) for kind, seconds in cost.items()}
    asyncio.run(measure(engines, np.zeros((5, 2)), monotonic=lambda: machine.now))
    assert n_calls[EngineKind.NATIVE] <= 1 + 5  # once to warm up, and the first turn's
    assert n_calls[EngineKind.WIDE] > 90
    assert n_calls[EngineKind.ONNX] > 150

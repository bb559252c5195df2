"""Fakes that several tests of the data plane's insides share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from seatrial.kernel.store import Slice, StoreUnavailable
from seatrial.registry.signature import Batch, Dtype, Feature, Output, Prediction, Signature, Task
from seatrial.serving.engine import Choice, Engine, EngineKind, EnginePlan, Seen, Step
from seatrial.serving.live import LiveVersion
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore

SIGNATURE = Signature(
    features=(Feature(name="a", dtype=Dtype.FLOAT32), Feature(name="b", dtype=Dtype.FLOAT32)),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT32),),
    task=Task.REGRESSION,
    matrix=True,
)


class Doubler:
    """Answers twice the first feature; fails on negative rows, answers NaN for 13."""

    def __init__(self, answer: float = 2.0) -> None:
        self.answer = answer
        self.calls: list[int] = []
        self.closed = False

    def predict(self, batch: Batch) -> Prediction:
        assert not self.closed
        assert isinstance(batch, np.ndarray)
        self.calls.append(len(batch))
        if (batch[:, 0] < 0).any():
            raise ValueError("negative")
        values = (batch[:, 0] * self.answer).astype(np.float32)
        return {"prediction": np.where(batch[:, 0] == 13, np.float32("nan"), values)}

    def close(self) -> None:
        self.closed = True


class FakeNative:
    """A child process that is none: starts when told, answers when allowed, crashes on demand."""

    def __init__(self, answer: float = 2.0) -> None:
        self.inner = Doubler(answer)
        self.ready = False
        self.n_starts = 0
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.gate: asyncio.Event | None = None
        self.problem: Exception | None = None
        self.timeouts: list[float] = []
        self.seen: Seen | None = None

    async def start(self) -> None:
        self.n_starts += 1
        await self.may_start.wait()
        if self.problem is not None:
            raise self.problem
        self.ready = True

    async def predict(self, batch: Batch, timeout_s: float) -> Prediction:
        self.timeouts.append(timeout_s)
        if self.gate is not None:
            await self.gate.wait()
        if self.problem is not None:
            raise self.problem
        return self.inner.predict(batch)

    def status(self) -> SimpleNamespace:
        return SimpleNamespace(restarts=3, pid=None, seen=self.seen)

    async def close(self) -> None:
        self.inner.close()


class BrokenStore(MemoryStore):
    """A store that can be made to fail, and heals."""

    problem: Exception | None = None

    def fail(self) -> None:
        self.problem = StoreUnavailable("The store is locked.", remedy="Wait.")

    def add_slices(self, slices: Sequence[Slice]) -> None:
        self._check()
        super().add_slices(slices)

    def beat(self, name: str, data: Mapping[str, object]) -> None:
        self._check()
        super().beat(name, data)

    def _check(self) -> None:
        if self.problem is not None:
            raise self.problem


def plan(*steps: tuple[int, Choice], batching: bool = True, max_batch_rows: int = 64) -> EnginePlan:
    return EnginePlan(
        steps=tuple(Step(from_rows=rows, choice=choice) for rows, choice in steps),
        costs=(),
        fixed_s=0.01,
        per_row_s=0.0,
        batching=batching,
        max_batch_rows=max_batch_rows,
        linger_s=0.0,
        reason="made up",
    )


def choice(engine: EngineKind = EngineKind.ONNX, *, inline: bool = True, rows: int | None = None):
    return Choice(engine=engine, chunk_rows=rows, inline=inline)


MakeLive = Callable[..., LiveVersion]


@pytest.fixture
def make_live() -> MakeLive:
    """Makes a version: inline by default, its engine and plan replaceable."""

    def make(
        version: int = 1,
        *,
        endpoint: str = "churn",
        engine: Engine | None = None,
        native: FakeNative | None = None,
        how: EnginePlan | None = None,
        **options: object,
    ) -> LiveVersion:
        engines = {EngineKind.ONNX: engine or Doubler(float(version))}
        return LiveVersion(
            endpoint=endpoint,
            version=version,
            digest=f"digest-{version}",
            signature=SIGNATURE,
            plan=how or plan((1, choice())),
            engines={} if native is not None and engine is None else engines,
            native=native,
            **options,  # type: ignore[arg-type]
        )

    return make


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> BrokenStore:
    return BrokenStore()


def row(*values: float) -> np.ndarray:
    return np.array([[value, 0.0] for value in values], dtype=np.float32)


@pytest.fixture
def fakes() -> SimpleNamespace:
    """The makers above, for tests that build their own cases."""
    return SimpleNamespace(
        signature=SIGNATURE,
        engine=Doubler,
        native=FakeNative,
        plan=plan,
        choice=choice,
        row=row,
    )

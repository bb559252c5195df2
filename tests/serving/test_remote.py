"""A native engine comes back after whatever happens to its process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic

import numpy as np
import pytest
import pytest_asyncio

from seatrial.registry.missing_library import MissingLibrary
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving import remote
from seatrial.serving.child import Child
from seatrial.serving.failures import EngineCrashed, EngineDown, EngineTimeout
from seatrial.serving.remote import EngineState, NativeEngine, NativeModel
from seatrial.serving.restart import RestartPolicy
from seatrial.serving.spawn import ChildLimits

MODEL = """
import os, time
import numpy as np

HELD = []


class Fragile:
    def predict(self, X):
        act = int(X[0, 0])
        if act == 1:
            os.abort()
        elif act == 2:
            time.sleep(30)
        elif act == 3:
            HELD.append(np.ones(30 << 17))
        return X[:, 0] * 2
"""
SIGNATURE = Signature(
    features=(Feature(name="x0", dtype=Dtype.FLOAT64),),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT64),),
    task=Task.OTHER,
    matrix=True,
)
FAST = RestartPolicy(first_delay_s=0.0, cool_off_s=0.2)


def row(act: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array([[act]])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> NativeModel:
    folder = tmp_path_factory.mktemp("fragile")
    (folder / "fragilemodel.py").write_text(MODEL)
    (folder / "m.pkl").write_bytes(b"cfragilemodel\nFragile\n)R.")
    path = folder / "m.pkl"
    return NativeModel(path=path, signature=SIGNATURE, trust=True, code_paths=(folder,))


Start = Callable[..., Awaitable[NativeEngine]]


@pytest_asyncio.fixture
async def start(model: NativeModel) -> AsyncIterator[Start]:
    engines: list[NativeEngine] = []

    async def started(**options: object) -> NativeEngine:
        engine = NativeEngine(model, **{"policy": FAST, **options})  # type: ignore[arg-type]
        engines.append(engine)
        await engine.start()
        return engine

    yield started
    for engine in engines:
        await engine.close()


async def until_ready(engine: NativeEngine) -> None:
    async with asyncio.timeout(30):
        while not engine.ready:
            await asyncio.sleep(0.01)


async def test_a_crash_fails_one_call_and_the_next_is_answered_by_a_new_process(
    start: Start,
) -> None:
    engine = await start()
    first = engine.status().pid
    with pytest.raises(EngineCrashed, match="SIGABRT"):
        await engine.predict(row(1), 30)
    with pytest.raises(EngineDown) as caught:
        await engine.predict(row(5), 30)
    assert float(str(caught.value.facts["retry_after_s"])) > 0
    await until_ready(engine)
    assert (await engine.predict(row(5), 30))["prediction"] == 10
    status = engine.status()
    assert status.restarts == 1
    assert status.pid != first
    assert status.last_error is not None
    assert "SIGABRT" in status.last_error


async def test_a_kill_while_idle_is_noticed_and_repaired(start: Start) -> None:
    engine = await start()
    pid = engine.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(30):
        while engine.status().restarts == 0 or not engine.ready:
            await asyncio.sleep(0.01)
    assert (await engine.predict(row(5), 30))["prediction"] == 10


async def test_a_hang_times_out_for_its_caller_and_is_ended(start: Start) -> None:
    engine = await start(limits=ChildLimits(call_s=0.5))
    with pytest.raises(EngineTimeout, match=r"within 0\.1 s"):
        await engine.predict(row(2), 0.1)
    async with asyncio.timeout(30):
        while engine.status().restarts == 0 or not engine.ready:
            await asyncio.sleep(0.01)
    assert (await engine.predict(row(5), 30))["prediction"] == 10


@pytest.mark.slow
async def test_a_process_that_grows_is_replaced_without_a_failed_call(start: Start) -> None:
    engine = await start(limits=ChildLimits(memory_bytes=300 << 20))
    first = engine.status().pid
    async with asyncio.timeout(60):
        while engine.status().replaced == 0:
            grow = engine.status().rss_bytes < 250 << 20
            assert (await engine.predict(row(3 if grow else 5), 30))["prediction"][0] in (6, 10)
            await asyncio.sleep(0.01)
    assert engine.status().restarts == 0
    assert engine.status().pid != first
    assert (await engine.predict(row(5), 30))["prediction"] == 10


@pytest.mark.slow
async def test_dying_too_often_means_down_until_the_cool_off(start: Start) -> None:
    policy = RestartPolicy(max_restarts=1, first_delay_s=0.0, cool_off_s=1.0)
    engine = await start(policy=policy)
    for _ in range(2):
        await until_ready(engine)
        with pytest.raises(EngineCrashed):
            await engine.predict(row(1), 30)
    async with asyncio.timeout(30):
        while engine.status().state is not EngineState.DOWN:
            await asyncio.sleep(0.01)
    await until_ready(engine)
    assert engine.status().restarts == 2


async def test_a_model_that_does_not_load_fails_the_start_and_leaves_nothing(
    model: NativeModel, tmp_path: Path
) -> None:
    engine = NativeEngine(replace(model, code_paths=()))
    with pytest.raises(MissingLibrary, match="fragilemodel"):
        await engine.start()
    assert not engine.ready
    assert engine.status().pid is None
    await engine.close()


async def test_nothing_answers_after_close(start: Start) -> None:
    engine = await start()
    await engine.close()
    await engine.close()
    with pytest.raises(EngineDown):
        await engine.predict(row(5), 1)
    assert engine.status().state is EngineState.CLOSED


async def test_a_start_that_is_overdue_makes_clients_wait_longer_and_longer(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await start()

    async def hang() -> Child:
        return await asyncio.Future()

    monkeypatch.setattr(engine, "_loaded", hang)
    pid = engine.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        while engine.status().restarts == 0:
            await asyncio.sleep(0.01)
    began = monotonic()
    for late, wait in ((12.0, 12.0), (500.0, 30.0)):
        monkeypatch.setattr(remote, "monotonic", lambda late=late: began + late)
        with pytest.raises(EngineDown, match=r"restarting: .* ended by SIGKILL\. Try") as down:
            await engine.predict(row(5), 1)
        assert down.value.facts["retry_after_s"] == pytest.approx(wait, abs=0.5)

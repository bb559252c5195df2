"""The engine of a version elsewhere, over a server in memory; and the version it makes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seatrial.kernel.errors import SeatrialError
from seatrial.packaging.plan import MAX_PIECE_ROWS, elsewhere
from seatrial.registry.signature import Dtype
from seatrial.serving import elsewhere as module
from seatrial.serving.elsewhere import Elsewhere
from seatrial.serving.engine import EngineKind, EnginePlan, Says, Seen
from seatrial.serving.failures import (
    EngineMismatch,
    EngineNonsense,
    EngineRefused,
    EngineTimeout,
    EngineUnreachable,
)
from seatrial.serving.live import LiveVersion
from seatrial.serving.oip import ModelMetadata, TensorSpec
from seatrial.serving.outcome import outcome_of
from seatrial.testing import FakeClock
from seatrial.testing.memory_oip import Fault, MemoryOip, OipWorld
from seatrial.testing.models import matrix_signature, only

SIGNATURE = matrix_signature()
ROWS = np.array([[1, 2, 3], [4, 5, 6]], np.float32)


def churn(tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    n = len(tensors["input"])
    return {"label": np.arange(n), "probabilities": np.full((n, 2), 0.5, np.float32)}


@pytest.fixture
def world() -> OipWorld:
    described = ModelMetadata(
        inputs=(TensorSpec(name="input", datatype="FP32", shape=(-1, 3)),),
        outputs=(
            TensorSpec(name="label", datatype="INT64", shape=(-1,)),
            TensorSpec(name="probabilities", datatype="FP32", shape=(-1, 2)),
        ),
    )
    return OipWorld(models={"churn-2": churn}, described=described, loaded={"churn-2"})


def engine(world: OipWorld, place: Callable[[], bool] | None = None) -> Elsewhere:
    return Elsewhere(MemoryOip(world), "churn-2", SIGNATURE, place=place, connections=2)


def version(native: Elsewhere) -> LiveVersion:
    return LiveVersion(
        endpoint="churn",
        version=2,
        digest="d",
        signature=SIGNATURE,
        plan=elsewhere(only(EngineKind.ONNX), "triton"),
        engines={},
        native=native,
    )


async def test_a_version_elsewhere_answers_and_large_batches_go_in_pieces(world: OipWorld) -> None:
    live = version(engine(world))
    await live.start()
    sizes: list[int] = []

    def noted(tensors: dict[str, np.ndarray]) -> dict[str, Any]:
        sizes.append(len(tensors["input"]))
        return churn(tensors)

    world.models["churn-2"] = noted
    many = np.zeros((2 * MAX_PIECE_ROWS + 1, 3), np.float32)
    got = await live.predict(many)  # type: ignore[misc]
    assert len(got["label"]) == len(many)
    assert sizes == [MAX_PIECE_ROWS, MAX_PIECE_ROWS, 1]
    assert live.pid is None
    await live.close()


@pytest.mark.parametrize(
    ("fault", "error", "outcome"),
    [
        (Fault.GONE, EngineUnreachable, "error:unreachable"),
        (Fault.REFUSING, EngineRefused, "error:refused"),
        (Fault.RAMBLING, EngineNonsense, "error:nonsense"),
        (Fault.SLOW, EngineTimeout, "error:timeout"),
    ],
)
async def test_whatever_is_wrong_there_counts_against_the_version(
    world: OipWorld, fault: Fault, error: type[SeatrialError], outcome: str
) -> None:
    live = version(engine(world))
    await live.start()
    world.fault = fault
    deadline = asyncio.get_running_loop().time() + (0.02 if fault is Fault.SLOW else 10.0)
    with pytest.raises(error) as told:
        await live.predict(ROWS, deadline)  # type: ignore[misc]
    assert outcome_of(told.value) == outcome
    await live.close()


async def until(native: Elsewhere, says: Says) -> Seen:
    """What is seen of an engine once it says so."""
    for _ in range(1000):
        seen = native.status().seen
        if seen is not None and seen.says is says:
            return seen
        await asyncio.sleep(0)
    raise AssertionError(f"it never was {says}")


async def test_the_server_is_asked_though_nobody_asks_the_model(
    world: OipWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ASK_AGAIN_S", 0.0)
    clock = FakeClock()
    native = Elsewhere(MemoryOip(world), "churn-2", SIGNATURE, now=clock.now)
    assert native.status().seen is None
    live = version(native)
    await live.start()
    assert live.seen_elsewhere == Seen(says=Says.READY, since=clock.now())
    for fault, loaded, says in (
        (Fault.GONE, True, Says.SILENT),
        (None, True, Says.READY),
        (None, False, Says.ABSENT),
        (Fault.RAMBLING, False, Says.SILENT),
    ):
        clock.advance(60.0)
        world.fault = fault
        world.loaded = {"churn-2"} if loaded else set()
        seen = await until(native, says)
        assert seen.since == clock.now()
        clock.advance(60.0)
        for _ in range(20):
            await asyncio.sleep(0)
        assert native.status().seen == seen  # since it began, not since the newest question
    await live.close()


async def test_an_engine_that_is_closed_is_not_asked_any_more(
    world: OipWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ASK_AGAIN_S", 0.0)
    native = engine(world)
    await native.start()
    before = asyncio.all_tasks()
    await native.close()
    assert len(asyncio.all_tasks()) == len(before) - 1


async def test_a_model_that_is_not_there_or_is_another_is_not_started(world: OipWorld) -> None:
    world.loaded.clear()
    with pytest.raises(EngineUnreachable, match="'churn-2'"):
        await engine(world).start()
    world.loaded.add("churn-2")
    other = Elsewhere(MemoryOip(world), "churn-2", matrix_signature(dtype=Dtype.FLOAT64))
    with pytest.raises(EngineMismatch):
        await other.start()


async def test_a_model_of_ours_is_placed_and_then_loaded(world: OipWorld) -> None:
    world.loaded.clear()
    is_new = iter((True, False, True))
    for loads in (1, 1, 2):  # what is put there anew is loaded, even where another is ready
        await engine(world, lambda: next(is_new)).start()
        assert world.loads == ["churn-2"] * loads


async def test_a_server_that_comes_back_empty_is_given_its_model_again(
    world: OipWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOK_AGAIN_S", 0.0)
    apart = engine(world, lambda: False)
    await apart.start()
    world.fault = Fault.GONE
    for _ in range(3):
        with pytest.raises(EngineUnreachable):
            await apart.predict(ROWS, 1.0)
    world.fault = None
    world.loaded.clear()
    for _ in range(100):
        await asyncio.sleep(0.01)
        try:
            await apart.predict(ROWS, 1.0)
            break
        except EngineRefused:
            continue
    assert world.loads == ["churn-2"]
    await apart.close()


async def test_no_more_requests_are_asked_at_once_than_there_are_connections(
    world: OipWorld,
) -> None:
    server = MemoryOip(world)
    running = most = 0
    infer = server.infer

    async def counted(*args: Any) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return await infer(*args)

    server.infer = counted  # type: ignore[method-assign]
    apart = Elsewhere(server, "churn-2", SIGNATURE, connections=2)
    await apart.start()
    await asyncio.gather(*(apart.predict(ROWS, 5.0) for _ in range(20)))
    assert most == 2
    await apart.close()
    assert server.closed


def test_a_plan_elsewhere_is_read_back_and_one_here_has_no_word_of_it() -> None:
    here = only(EngineKind.ONNX, inline=True)
    there = elsewhere(here, "triton")
    assert EnginePlan.from_dict(there.as_dict()) == there
    assert there.engines == {EngineKind.REMOTE}
    assert "remote" not in here.as_dict()  # so that digests of before stand
    assert there.at_home(EngineKind.ONNX).engines == {EngineKind.ONNX}

"""A child process answers, keeps its bounds, and never outlives the server."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from seatrial.registry.missing_library import MissingLibrary
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.registry.signature_record import signature_to_dict
from seatrial.registry.unsafe import UnsafeModel
from seatrial.serving.child import Child, revive, start_child
from seatrial.serving.failures import (
    EngineCrashed,
    EngineFailed,
    EngineKilled,
    EngineOutOfMemory,
    EngineTimeout,
    NotAModel,
)
from seatrial.serving.outcome import outcome_of
from seatrial.serving.spawn import ChildLimits

pytestmark = pytest.mark.asyncio(loop_scope="module")

WICKED = '''
import os, subprocess, sys, time
import numpy as np


class Wicked:
    """Does what its first feature says."""

    n_features_in_ = 1

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        act = int(X[0, 0])
        if act == 1:
            time.sleep(60)
        elif act == 2:
            os.abort()
        elif act == 3:
            np.ones(1 << 40)
        elif act == 4:
            print("noise " * 100_000); print("x", file=sys.stderr)
        elif act == 5:
            raise ValueError("no such row")
        elif act == 6:
            os._exit(3)
        elif act == 7:
            grown = [bytearray(64 << 20) for _ in range(20)]
            for part in grown:
                part[::4096] = b"x" * len(part[::4096])
            time.sleep(60)
        elif act == 8:
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid
            time.sleep(60)
        elif act == 9:
            return np.array([float(any(k in os.environ for k in ("MY_API_KEY", "MY_NAME")))])
        elif act == 10:
            time.sleep(0.3)
        elif act == 11:
            return np.array([float(os.getpgrp() == os.getpid())])
        elif act == 12:
            os.close(int(sys.argv[1]))
            time.sleep(60)
        return X[:, 0] * 2
'''
SIGNATURE = Signature(
    features=(Feature(name="x0", dtype=Dtype.FLOAT64),),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT64),),
    task=Task.OTHER,
    matrix=True,
)
LIMITS = ChildLimits(memory_bytes=700 << 20)


def row(act: float) -> dict[str, object]:
    return {"batch": np.array([[act]])}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wicked")
    (folder / "wickedmodel.py").write_text(WICKED)
    (folder / "m.pkl").write_bytes(b"cwickedmodel\nWicked\n)R.")
    return folder


async def loaded(folder: Path, limits: ChildLimits = LIMITS) -> Child:
    child = await start_child(limits, code_paths=[folder])
    arguments = {"path": str(folder / "m.pkl"), "trust": True, "any_version": False}
    signature = {"signature": signature_to_dict(SIGNATURE)}
    try:
        await child.call("load", {**arguments, "limit": 1 << 20}, timeout_s=60)
        await child.call("configure", signature, timeout_s=10)
    except BaseException:
        await child.close()
        raise
    return child


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(folder: Path) -> AsyncIterator[Child]:
    """One child for all tests that leave it alive."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MY_API_KEY", "secret")
        environment.setenv("MY_NAME", "me")
        child = await loaded(folder)
    yield child
    await child.close()


async def test_predictions_come_back_in_the_signatures_outputs(shared: Child) -> None:
    reply = await shared.call("predict", row(21), timeout_s=10)
    assert reply == {"prediction": np.array([42.0])}


async def test_a_model_that_prints_does_not_disturb_its_answers(shared: Child) -> None:
    for _ in range(2):
        reply = await shared.call("predict", row(4), timeout_s=10)
        assert reply == {"prediction": np.array([8.0])}


async def test_an_exception_of_the_model_is_named_and_the_process_lives_on(shared: Child) -> None:
    with pytest.raises(EngineFailed, match="ValueError: no such row"):
        await shared.call("predict", row(5), timeout_s=10)
    assert (await shared.call("predict", row(20), timeout_s=10))["prediction"] == 40


async def test_a_single_huge_allocation_is_refused_and_the_process_lives_on(shared: Child) -> None:
    with pytest.raises(EngineOutOfMemory):
        await shared.call("predict", row(3), timeout_s=10)
    assert (await shared.call("predict", row(20), timeout_s=10))["prediction"] == 40


async def test_a_caller_that_gives_up_does_not_shift_the_answers(shared: Child) -> None:
    with pytest.raises(EngineTimeout, match=r"within 0\.05 s"):
        await shared.call("predict", row(10), timeout_s=0.05)
    late = asyncio.create_task(shared.call("predict", row(10), timeout_s=10))
    await asyncio.sleep(0)
    late.cancel()
    replies = await asyncio.gather(
        *(shared.call("predict", row(n), timeout_s=10) for n in (30, 31))
    )
    assert [float(r["prediction"][0]) for r in replies] == [60.0, 62.0]  # type: ignore[index]


async def test_the_environment_does_not_reach_the_model(shared: Child) -> None:
    assert (await shared.call("predict", row(9), timeout_s=10))["prediction"] == 0


async def test_the_model_has_a_process_group_of_its_own(shared: Child) -> None:
    assert (await shared.call("predict", row(11), timeout_s=10))["prediction"] == 1


async def test_functions_outside_our_adapters_are_not_called(shared: Child) -> None:
    for function in ("os:system", "seatrial.kernel.clock:SystemClock", "seatrial.adapters.x:_y"):
        with pytest.raises(EngineFailed, match="is no function of"):
            await shared.call("call", {"function": function, "kwargs": {}}, timeout_s=10)


async def test_unknown_operations_and_nonsense_arguments_are_answered(shared: Child) -> None:
    with pytest.raises(EngineFailed):
        await shared.call("shutdown", timeout_s=10)
    with pytest.raises(EngineFailed, match="TypeError"):
        await shared.call("predict", {"rows": 1}, timeout_s=10)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"model": 1}, "'model'"),
        ([1, 2], "builtins.list"),
        ("text", "builtins.str"),
        (int, "the class 'int'"),
        (np.arange(3), "numpy.ndarray"),
    ],
)
async def test_what_is_no_model_is_told(
    shared: Child, tmp_path: Path, value: object, said: str
) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps(value))
    arguments = {"path": str(path), "trust": False, "any_version": False, "limit": 1 << 20}
    with pytest.raises(NotAModel, match=said):
        await shared.call("load", arguments, timeout_s=30)


async def test_refusals_cross_the_process_border_as_themselves(
    shared: Child, tmp_path: Path
) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    arguments = {"path": str(path), "any_version": False, "limit": 1 << 20}
    with pytest.raises(UnsafeModel, match=r"os\.system") as caught:
        await shared.call("load", {**arguments, "trust": False}, timeout_s=30)
    assert caught.value.facts["imports"] == ["os.system"]
    path.write_bytes(b"cnotinstalled.models\nModel\n)R.")
    with pytest.raises(MissingLibrary, match="'notinstalled'") as missing:
        await shared.call("load", {**arguments, "trust": True}, timeout_s=30)
    assert "somebody else's" in missing.value.remedy


@pytest.mark.parametrize(
    ("act", "how"), [(2, "SIGABRT"), (6, "exit code 3")], ids=["abort", "exit"]
)
async def test_a_crash_is_told_with_its_cause(folder: Path, act: int, how: str) -> None:
    child = await loaded(folder)
    try:
        with pytest.raises(EngineCrashed, match=how) as caught:
            await child.call("predict", row(act), timeout_s=30)
        if act == 2:
            assert "wickedmodel.py" in str(caught.value.facts["output"])
        with pytest.raises(EngineCrashed):
            await child.call("predict", row(1), timeout_s=10)
    finally:
        await child.close()


async def test_kill_9_in_the_middle_of_a_call_fails_that_call(folder: Path) -> None:
    child = await loaded(folder)
    try:
        call = asyncio.create_task(child.call("predict", row(1), timeout_s=30))
        await asyncio.sleep(0.05)
        os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(EngineKilled, match="SIGKILL"):
            await call
    finally:
        await child.close()


async def test_a_model_that_closes_its_channel_is_ended(folder: Path) -> None:
    child = await loaded(folder)
    try:
        with pytest.raises(EngineCrashed):
            await child.call("predict", row(12), timeout_s=30)
    finally:
        await child.close()


@pytest.mark.slow
async def test_a_call_that_hangs_ends_the_process_and_what_it_started(folder: Path) -> None:
    child = await loaded(folder)
    try:
        with pytest.raises(EngineTimeout, match="was stopped"):
            await child.call("predict", row(8), timeout_s=30, run_s=0.3)
        async with asyncio.timeout(10):  # the kernel takes its time to end what was killed
            while group_is_alive(child.pid):
                await asyncio.sleep(0.02)
    finally:
        await child.close()


@pytest.mark.slow
async def test_memory_beyond_the_limit_ends_the_process(folder: Path) -> None:
    child = await loaded(folder)
    try:
        with pytest.raises(EngineOutOfMemory):
            await child.call("predict", row(7), timeout_s=30)
    finally:
        await child.close()


def group_is_alive(group: int) -> bool:
    """Whether a process of the group runs; zombies wait for init and do not count."""
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (OSError, NotADirectoryError):
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            return True
    return False


PARENT = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from seatrial.serving.child import start_child
from seatrial.serving.outcome import outcome_of
from seatrial.serving.spawn import ChildLimits

async def main():
    child = await start_child(ChildLimits())
    print(child.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_no_process_outlives_a_server_that_was_killed() -> None:
    program = PARENT.format(tests=str(Path(__file__).parent))
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent:
        pid = int(parent.stdout.readline())
        assert group_is_alive(pid)
        parent.kill()
    deadline = time.monotonic() + 10
    while group_is_alive(pid) and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    assert not group_is_alive(pid)


async def test_closing_twice_is_nothing_and_leaves_no_scratch_folder(folder: Path) -> None:
    child = await start_child(ChildLimits())
    scratch = child._process._scratch
    assert scratch.is_dir()
    await child.close()
    await child.close()
    assert not scratch.exists()
    with pytest.raises(EngineCrashed):
        await child.call("ping", timeout_s=1)


async def test_a_code_that_is_none_is_not_taken_over() -> None:
    said = {"problem": "p", "remedy": "r"}
    assert revive({**said, "code": "bundle.tampered"}).code == "bundle.tampered"
    for code in ("<b>", "a.b\nc", "A.B", "x" * 200 + ".y", "", None):
        assert revive({**said, "code": code}).code == EngineFailed.code


async def test_a_models_process_makes_no_outcome_of_its_own() -> None:
    told = revive({"code": "serving.bad_input", "problem": "p", "remedy": "r"})
    assert outcome_of(told) == "error:failed"

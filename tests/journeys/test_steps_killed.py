"""`kill -9` of the worker at each word it says: the end is the same, each effect is there once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from seatrial.steps.run import PREFIX, Run, Status
from seatrial.steps.runs import Runs
from seatrial.wiring.workspace import open_store
from tests.journeys.durable_worker import NAMES, Count, flow

pytestmark = [pytest.mark.integration, pytest.mark.slow]

HERE = Path(__file__).parent

MOMENTS = [
    f"{word} {name}"
    for name in NAMES
    for word in ("begun", "done", "fact step.begun", "fact step.finished")
] + ["fact step.waiting judge"]


@pytest.fixture(params=["sqlite", "postgresql"])
def moments(request: pytest.FixtureRequest) -> list[str]:
    """All of them in one store, every third in the other: what they share is known by then."""
    return MOMENTS if request.param == "sqlite" else MOMENTS[::3]


@pytest.fixture
def url(moments: list[str], tmp_path: Path) -> str:
    if moments is MOMENTS:
        return f"sqlite:///{tmp_path / 'store.db'}"
    server = os.environ.get("SEATRIAL_TEST_POSTGRES_URL")
    if not server:
        pytest.skip("no PostgreSQL here: run it by .ci/with-postgres")
    return f"{server}{'&' if '?' in server else '?'}schema=steps_killed_{os.getpid()}"


def worker(url: str, effects: Path) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "durable_worker.py"), url, str(effects)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def kill_at(process: subprocess.Popen[str], moment: str) -> None:
    assert process.stdout is not None
    too_late = threading.Timer(20.0, process.kill)
    too_late.start()
    try:
        said = any(line.strip() == moment for line in process.stdout)
    finally:
        too_late.cancel()
        process.kill()
        process.wait()
        process.stdout.close()
    assert said, f"the worker never said {moment!r}"


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    folder = tmp_path / "effects"
    folder.mkdir()
    return folder


def ended(runs: Runs, run_id: str, within_s: float = 20.0) -> Run:
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        runs.refresh()
        run = runs.get(run_id)
        if run.over is not None or run.status is Status.FAILED:
            return run
        time.sleep(0.02)
    raise AssertionError(f"the run still is {runs.get(run_id).status}")


def test_killed_at_every_moment_the_end_is_the_same(
    url: str, moments: list[str], effects: Path
) -> None:
    store = open_store(url)
    try:
        runs = Runs(store)
        ids = []
        for i, moment in enumerate(moments):  # a run each, and one worker killed once in each
            run, _ = runs.start(
                flow(effects), key=f"m{i}", input=Count(value=0), reason="a test", by="test"
            )
            ids.append(run.id)
            kill_at(worker(url, effects), moment)
            after = worker(url, effects)
            try:
                check(ended(runs, run.id), runs, store, moment)
            finally:
                os.kill(after.pid, signal.SIGKILL)
                after.wait()
                if after.stdout is not None:
                    after.stdout.close()
        made = sorted(path.name for path in effects.iterdir())
        assert made == sorted(
            f"{run_id}/{name}".replace("/", "_") for run_id in ids for name in NAMES
        )
    finally:
        store.close()


def check(run: Run, runs: Runs, store: object, moment: str) -> None:
    assert (run.status, run.outcome) == (Status.ENDED, "released"), moment
    assert [s.output for s in run.steps] == [{"value": i} for i in (1, 2, 3, 4)], moment
    facts = [f.kind for f in store.read(stream=PREFIX + run.id)]  # type: ignore[attr-defined]
    assert (facts.count("step.finished"), facts.count("run.ended")) == (4, 1), moment

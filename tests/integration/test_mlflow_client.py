"""MLflow's own scoring client against a running server, unchanged, in an environment of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from environments import environment

from seatrial.serving.plane import DataPlane
from seatrial.testing.models import (
    FakeEngine,
    column_signature,
    live_version,
    matrix_signature,
    router_of,
)
from seatrial.web.app import App, build
from seatrial.web.errors import error_reply
from seatrial.web.protocol import HotProtocol

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PINS = ("mlflow-skinny==3.17.2", "pandas>=2.2", "scipy>=1.13")
COLUMNS = FakeEngine(column_signature())
MATRIX = FakeEngine(matrix_signature())
CLIENT = """
import json, sys
import numpy as np, pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

client = ScoringServerClient("127.0.0.1", sys.argv[1])
client.ping()
frame = pd.DataFrame(
    {"plan": ["pro", "basic"], "age": [1.5, np.nan], "visits": [1, 2], "member": [True, False],
     "note": ["a", None]}
)
said = {"version": client.get_version()}
said["frame"] = client.invoke(frame).get_predictions(predictions_format="ndarray").ravel().tolist()
array = np.array([[1, 2, 3], [4, 5, 6]])
said["array"] = ScoringServerClient("127.0.0.1", sys.argv[2]).invoke(array)["predictions"]
try:
    client.invoke(frame.assign(plan="gold"))
except Exception as problem:
    said["problem"] = str(problem)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def python(request: pytest.FixtureRequest) -> Path:
    """An interpreter with MLflow's client; kept in pytest's cache from run to run."""
    return environment(request.config, PINS[0], PINS)


@pytest.fixture
def ports() -> Iterator[list[str]]:
    """A server of a column model and one of a matrix model."""
    apps = [
        build(DataPlane(router_of(live_version(engine.signature, engine=engine)), error_reply))
        for engine in (COLUMNS, MATRIX)
    ]
    running = [_started(app) for app in apps]
    yield [port for _, _, port in running]
    for server, thread, _ in running:
        server.should_exit = True
        thread.join()


def _started(app: App) -> tuple[uvicorn.Server, threading.Thread, str]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=HotProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)

    def run() -> None:
        with listening:
            asyncio.run(server.serve(sockets=[listening]))

    thread = threading.Thread(target=run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    return server, thread, str(listening.getsockname()[1])


def test_frames_and_arrays_are_scored_and_errors_are_told(python: Path, ports: list[str]) -> None:
    ran = subprocess.run(
        [python, "-c", CLIENT, *ports], capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout.splitlines()[-1])
    assert (said["frame"], said["array"]) == ([0.5, 0.5], [0, 0])
    assert said["version"]
    assert "unknown category 'gold' in row 0" in said["problem"]
    (frame,) = COLUMNS.batches
    assert isinstance(frame, dict)
    assert frame["plan"].tolist() == ["pro", "basic"]
    assert [str(age) for age in frame["age"]] == ["1.5", "nan"]
    assert frame["note"].tolist() == ["a", None]
    (array,) = MATRIX.batches
    assert np.asarray(array).tolist() == [[1, 2, 3], [4, 5, 6]]

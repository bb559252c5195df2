"""TensorFlow Serving's own client, unchanged, against gRPC's door and against our double of it.

The server itself is not to be had; a seatrial that speaks its protocols stands for it as an engine.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import re
import shlex
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from seatrial.adapters.grpc.door import GrpcDoor
from seatrial.serving.plane import DataPlane
from seatrial.testing.memory_oip import OipWorld
from seatrial.testing.models import (
    FakeEngine,
    column_signature,
    live_version,
    matrix_signature,
    router_of,
)
from seatrial.web.errors import error_reply
from tests.conformance.tf_serving_double import over_grpc
from tests.integration.engine_home import NAME, Home, Traffic, until
from tests.integration.environments import environment

pytestmark = pytest.mark.integration

CLIENT = Path(__file__).with_name("tensorflow_serving_client.py")
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "clients.md"
(WORDS,) = re.findall(r"(?ms)^```python tfserving\n(.*?)^```", PAGE.read_text("utf-8"))
WORDS_CLIENT = CLIENT.with_name("tensorflow_serving_words.py")
ENGINE = dict(
    re.findall(
        r"(?ms)^```(yaml|sh) tfengine\n(.*?)^```", PAGE.with_name("engines.md").read_text("utf-8")
    )
)
DOOR = FakeEngine(matrix_signature(), 0.25)
COLUMNS = FakeEngine(column_signature())


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    bound: list[int] = []
    ready, done = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        router = router_of(
            live_version(matrix_signature(), engine=DOOR),
            live_version(matrix_signature([f"x{i}" for i in range(13)]), endpoint="wine"),
            live_version(column_signature(), endpoint="col", version=4, engine=COLUMNS),
            live_version(matrix_signature(), endpoint="slow", wait=done.wait),
        )
        door = GrpcDoor(DataPlane(router, error_reply), max_body_bytes=1_000_000)
        bound.append(await door.start("127.0.0.1", 0))
        ready.set()
        await done.wait()
        await door.stop(0)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(30)
    yield f"127.0.0.1:{bound[0]}"
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()


def tensorflow_serving(config: pytest.Config) -> Path:
    """An interpreter with TensorFlow Serving's own messages and stubs."""
    return environment(
        config,
        "tensorflow-serving",
        ["--no-deps", "tensorflow-cpu==2.21.0", "tensorflow-serving-api==2.21.0"],
        ["grpcio", "protobuf>=6.31,<8", "numpy"],
    )


@pytest.fixture(scope="module")
def told(address: str, pytestconfig: pytest.Config) -> Any:
    ran = subprocess.run(
        [
            tensorflow_serving(pytestconfig),
            CLIENT,
            address,
            WORDS.replace("127.0.0.1:8001", address),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    asked, page = ran.stdout.splitlines()
    return {**json.loads(asked), "page": page}


def test_its_predictions_are_ours(told: Any) -> None:
    assert told["model"] == ["churn", 1]
    assert told["probabilities"] == [0.25] * 4
    assert told["shape"] == [2, 2]
    assert told["label"] == [0, 0]
    assert told["prediction"] == [0.5, 0.5]
    assert DOOR.batches[0].tolist() == [[1, 2, 3], [4, 5, 6]]  # type: ignore[union-attr]
    assert COLUMNS.batches[0]["note"].tolist() == ["å", ""]


def test_the_page_is_right(told: Any) -> None:
    assert told["page"] == "[0, 0] 1"


def test_it_reads_signatures_and_states(told: Any) -> None:
    assert told["inputs"] == {
        "age": "DT_DOUBLE",
        "visits": "DT_INT64",
        "member": "DT_BOOL",
        "plan": "DT_STRING",
        "note": "DT_STRING",
    }
    assert told["status"] == [[1, "AVAILABLE"]]


@pytest.mark.parametrize(
    ("case", "code", "word"),
    [
        ("unknown model", "NOT_FOUND", "no model 'nope'"),
        ("unknown version", "NOT_FOUND", "7"),
        ("unknown signature", "INVALID_ARGUMENT", "no signature 'other'"),
        ("wrong rank", "INVALID_ARGUMENT", "'x'"),
        ("deadline", "DEADLINE_EXCEEDED", ""),
    ],
)
def test_our_words_reach_its_user(told: Any, case: str, code: str, word: str) -> None:
    assert told[case][0] == code
    assert word in told[case][1]


def test_the_double_of_the_suites_keeps_to_the_contract(pytestconfig: pytest.Config) -> None:
    async def asked() -> str:
        world = OipWorld()
        world.loaded.add("words")
        async with over_grpc(world) as address:
            python = tensorflow_serving(pytestconfig)
            process = await asyncio.create_subprocess_exec(
                python, WORDS_CLIENT, address, stdout=subprocess.PIPE
            )
            said, _ = await process.communicate()
            assert process.returncode == 0
            return said.decode()

    told = json.loads(asyncio.run(asked()))
    assert told["total"] == [3.0, 6.0]
    assert told["said"] == ["å!", "longer!"]
    assert told["long"] == [[False], [True]]
    assert told["status"] == [[1, "AVAILABLE"]]
    assert told["inputs"] == {"x": ["DT_DOUBLE", [-1, 2]], "word": ["DT_STRING", [-1, 1]]}
    assert told["refused"] == "NOT_FOUND"


@pytest.mark.slow
def test_a_version_there_is_split_judged_promoted_and_given_up(tmp_path: Path) -> None:
    rows, kinds = load_iris(return_X_y=True)
    models = {}
    for name, strength in (("a", 1.0), ("b", 0.5)):
        models[name] = tmp_path / f"{name}.pkl"
        model = LogisticRegression(C=strength, max_iter=500).fit(rows, kinds)
        models[name].write_bytes(pickle.dumps(model))
    table, deployed = np.column_stack([rows, kinds]), shlex.split(ENGINE["sh"])[1:]
    deployed = [*words(deployed, "churn.keras", "churn.pkl"), "--label", "target"]
    deployed = words(deployed, "image.npz", "rows.csv")
    here = [word for word in deployed if word not in ("--engine", "tf")]
    engine = yaml.safe_load(ENGINE["yaml"])["engines"]["tf"]
    homes = []
    for name in ("there", "here"):
        folder = tmp_path / name
        folder.mkdir()
        np.savetxt(folder / "rows.csv", table, "%g", ",", header="a,b,c,d,target", comments="")
        engines = {}
        if homes:
            urls = {
                "tf": f"http://127.0.0.1:{homes[0].port}",
                "g": f"grpc://127.0.0.1:{homes[0].grpc}",
            }
            engines = {
                name: {**engine, "url": url, "model": f"{NAME}/1"} for name, url in urls.items()
            }
        homes.append(Home(folder, engines))
    there, home = homes
    try:
        for one, model in ((there, "b"), (home, "a")):
            one.start()
            with Traffic(one.port, rows):
                assert one.deploy(models[model], here)["phase"] == "promoted"
        with Traffic(home.port, rows) as traffic:
            second = home.deploy(models["b"], deployed)
        assert second["phase"] == "promoted", second
        split = Counter(traffic.seen)
        assert {status for status, _ in split} <= {200, 503}
        assert split[200, "1"] > 50, split
        assert split[200, "2"] > 50, split

        home.seatrial("rollback", NAME)
        over_grpc = words(deployed, "tf", "g")
        home.deploy(models["b"], over_grpc, "--watch", "10m", "--no-wait")
        with Traffic(home.port, rows) as traffic:
            until("it answers", lambda: (200, "3") in traffic.seen)
            there.stop()

            def over() -> Any:
                found = home.seatrial("status", NAME)["release"]
                return found if found["phase"] != "canary" else None

            third = until("it is judged", over)
        assert third["phase"] == "aborted", third
        assert "error" in third["reason"], third
        assert {status for status, version in traffic.seen if version == "1"} == {200}
    finally:
        home.stop()
        there.stop()


def words(command: list[str], old: str, new: str) -> list[str]:
    return [new if word == old else word for word in command]

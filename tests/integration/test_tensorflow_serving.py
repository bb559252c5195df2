"""TensorFlow Serving's own client, unchanged, against gRPC's door and against our double of it.

The server itself is not to be had; as an engine `test_seatrial_elsewhere` stands for it.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
from tests.integration.environments import environment

pytestmark = pytest.mark.integration

CLIENT = Path(__file__).with_name("tensorflow_serving_client.py")
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "clients.md"
(WORDS,) = re.findall(r"(?ms)^```python tfserving\n(.*?)^```", PAGE.read_text("utf-8"))
WORDS_CLIENT = CLIENT.with_name("tensorflow_serving_words.py")
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

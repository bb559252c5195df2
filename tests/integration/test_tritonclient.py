"""NVIDIA's own client against a running server, unchanged."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from onnx import parser

from seatrial.adapters.grpc.door import GrpcDoor
from seatrial.adapters.serving.onnxruntime import OnnxEngine
from seatrial.adapters.tls_files import read_tls
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving.plane import DataPlane
from seatrial.testing.models import (
    FakeEngine,
    column_signature,
    live_version,
    matrix_signature,
    router_of,
)
from seatrial.web.app import build
from seatrial.web.errors import error_reply
from seatrial.web.protocol import HotProtocol
from tests.adapters.tls_bench import Authority
from tests.journeys.retraining_world import World, until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("default"),  # gevent's and the client's own
]

ENGINE = FakeEngine(matrix_signature(), 0.25)
COLUMNS = FakeEngine(column_signature())
PHOTOS = Signature(
    features=(Feature(name="image", dtype=Dtype.UINT8, shape=(32, 32, 3)),),
    outputs=(Output(name="probabilities", dtype=Dtype.FLOAT32, width=3),),
    task=Task.OTHER,
    matrix=False,
)


def photos() -> OnnxEngine:
    """How much of each colour a picture has."""
    graph = parser.parse_model("""
        <ir_version: 9, opset_import: ["": 17]>
        net (uint8[n, 32, 32, 3] image) => (float[n, 3] probabilities) {
            numbers = Cast <to = 1> (image)
            full = Constant <value = float {255.0}> ()
            shares = Div (numbers, full)
            probabilities = ReduceMean <axes = [1, 2], keepdims = 0> (shares)
        }
    """)
    return OnnxEngine(graph.SerializeToString(), PHOTOS)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    plane = DataPlane(
        router_of(
            live_version(matrix_signature(), engine=ENGINE),
            live_version(column_signature(), endpoint="col", version=4, engine=COLUMNS),
            live_version(PHOTOS, endpoint="photos", engine=photos()),
        ),
        error_reply,
    )
    config = uvicorn.Config(build(plane), http=HotProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()


@pytest.fixture(scope="module")
def http() -> Any:
    import tritonclient.http

    return tritonclient.http


@pytest.fixture
def client(http: Any, address: str) -> Iterator[Any]:
    with http.InferenceServerClient(address) as made:
        yield made


ROWS = np.array([[1, 2, 3], [4, 5, 6]], np.float32)


def matrix(http: Any, *, binary: bool, rows: np.ndarray = ROWS) -> Any:
    made = http.InferInput("input", list(rows.shape), "FP32")
    made.set_data_from_numpy(rows, binary_data=binary)
    return made


def test_a_picture_is_sent_in_the_words_of_the_page(
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 48), (255, 0, 255)).save("cat.png")
    page = Path(__file__).parents[2] / "docs" / "how-to" / "formats.md"
    found = re.search(r"(?ms)^```python pictures\n(.*?)^```$", page.read_text("utf-8"))
    assert found is not None
    exec(compile(found[1].replace("127.0.0.1:8080", address), page, "exec"), {})
    assert capsys.readouterr().out == "[[1. 0. 1.]]\n"


def test_the_server_and_its_models_are_described(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("churn")
    assert client.is_model_ready("churn", "1")
    assert not client.is_model_ready("nope")
    assert not client.is_model_ready("churn", "7")
    assert client.get_server_metadata()["name"] == "seatrial"
    metadata = client.get_model_metadata("churn")
    assert metadata["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [-1, 3]}]
    assert client.get_model_config("col")["output"][0]["data_type"] == "TYPE_FP64"
    index = client.get_model_repository_index()
    assert [(m["name"], m["version"]) for m in index] == [
        ("churn", "1"),
        ("col", "4"),
        ("photos", "1"),
    ]


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False, None])
@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_predictions_arrive_in_every_form(
    http: Any, client: Any, binary_in: bool, binary_out: bool | None, compression: str | None
) -> None:
    outputs = None
    if binary_out is not None:
        outputs = [http.InferRequestedOutput("probabilities", binary_data=binary_out)]
    result = client.infer(
        "churn",
        [matrix(http, binary=binary_in)],
        request_id="q1",
        outputs=outputs,
        request_compression_algorithm=compression,
        response_compression_algorithm=compression,
    )
    np.testing.assert_array_equal(ENGINE.batches[-1], ROWS)
    np.testing.assert_array_equal(
        result.as_numpy("probabilities"), np.full((2, 2), 0.25, np.float32)
    )
    assert result.get_response()["id"] == "q1"
    assert (result.as_numpy("label") is None) == (binary_out is not None)


@pytest.mark.parametrize("binary", [True, False])
def test_columns_of_every_dtype_arrive(http: Any, client: Any, binary: bool) -> None:
    columns = {
        "age": (np.array([1.5, 2.5]), "FP64"),
        "visits": (np.array([[1], [2]], np.int32), "INT32"),
        "member": (np.array([True, False]), "BOOL"),
        "plan": (np.array(["pro", "basic"], object), "BYTES"),
        "note": (np.array(["å", ""], object), "BYTES"),
    }
    inputs = []
    for name, (values, datatype) in columns.items():
        made = http.InferInput(name, list(values.shape), datatype)
        made.set_data_from_numpy(values, binary_data=binary)
        inputs.append(made)
    result = client.infer("col", inputs, model_version="4")
    assert result.as_numpy("prediction").tolist() == [0.5, 0.5]
    batch = COLUMNS.batches[-1]
    assert {name: values.tolist() for name, values in batch.items()} == {  # type: ignore[union-attr]
        name: values.ravel().tolist() for name, (values, _) in columns.items()
    }


def test_our_words_reach_the_clients_user(http: Any, client: Any) -> None:
    from tritonclient.utils import InferenceServerException

    bad = np.array([[1, np.nan, 3]], np.float32)
    with pytest.raises(InferenceServerException, match="'income' is missing in row 0"):
        client.infer("churn", [matrix(http, binary=True, rows=bad)])
    with pytest.raises(InferenceServerException, match=r"no model 'nope'.*churn, col"):
        client.infer("nope", [matrix(http, binary=True)])
    outputs = [http.InferRequestedOutput("x")]
    with pytest.raises(InferenceServerException, match=r"no output 'x'"):
        client.infer("churn", [matrix(http, binary=True)], outputs=outputs)


def test_several_requests_at_once(http: Any, address: str) -> None:
    with http.InferenceServerClient(address, concurrency=8) as client:
        pending = [client.async_infer("churn", [matrix(http, binary=True)]) for _ in range(40)]
        answers = [one.get_result().as_numpy("probabilities").shape for one in pending]
    assert answers == [(2, 2)] * 40


@pytest.fixture
def behind_tls(tmp_path: Path) -> Iterator[tuple[str, Authority]]:
    """The door of gRPC, which answers those whom the authority vouches for."""
    authority, bound, ready = Authority(tmp_path), [], threading.Event()
    tls = read_tls(*authority.vouch("server"), authority.file)
    done, loop = asyncio.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        router = router_of(live_version(matrix_signature(), engine=ENGINE))
        door = GrpcDoor(DataPlane(router, error_reply), max_body_bytes=1_000_000, tls=tls)
        bound.append(await door.start("127.0.0.1", 0))
        ready.set()
        await done.wait()
        await door.stop(0)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(30)
    yield f"127.0.0.1:{bound[0]}", authority
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()


def test_a_server_speaks_tls_where_its_configuration_says(tmp_path: Path) -> None:
    import tritonclient.grpc as triton

    authority = Authority(tmp_path)
    certificate, key = authority.vouch("server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    tls = {"certificate": certificate.name, "key": key.name}
    world = World(tmp_path, {}, server={"grpc_port": port, "grpc_tls": tls})
    trusted = {"ssl": True, "root_certificates": str(authority.file)}
    with world.up(), triton.InferenceServerClient(f"127.0.0.1:{port}", **trusted) as client:

        def is_live() -> bool:
            with contextlib.suppress(triton.InferenceServerException):
                return bool(client.is_server_live())
            return False

        until("an answer", is_live, patience_s=60)
        assert client.get_server_metadata().name == "seatrial"


def test_its_grpc_client_trusts_our_certificate_and_shows_its_own(
    behind_tls: tuple[str, Authority],
) -> None:
    import tritonclient.grpc as triton
    from tritonclient.utils import InferenceServerException

    address, authority = behind_tls
    certificate, key = authority.vouch("client")
    known = {"ssl": True, "root_certificates": str(authority.file)}
    own = {"private_key": str(key), "certificate_chain": str(certificate)}
    given = triton.InferInput("input", list(ROWS.shape), "FP32")
    given.set_data_from_numpy(ROWS)
    with triton.InferenceServerClient(address, **known, **own) as client:
        answer = client.infer("churn", [given])
        assert answer.as_numpy("probabilities").shape == (2, 2)
    refused = pytest.raises(InferenceServerException, match="UNAVAILABLE")
    for less in (known, {}):
        with triton.InferenceServerClient(address, **less) as client, refused:
            client.infer("churn", [given], client_timeout=10)

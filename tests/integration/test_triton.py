"""A version that NVIDIA's Triton runs: split with one here, judged, promoted, and given up."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from engine_home import NAME, Home, commands, until
from engine_journey import EngineJourneySuite, Models
from onnx import parser
from triton_server import Triton, triton, triton_python

from seatrial.adapters.export.onnx_alone import ONE_BY_ONE
from seatrial.adapters.keys_ecdsa import write_new_key
from seatrial.packaging.plan import elsewhere
from seatrial.packaging.triton import Backend, Graph, Mark, model_files
from seatrial.registry.bundle import Bundle
from seatrial.release.desk import Desk
from seatrial.serving.codec.description import model_metadata
from seatrial.serving.engine import EngineKind
from seatrial.serving.oip import TensorSpec
from seatrial.testing.models import column_signature, matrix_signature, only
from seatrial.wiring.deploying.trust import Trust
from tests.adapters.int8_graphs import int8_graph
from tests.journeys.retraining_world import NEW, World, retraining, rows
from tests.journeys.retraining_world import Traffic as OneAfterTheOther

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:X does not have valid feature names"),
]


STAGED, PROMOTED = commands("triton")


@pytest.fixture(scope="module")
def python(pytestconfig: pytest.Config) -> Path:
    return triton_python(pytestconfig)


@pytest.fixture
def server(python: Path, tmp_path: Path) -> Iterator[Triton]:
    with triton(python, tmp_path / "triton") as server:
        yield server


def _engines(server: Triton) -> dict[str, Any]:
    return {"triton": {"url": server.url, "repository": str(server.repository)}}


def _asked_by_its_own_client(port: int, rows: np.ndarray) -> np.ndarray:
    import tritonclient.http

    given = tritonclient.http.InferInput("input", list(rows.shape), "FP32")
    given.set_data_from_numpy(rows.astype(np.float32))
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{port}") as client:
        answer = client.infer(NAME, [given]).as_numpy("probabilities")
    assert answer is not None
    return np.asarray(answer)


def _mixed(folder: Path) -> Path:
    """A model of columns, with their rows in ``rows.csv`` beside it."""
    import joblib
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rows, labels = load_iris(return_X_y=True)
    mixed = pd.DataFrame({"age": rows[:, 0], "city": np.where(rows[:, 1] > 3, "São", "Oslo")})
    ready = make_column_transformer(
        (StandardScaler(), ["age"]), (OneHotEncoder(handle_unknown="ignore"), ["city"])
    )
    words = np.array(["low", "mid", "high"])[labels]
    path = folder / "mixed.pkl"
    joblib.dump(make_pipeline(ready, LogisticRegression()).fit(mixed, words), path)
    mixed.assign(target=words).to_csv(folder / "rows.csv", index=False)
    return path


def test_columns_texts_and_rows_that_would_move_each_other_pass_staging_over_grpc(
    server: Triton, tmp_path: Path
) -> None:
    section = _engines(server)["triton"] | {"url": f"grpc://127.0.0.1:{server.grpc}"}
    home = Home(tmp_path, {"triton": section})
    release = home.deploy(_mixed(tmp_path), STAGED)
    assert release["phase"] == "staged", release
    assert "golden parity" in str(release["staging"])
    (tmp_path / "product.onnx").write_bytes(int8_graph())
    release = home.seatrial("deploy", "product.onnx", "--engine", "triton", check=False)["release"]
    assert release["phase"] == "staged", release
    assert "golden parity" in str(release["staging"])

    graph = parser.parse_model("""
        <ir_version: 9, opset_import: ["": 18]>
        net (float[n, 3] x) => (float[n, 3] y) { m = ReduceMin (x)  y = Sub (x, m) }
    """)
    (tmp_path / "mixing.onnx").write_bytes(graph.SerializeToString())
    told = home.seatrial("deploy", "mixing.onnx", "--engine", "triton", check=False)
    assert told["error"]["code"] == "packaging.rows_mixed"
    onnx.helper.set_model_props(graph, {ONE_BY_ONE: "1"})
    (tmp_path / "mixing.onnx").write_bytes(graph.SerializeToString())
    release = home.seatrial("deploy", "mixing.onnx", "--engine", "triton", check=False)["release"]
    assert release["phase"] == "staged", release


def test_pixels_keep_their_bytes_and_every_tensor_its_shape(server: Triton, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    model = parser.parse_model("""
        <ir_version: 9, opset_import: ["": 18]>
        net (uint8[n, 4, 4, 3] image, float16[n, 2, 2] half, int8[n, 4] level, uint16[n, 4] depth)
            => (float[n, 3, 4, 4] planes, float16[n, 2, 2] doubled, int16[n, 4] apart) {
            numbers = Cast <to = 1> (image)
            planes = Transpose <perm = [0, 3, 1, 2]> (numbers)
            doubled = Add (half, half)
            high = Cast <to = 6> (depth)
            low = Cast <to = 6> (level)
            between = Sub (high, low)
            apart = Cast <to = 5> (between)
        }
    """)
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    address = f"grpc://127.0.0.1:{server.grpc}"
    home = Home(folder, {"triton": {"url": address, "repository": str(server.repository)}})
    release = home.deploy(folder / "net.onnx", ("deploy", "net.onnx", "--engine", "triton"))
    assert release["phase"] == "staged", release
    assert "golden parity" in str(release["staging"])


def test_what_is_followed_and_retrained_is_signed_and_runs_in_triton_as_configured(
    server: Triton, tmp_path: Path
) -> None:
    import joblib
    from sklearn.linear_model import LogisticRegression

    world = World(
        tmp_path,
        {NAME: retraining("train")},
        server={"verify_key": "team.key.pub", "sign_key": "team.key"},
        engines=_engines(server),
        endpoints={NAME: {"engine": "triton"}},
        registry={"models": {NAME: {"label": "y", "data": "sample.parquet"}}},
    )
    write_new_key(tmp_path / "team.key")
    sample = rows(500, NEW, seed=3).drop(columns="at")
    sample.to_parquet(tmp_path / "sample.parquet")
    fitted = LogisticRegression().fit(sample[["a", "b", "c"]], sample["y"])
    joblib.dump(fitted, tmp_path / "one.pkl")
    clients = OneAfterTheOther(NAME)
    with world.up() as ours:
        desk = Desk(store := world.store())
        world.run("register", "one.pkl", "--model", NAME)
        until("the followed one", lambda: desk.state(NAME).stable == 1)
        assert f"{NAME}-1" in server.loaded()
        clients.address = ours.address
        clients.start()
        world.run("retrain", "now", NAME)
        until("the retrained one", lambda: desk.state(NAME).stable == 2)
        assert f"{NAME}-2" in server.loaded()
        clients.over.set()
    trust = Trust(tmp_path / "team.key.pub")
    for number, digest in desk.state(NAME).digests.items():
        bundle = Bundle.open(world.home / "bundles" / digest)
        trust.check(bundle)
        assert bundle.manifest.plan["remote"] == "triton"
        assert (world.home / "releases" / NAME / str(number) / "bundle.sig").is_file()
    store.close()


_READ = """
import sys
from google.protobuf import json_format, text_format
from tritonclient.grpc import model_config_pb2
for path in sys.argv[1:]:
    config = text_format.Parse(open(path).read(), model_config_pb2.ModelConfig())
    print(json_format.MessageToJson(config, indent=None))
"""


def test_both_forms_of_the_configuration_are_tritons_own_message(
    python: Path, tmp_path: Path
) -> None:
    mark = Mark(home="/h", endpoint='a "b"', version=1, digest="d")
    plan = replace(elsewhere(only(EngineKind.ONNX), "triton"), max_batch_rows=64, linger_s=0.001)
    graphs = {False: column_signature(), True: matrix_signature()}
    files = []
    for backend in Backend:
        for matrix, signature in graphs.items():
            record = model_metadata("m", [1], signature)
            inputs, outputs = (
                tuple(
                    TensorSpec(name=t["name"], datatype=t["datatype"], shape=tuple(t["shape"]))
                    for t in record[kind]  # type: ignore[attr-defined]
                )
                for kind in ("inputs", "outputs")
            )
            graph = Graph(content=b"", inputs=inputs, outputs=outputs, feature_of={})
            name = f"é-{backend}-{matrix}"
            made = model_files(name, signature, plan, graph, backend=backend, mark=mark)
            files.append(tmp_path / f"{len(files)}.pbtxt")
            files[-1].write_bytes(made["config.pbtxt"])
    ran = subprocess.run(
        [python, "-c", _READ, *files], capture_output=True, text=True, check=False, env={}
    )
    assert ran.returncode == 0, ran.stderr
    read = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [c["name"] for c in read] == [f"é-{b}-{m}" for b in Backend for m in graphs]
    assert {c["maxBatchSize"] for c in read} == {1024}
    batching = {"preferredBatchSize": [64], "maxQueueDelayMicroseconds": "1000"}
    assert all(c["dynamicBatching"] == batching for c in read)
    assert [c.get("backend") for c in read] == ["python", "python", None, None]
    assert [c.get("platform") for c in read] == [None, None, "onnxruntime_onnx", "onnxruntime_onnx"]
    assert [len(c["input"]) for c in read] == [5, 1, 5, 1]
    assert read[3]["output"][0]["reshape"] == {}


_ASK = """
import sys
import numpy as np
import tritonclient.grpc as triton
client = triton.InferenceServerClient(sys.argv[1])
assert client.is_server_live() and client.is_server_ready()
assert client.is_model_ready("churn") and not client.is_model_ready("nope")
described = client.get_model_metadata("churn").inputs[0]
rows = np.full((3, 4), 1.5)
given = triton.InferInput(described.name, rows.shape, described.datatype)
given.set_data_from_numpy(rows)
answer = client.infer("churn", [given], request_id="q", timeout=5_000_000)
assert answer.get_response().id == "q"
print(answer.as_numpy("probabilities").tolist())
try:
    client.infer("nope", [given])
except triton.InferenceServerException as told:
    print(told.status(), told.message())
"""


def _asked_by_its_own_grpc_client(python: Path, port: int) -> tuple[np.ndarray, str]:
    """The answer to three rows, and what is said of a model that is not there."""
    ran = subprocess.run(
        [python, "-c", _ASK, f"127.0.0.1:{port}"],
        capture_output=True,
        text=True,
        check=False,
        env={},
    )
    assert ran.returncode == 0, ran.stderr
    answer, refusal = ran.stdout.splitlines()
    return np.array(json.loads(answer)), refusal


@pytest.mark.filterwarnings("default")  # of the client's gevent
class TestTriton(EngineJourneySuite):
    named, deployed, least = "triton", PROMOTED, 100

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triton]:
        with triton(python, tmp_path_factory.mktemp("triton")) as server:
            yield server

    @classmethod
    def engines(cls, engine: Triton) -> dict[str, Any]:
        return _engines(engine)

    def in_production(self, engine: Triton, home: Home, models: Models) -> None:
        """Its own clients know no difference between it and seatrial."""
        answer = _asked_by_its_own_client(home.port, models.rows)
        np.testing.assert_allclose(answer, models.likely("b"), atol=1e-5)
        answer, refusal = _asked_by_its_own_grpc_client(engine.python, home.grpc)
        wanted = models.model("b").predict_proba(np.full((3, 4), 1.5))
        np.testing.assert_allclose(answer, wanted, atol=1e-5)
        assert refusal.startswith("StatusCode.NOT_FOUND There is no model 'nope'"), refusal

"""A version that NVIDIA's Triton runs: split with one here, judged, promoted, and given up."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_home import NAME, Home, Traffic, commands, free_ports, iris_models, until
from triton_server import Triton, triton, triton_python

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
HERE = tuple(word for word in PROMOTED if word not in ("--engine", "triton"))


@pytest.fixture(scope="module")
def python(pytestconfig: pytest.Config) -> Path:
    return triton_python(pytestconfig)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``a.pkl``, ``b.pkl``, ``c.pkl`` and their rows; ``mixed.pkl`` of columns, and its own."""
    import joblib
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    folder = tmp_path_factory.mktemp("models")
    rows, labels = iris_models(folder)
    mixed = pd.DataFrame(
        {"age": rows.iloc[:, 0], "city": np.where(rows.iloc[:, 1] > 3, "São", "Oslo")}
    )
    ready = make_column_transformer(
        (StandardScaler(), ["age"]), (OneHotEncoder(handle_unknown="ignore"), ["city"])
    )
    words = np.array(["low", "mid", "high"])[labels]
    joblib.dump(make_pipeline(ready, LogisticRegression()).fit(mixed, words), folder / "mixed.pkl")
    mixed.assign(target=words).to_csv(folder / "mixed.csv", index=False)
    return folder


@pytest.fixture
def server(python: Path, tmp_path: Path) -> Iterator[Triton]:
    http_port, grpc_port = free_ports(2)
    with triton(python, tmp_path / "triton", ports=(http_port, grpc_port)) as server:
        yield server


@pytest.fixture
def home(server: Triton, models: Path, tmp_path: Path) -> Iterator[Home]:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "rows.csv").symlink_to(models / "rows.csv")
    home = Home(
        folder,
        {"triton": {"url": server.url, "repository": str(server.repository)}},
        workers=2,
    )
    yield home
    home.stop()


def _loaded(server: Triton) -> list[str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.http, timeout=10)
    connection.request("POST", "/v2/repository/index", b'{"ready":true}')
    with connection.getresponse() as reply:
        found = [model["name"] for model in json.loads(reply.read())]
    connection.close()
    return sorted(found)


def _asked_by_its_own_client(port: int, rows: np.ndarray) -> np.ndarray:
    import tritonclient.http

    given = tritonclient.http.InferInput("input", list(rows.shape), "FP32")
    given.set_data_from_numpy(rows.astype(np.float32))
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{port}") as client:
        answer = client.infer(NAME, [given]).as_numpy("probabilities")
    assert answer is not None
    return np.asarray(answer)


def test_columns_texts_and_rows_that_would_move_each_other_pass_staging_over_grpc(
    server: Triton, models: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "rows.csv").symlink_to(models / "mixed.csv")
    address = f"grpc://127.0.0.1:{server.grpc}"
    home = Home(folder, {"triton": {"url": address, "repository": str(server.repository)}})
    release = home.deploy(models / "mixed.pkl", STAGED)
    assert release["phase"] == "staged", release
    assert "golden parity" in str(release["staging"])
    (folder / "product.onnx").write_bytes(int8_graph())
    release = home.seatrial("deploy", "product.onnx", "--engine", "triton", check=False)["release"]
    assert release["phase"] == "staged", release
    assert "golden parity" in str(release["staging"])


def test_what_is_followed_and_retrained_is_signed_and_runs_in_triton_as_configured(
    server: Triton, tmp_path: Path
) -> None:
    import joblib
    from sklearn.linear_model import LogisticRegression

    engines = {"triton": {"url": server.url, "repository": str(server.repository)}}
    world = World(
        tmp_path,
        {NAME: retraining("train")},
        server={"verify_key": "team.key.pub", "sign_key": "team.key"},
        engines=engines,
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
        assert f"{NAME}-1" in _loaded(server)
        clients.address = ours.address
        clients.start()
        world.run("retrain", "now", NAME)
        until("the retrained one", lambda: desk.state(NAME).stable == 2)
        assert f"{NAME}-2" in _loaded(server)
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
def test_a_triton_version_is_split_judged_promoted_healed_and_given_up(
    python: Path, server: Triton, home: Home, models: Path
) -> None:
    import joblib
    from sklearn.datasets import load_iris

    rows = load_iris().data
    home.start()
    with Traffic(home.port, rows):
        first = home.deploy(models / "a.pkl", HERE)
    assert first["phase"] == "promoted", first

    with Traffic(home.port, rows) as traffic:
        second = home.deploy(models / "b.pkl", PROMOTED)
    assert second["phase"] == "promoted", second
    split = Counter(traffic.seen)
    assert {status for status, _ in split} <= {200, 503}
    assert split[200, "1"] > 100, split
    assert split[200, "2"] > 100, split
    assert _loaded(server) == [f"{NAME}-2"]
    wanted = joblib.load(models / "b.pkl").predict_proba(rows)
    np.testing.assert_allclose(_asked_by_its_own_client(home.port, rows), wanted, atol=1e-5)

    answer, refusal = _asked_by_its_own_grpc_client(python, home.grpc)
    wanted = joblib.load(models / "b.pkl").predict_proba(np.full((3, 4), 1.5))
    np.testing.assert_allclose(answer, wanted, atol=1e-5)
    assert refusal.startswith("StatusCode.NOT_FOUND There is no model 'nope'"), refusal

    # A server that ends and comes back empty is given its model again, by nobody's hand.
    server.kill()
    with Traffic(home.port, rows) as traffic:
        until("it is told", lambda: (503, "2") in traffic.seen)
        server.start()
        since = len(traffic.seen)
        until("it answers again", lambda: (200, "2") in traffic.seen[since:])
    assert _loaded(server) == [f"{NAME}-2"]

    home.seatrial("rollback", NAME)
    home.deploy(models / "c.pkl", PROMOTED, "--watch", "10m", "--no-wait")
    with Traffic(home.port, rows) as traffic:
        until("it answers", lambda: (200, "3") in traffic.seen)
        server.kill()

        def over() -> Any:
            found = home.seatrial("status", NAME)["release"]
            return found if found["phase"] != "canary" else None

        third = until("it is judged", over)
        until("nobody meets it", lambda: {v for _, v in traffic.seen[-50:]} == {"1"})
    assert third["phase"] == "aborted", third
    assert re.search(r"error", third["reason"]), third
    assert (503, "3") in traffic.seen
    assert {status for status, version in traffic.seen if version == "1"} == {200}

    # What no release and no split names is unloaded; with no server, by the next command.
    server.start()
    home.stop()
    fourth = home.deploy(models / "b.pkl", STAGED)
    assert fourth["phase"] == "staged", fourth
    assert _loaded(server) == []
    assert list(server.repository.iterdir()) == []

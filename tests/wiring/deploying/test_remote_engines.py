"""What a server elsewhere is given of a version: real exports, the program of Triton's backend."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Literal

import numpy as np
import pytest

from seatrial.adapters.serving.torchserve_server import TorchServe
from seatrial.kernel.config import ConfigInvalid
from seatrial.packaging.probes import compare
from seatrial.packaging.rayserve import BUNDLE
from seatrial.packaging.requirements import server_pins
from seatrial.packaging.triton import MARK, GraphUnfit, Mark
from seatrial.registry.bundle import Bundle
from seatrial.registry.manifest import Role
from seatrial.registry.models import Fetched
from seatrial.registry.signature import n_rows, take
from seatrial.release.desk import Desk
from seatrial.serving.engine import EnginePlan
from seatrial.serving.remote_config import EngineConfig
from seatrial.serving.spawn import ChildLimits
from seatrial.training.following.config import FollowedConfig
from seatrial.training.following.standing import ArrivalInput
from seatrial.wiring.deploying import standalone
from seatrial.wiring.deploying.deploy import deploy_order, register_order
from seatrial.wiring.deploying.order import Order
from seatrial.wiring.deploying.remote_engines import (
    EngineTaken,
    UnknownEngine,
    as_variables,
    check_given,
    check_graph,
    engines_of_environment,
    mark_in,
    open_server,
    put,
)
from seatrial.wiring.deploying.versions import open_version
from seatrial.wiring.model_views import ModelViews
from seatrial.wiring.registry.arrival_packaging import order_of
from seatrial.wiring.workspace import Workspace, open_workspace
from tests.adapters import int8_graphs, text_graphs

pytestmark = pytest.mark.slow

CONFIG = {
    "SEATRIAL_ENGINES__TRITON__URL": "http://127.0.0.1:1",
    "SEATRIAL_ENGINES__TRITON__REPOSITORY": "repository",
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return open_workspace(home=tmp_path_factory.mktemp("home"), environment=CONFIG)


@pytest.fixture(scope="module")
def bundle(workspace: Workspace, models: Any) -> Bundle:
    """A classifier on columns of numbers and texts; a matrix is asked in integration."""
    order = Order(model=models / "mixed.pkl", data=models / "mixed.parquet", engine="triton")
    return deployed(workspace, order)


def deployed(workspace: Workspace, order: Order) -> Bundle:
    placed = deploy_order(workspace, order, on_step=lambda *_: None, on_progress=lambda *_: None)
    placed.store.close()
    return Bundle.open(workspace.bundles / placed.version.digest)


def test_a_version_that_is_followed_runs_where_its_endpoint_says(
    models: Any, tmp_path: Path
) -> None:
    told = {**CONFIG, "SEATRIAL_ENDPOINTS__MIXED__ENGINE": "triton"}
    workspace = open_workspace(home=tmp_path, environment=told)
    store = workspace.open_store()
    config = FollowedConfig(data=models / "mixed.parquet")
    arrived = ArrivalInput(
        source="own", model="mixed", number=1, endpoint="mixed", cause="registered", revision=1
    )
    version = register_order(
        workspace,
        Desk(store),
        store,
        order_of(arrived, config, Fetched(file=models / "mixed.pkl")),
        on_step=lambda *_: None,
        on_progress=lambda *_: None,
    )
    store.close()
    plan = Bundle.open(workspace.bundles / version.digest).manifest.plan
    assert EnginePlan.from_dict(plan).remote == "triton"


def test_a_pod_reads_what_its_manifest_says_of_the_engine() -> None:
    config = EngineConfig(
        url="http://127.0.0.1:1", cluster_url="grpc://triton:8001", model="{name}/{version}"
    )
    found = engines_of_environment(
        {"SEATRIAL_ENGINES": config.as_others_read_it("triton", str(config.of_pods))}
    )
    assert found == {"triton": EngineConfig(url="grpc://triton:8001", model="{name}/{version}")}


def test_an_endpoints_engine_must_be_one(tmp_path: Path) -> None:
    told = {**CONFIG, "SEATRIAL_ENDPOINTS__MIXED__ENGINE": "tritton"}
    with pytest.raises(ConfigInvalid, match="no engine 'tritton' in engines, but: triton"):
        open_workspace(home=tmp_path, environment=told)


def placed(
    bundle: Bundle,
    repository: Path,
    *,
    version: int = 1,
    home: str = "/h",
    digest: str | None = None,
    backend: Literal["python", "ray"] = "python",
) -> Path:
    config = EngineConfig(url="http://127.0.0.1:1", repository=repository, backend=backend)
    mark = Mark(home=home, endpoint="m", version=version, digest=digest or bundle.digest)
    put(bundle, config, mark)
    return repository / f"m-{version}"


def test_torchserves_store_is_given_the_folder_of_an_archive(
    bundle: Bundle, tmp_path: Path
) -> None:
    config = EngineConfig(
        url="http://127.0.0.1:1",
        protocol="torchserve",
        management="http://127.0.0.1:2",
        repository=tmp_path,
    )
    mark = Mark(home="/h", endpoint="m", version=1, digest=bundle.digest)
    assert put(bundle, config, mark)
    folder = tmp_path / "m-1"
    assert mark_in(folder) == mark
    manifest = json.loads((folder / "MAR-INF" / "MANIFEST.json").read_text())["model"]
    assert manifest["modelName"] == "m-1"
    assert {manifest["serializedFile"], manifest["handler"]} < {p.name for p in folder.iterdir()}
    assert isinstance(open_server(config), TorchServe)


class Tensor:
    def __init__(self, name: str, values: np.ndarray) -> None:
        self.name, self._values = name, values

    def as_numpy(self) -> np.ndarray:
        return self._values


def triton(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much of the module that Triton gives to programs as ours asks for."""
    module = ModuleType("triton_python_backend_utils")
    vars(module).update(
        Tensor=Tensor,
        TritonError=str,
        InferenceResponse=lambda output_tensors=(), error=None: SimpleNamespace(
            error=error, outputs={t.name: t.as_numpy() for t in output_tensors}
        ),
        get_input_tensor_by_name=lambda request, name: request[name],
    )
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", module)


def program(folder: Path) -> Any:
    """The model of a folder, as Triton's stub would open it."""
    spec = importlib.util.spec_from_file_location("model", folder / "1" / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = (folder / "config.pbtxt").read_text()

    def tensors(kind: str) -> list[dict[str, object]]:
        part = text.partition(f"\n{kind} [\n")[2].partition("\n]")[0]
        found = re.findall(r'name: "([^"]*)" data_type: (\w+) dims: \[ ([\d, -]*) \]', part)
        return [
            {"name": name, "data_type": kind, "dims": sizes.split(", ")}
            for name, kind, sizes in found
        ]

    said = re.findall(r'parameters { key: "(.*)" value { string_value: "(.*)" } }', text)
    config = {
        "input": tensors("input"),
        "output": tensors("output"),
        "parameters": {
            name: {"string_value": re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), value)}
            for name, value in said
        },
    }
    model = module.TritonPythonModel()
    model.initialize(
        {
            "model_config": json.dumps(config),
            "model_repository": str(folder),
            "model_version": "1",
        }
    )
    return model


def as_sent(bundle: Bundle, rows: slice) -> dict[str, Tensor]:
    batch = take(bundle.golden().inputs, rows)
    if not isinstance(batch, dict):
        return {"input": Tensor("input", batch)}
    texts = {
        name: np.array([(v or "").encode() for v in column], object)
        for name, column in batch.items()
        if column.dtype.kind == "O"
    }
    return {n: Tensor(n, texts.get(n, c).reshape(-1, 1)) for n, c in batch.items()}


def test_the_program_answers_the_golden_rows_whoever_shares_the_batch(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    triton(monkeypatch)
    model = program(placed(bundle, tmp_path))
    golden = bundle.golden()
    cuts = [slice(0, 1), slice(1, 5), slice(5, n_rows(golden.inputs))]
    replies = model.execute([as_sent(bundle, cut) for cut in cuts])
    for cut, reply in zip(cuts, replies, strict=True):
        assert reply.error is None
        wanted = {n: v[cut] for n, v in golden.outputs.items()}
        shaped = {n: reply.outputs[n].reshape(v.shape) for n, v in wanted.items()}
        texts = {
            n: np.array([text.decode() for text in v], object)
            for n, v in shaped.items()
            if v.dtype.kind == "O"
        }
        compare(shaped | texts, wanted, golden)


def test_rows_that_would_move_each_other_run_one_by_one_there_or_it_is_refused(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "product.onnx").write_bytes(int8_graphs.int8_graph())
    bundle = deployed(workspace, Order(model=tmp_path / "product.onnx", engine="triton"))
    triton(monkeypatch)
    model = program(placed(bundle, tmp_path))
    (reply,) = model.execute([as_sent(bundle, slice(None))])
    wanted = bundle.golden().outputs["prediction"]
    assert reply.outputs["prediction"].tolist() == wanted.tolist()
    model._alone = False
    (reply,) = model.execute([as_sent(bundle, slice(None))])
    assert np.abs(reply.outputs["prediction"] - wanted).max() > 1e-3  # which is what is spared
    there = EngineConfig(url="http://127.0.0.1:1", repository=tmp_path, backend="onnxruntime")
    with pytest.raises(GraphUnfit, match="quantised"):
        check_given(bundle, there, "product")


def test_a_model_that_fails_there_tells_triton_why(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    triton(monkeypatch)
    model = program(placed(bundle, tmp_path))
    bad = as_sent(bundle, slice(0, 2)) | {"age": Tensor("age", np.array([["x"], ["y"]], object))}
    replies = model.execute([bad, bad])
    assert ["could not convert" in reply.error for reply in replies] == [True, True]


def test_a_model_is_placed_once_and_another_is_never_overwritten(
    bundle: Bundle, tmp_path: Path
) -> None:
    folder = placed(bundle, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    placed(bundle, tmp_path)
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(EngineTaken, match="'m-1'"):
        placed(bundle, tmp_path, digest="another", home="/elsewhere")
    (tmp_path / "m-7").mkdir()  # a person's own
    with pytest.raises(EngineTaken):
        placed(bundle, tmp_path, version=7)
    assert list((tmp_path / "m-7").iterdir()) == []


def test_what_an_earlier_life_of_this_home_left_is_replaced(bundle: Bundle, tmp_path: Path) -> None:
    folder = placed(bundle, tmp_path, digest="of before")
    (folder / "1" / "old").touch()
    placed(bundle, tmp_path)
    assert mark_in(folder) == Mark(home="/h", endpoint="m", version=1, digest=bundle.digest)
    assert not (folder / "1" / "old").exists()


def test_a_bundle_served_by_itself_takes_its_engine_from_the_environment(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEATRIAL_ENGINES__TRITON__URL", "http://triton:8000")
    engines = standalone._engines(bundle)
    assert engines is not None
    assert engines["triton"].url == "http://triton:8000"
    live = open_version(bundle, endpoint="m", version=1, limits=ChildLimits(), engines=engines)
    assert live.plan.remote == "triton"
    pins = server_pins(native=False, elsewhere=True)
    assert {"aiohappyeyeballs", "pyyaml", "grpcio"} <= pins.keys()
    assert "pyyaml" not in server_pins(native=False)


def test_ray_is_given_the_bundle_itself_and_once(bundle: Bundle, tmp_path: Path) -> None:
    folder = placed(bundle, tmp_path, backend="ray")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    placed(bundle, tmp_path, backend="ray")
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert Bundle.open(folder / BUNDLE, digest=bundle.digest).n_bytes == bundle.n_bytes
    assert sorted(path.name for path in folder.iterdir()) == sorted([BUNDLE, MARK])


def test_a_model_without_a_graph_can_be_given_to_ray_alone() -> None:
    bundle: Any = SimpleNamespace(manifest=SimpleNamespace(artefacts={Role.NATIVE: "model.pkl"}))
    there = EngineConfig(url="http://127.0.0.1:1", repository=Path("r"))
    check_given(bundle, there.model_copy(update={"backend": "ray"}), "m")
    check_given(bundle, there.model_copy(update={"repository": None}), "m")  # filled by hand
    with pytest.raises(GraphUnfit):
        check_given(bundle, there, "m")


def test_a_model_without_a_graph_cannot_be_given_to_triton() -> None:
    bundle: Any = SimpleNamespace(manifest=SimpleNamespace(artefacts={Role.NATIVE: "model.pkl"}))
    with pytest.raises(GraphUnfit, match="--engine"):
        check_graph(bundle, "m")


def test_a_graph_that_brings_its_tokenizer_cannot_be_given_to_triton() -> None:
    bundle: Any = SimpleNamespace(
        manifest=SimpleNamespace(artefacts={Role.ONNX: "model.onnx"}),
        signature=text_graphs.SIGNATURE,
        read=lambda _: text_graphs.text_graph(),
    )
    with pytest.raises(GraphUnfit, match="its tokenizer"):
        check_graph(bundle, "m")


def test_a_version_for_elsewhere_is_evaluated_here_by_its_own_artefact(
    bundle: Bundle,
) -> None:
    live = open_version(bundle, endpoint="m", version=1, limits=ChildLimits())
    assert live.plan.remote is None
    with pytest.raises(UnknownEngine, match=r"'triton'.*none"):
        open_version(bundle, endpoint="m", version=1, limits=ChildLimits(), engines={})


def test_a_server_of_its_own_is_told_of_its_engine_by_the_environment(
    bundle: Bundle, workspace: Workspace
) -> None:
    told = as_variables(workspace.settings.engines, bundle, home=workspace.home)
    told["SEATRIAL_VERSION"] = "3"
    (read,) = engines_of_environment(told).values()
    assert read.url == "http://127.0.0.1:1"
    assert read.repository == Path("repository").resolve()
    assert told["SEATRIAL_HOME"] == str(workspace.home)


def test_an_unknown_engine_is_told_before_anything_is_packaged(
    workspace: Workspace, models: Any
) -> None:
    order = Order(model=models / "matrix.pkl", name="other", engine="trition")
    with pytest.raises(UnknownEngine, match=r"'trition', but: triton.*engines\.trition\.url"):
        deploy_order(workspace, order, on_step=lambda *_: None, on_progress=lambda *_: None)


def test_the_console_knows_what_a_version_takes_and_which_engine_runs_it(
    bundle: Bundle, workspace: Workspace
) -> None:
    store = workspace.open_store()
    try:
        views = ModelViews(workspace, store)
        shown = views("mixed", 1)
        assert shown is not None
        assert shown.plan.remote == "triton"
        assert shown.signature == bundle.signature
        assert views("mixed", 1) is shown
        assert views("mixed", 99) is None
    finally:
        store.close()

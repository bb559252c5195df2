"""seatrial export: written where the answers are the same, refused with a reason where not."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest
import skops.io
import xgboost
import yaml
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from seatrial.adapters.export.onnx_text import CLASSES, TOKENIZER
from seatrial.adapters.serving.onnxruntime import OnnxEngine
from seatrial.cli.app import run as seatrial
from seatrial.cli.exits import Exit
from seatrial.registry import archive
from seatrial.registry.bundle import Bundle
from tests.adapters.text_graphs import SIGNATURE as TEXTS
from tests.adapters.text_graphs import text_graph

ROWS = np.random.default_rng(0).random((40, 3, 6, 6), dtype=np.float32)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    image_model(tmp_path / "image.onnx")
    np.savez(tmp_path / "rows.npz", image=ROWS)
    return tmp_path


def image_model(path: Path, *, rows: str | int = "n", side: str | int = 6) -> None:
    """A classifier of small images with a product large enough for int8."""
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(108, 64)).astype(np.float32) / 10
    head = rng.normal(size=(64, 5)).astype(np.float32)
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("MatMul", ["active", "head"], ["raw"]),
        helper.make_node("Softmax", ["raw"], ["probabilities"], axis=-1),
        helper.make_node("ArgMax", ["probabilities"], ["label"], axis=-1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "image",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [rows, 3, side, side])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, [rows]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [rows, 5]),
        ],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(head, "head")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = seatrial(["export", *words, "--json", "--home", "home"])
    return code, json.loads(capsys.readouterr().out)


def test_a_graph_is_made_int8_and_what_that_costs_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, made = run(capsys, "image.onnx", "--data", "rows.npz", "--int8")
    assert code == Exit.DONE
    assert made["output"] == "image.int8.onnx"
    assert made["opset"] == {"ai.onnx": 18}
    assert made["parity"]["passed"]
    before, after = made["int8"]["n_bytes"]
    assert after == (folder / "image.int8.onnx").stat().st_size < before
    assert 0 < made["int8"]["largest"] < 0.2
    session = onnxruntime.InferenceSession(folder / "image.int8.onnx")
    for n in (1, 7):
        (likely,) = session.run(["probabilities"], {"image": ROWS[:n]})
        assert likely.shape == (n, 5)


def test_an_archive_for_torchserve_holds_the_graph_and_spares_a_configuration(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, made = run(capsys, "image.onnx", "--data", "rows.npz", "--to", "mar")
    assert code == Exit.DONE, made
    assert made["output"] == "image.mar"
    with zipfile.ZipFile(folder / "image.mar") as archive:
        session = onnxruntime.InferenceSession(archive.read("model.onnx"))
        told = json.loads(archive.read("signature.json"))
    assert session.run(["label"], {told["graph_inputs"][0]: ROWS[:2]})[0].shape == (2,)
    config = folder / "config.properties"
    assert "load_models=image.mar" in config.read_text("utf-8").splitlines()
    config.write_text("mine", "utf-8")
    code, made = run(capsys, "image.onnx", "--data", "rows.npz", "--to", "mar", "-o", "b.mar")
    assert code == Exit.DONE, made
    assert config.read_text("utf-8") == "mine"
    code, refused = run(capsys, "image.onnx", "--data", "rows.npz", "--to", "mar", "--int8")
    assert (code, refused["error"]["code"]) == (Exit.INVALID, "export.no_way")
    code, refused = run(capsys, "image.mar", "--data", "rows.npz")
    assert refused["error"]["code"] == "model.unknown_format"
    assert "'model.onnx'" in refused["error"]["problem"]


def test_an_application_for_ray_serve_holds_the_bundle_a_deployment_would_serve(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("image.onnx", "--data", "rows.npz", "--to", "ray-serve")
    code, made = run(capsys, *words)
    assert code == Exit.DONE, made
    assert made["output"] == "image.ray"
    bundle = Bundle.open(folder / "image.ray" / "bundle", digest=made["digest"])
    (application,) = yaml.safe_load((folder / "image.ray" / "config.yaml").read_text())[
        "applications"
    ]
    assert application["args"] == {"bundle": str(bundle.path)}
    assert application["deployments"][0]["max_ongoing_requests"] >= 32
    before = sorted(folder.rglob("*"))
    code, refused = run(capsys, *words)
    assert (code, refused["error"]["code"]) == (Exit.INVALID, "export.no_way")
    assert sorted(folder.rglob("*")) == before

    packed = f"image{archive.SUFFIX}"
    archive.pack(bundle, folder / packed)
    code, made = run(capsys, packed, "--to", "ray-serve", "-o", "deep/taken")
    assert code == Exit.DONE, made
    assert made["digest"] == bundle.digest
    code, refused = run(capsys, *words, "--int8", "-o", "other")
    assert (code, refused["error"]["code"]) == (Exit.INVALID, "export.no_way")
    assert not (folder / "other").exists()


def test_a_graph_of_texts_keeps_its_tokenizer_and_goes_to_no_other_server(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "text.onnx").write_bytes(text_graph())
    code, made = run(capsys, "text.onnx", "-o", "same.onnx")
    assert code == Exit.DONE, made
    assert made["parity"]["differences"][0]["kind"] == "random"
    code, made = run(capsys, "same.onnx", "--int8")
    assert code == Exit.DONE, made
    engine = OnnxEngine((folder / "same.int8.onnx").read_bytes(), TEXTS)
    column = np.array(["good film", "bad"], dtype=object)
    assert engine.predict({"text": column})["label"].tolist() == ["good 好", "bad"]
    entries = {e.key for e in onnx.load(folder / "same.int8.onnx").metadata_props}
    assert entries >= {TOKENIZER, CLASSES}
    code, refused = run(capsys, "text.onnx", "--to", "mar")
    assert (code, refused["error"]["code"]) == (Exit.INVALID, "export.no_way")
    assert "runs in seatrial only" in refused["error"]["problem"]
    assert not (folder / "text.mar").exists()


def trained(folder: Path) -> None:
    """One model of each library, on four numbers a row."""
    rows = np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32)
    kinds = (rows[:, 0] > 0).astype(int)
    net = MLPClassifier((32,), max_iter=30, random_state=0).fit(rows, kinds)
    (folder / "net.pkl").write_bytes(pickle.dumps(net))
    skops.io.dump(LogisticRegression().fit(rows, kinds), folder / "line.skops")
    booster = xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(rows, kinds)
    booster.save_model(folder / "boost.json")
    data = lightgbm.Dataset(rows, kinds)
    settings = {"objective": "binary", "verbose": -1, "num_leaves": 4}
    lightgbm.train(settings, data, num_boost_round=3).save_model(folder / "light.txt")
    np.save(folder / "rows.npy", rows)


_MIXES = "y = LpNormalization <axis = 0> (x)"
_MIXES_A_LITTLE = """
    little = Constant <value = float {0.001}> ()
    mean = ReduceMean (x)
    moved = Mul (mean, little)
    y = Add (x, moved)
"""


@pytest.mark.parametrize(
    ("nodes", "problem", "remedy"),
    [
        (_MIXES, "answer to a row depends on the rows beside it", "axis 0"),
        (_MIXES_A_LITTLE, "A row alone gets another answer than the model", "each row by itself"),
    ],
    ids=["all of it", "a little"],
)
def test_a_graph_that_mixes_its_rows_is_refused_and_told_so(
    folder: Path, capsys: pytest.CaptureFixture[str], nodes: str, problem: str, remedy: str
) -> None:
    graph = onnx.parser.parse_model(f"""
        <ir_version: 9, opset_import: ["": 18]>
        net (float[n, 3] x) => (float[n, 3] y) {{ {nodes} }}
    """)
    (folder / "mixing.onnx").write_bytes(graph.SerializeToString())
    assert seatrial(["export", "mixing.onnx", "-o", "made.onnx", "--json"]) == Exit.INVALID
    said = json.loads(capsys.readouterr().out)["error"]
    assert problem in said["problem"]
    assert remedy in said["remedy"]
    assert not (folder / "made.onnx").exists()


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_each_library_is_written_as_onnx(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained(folder)
    for file in ("net.pkl", "line.skops", "boost.json", "light.txt", "image.onnx"):
        data = "rows.npz" if file == "image.onnx" else "rows.npy"
        code, made = run(capsys, file, "--data", data, "-o", "made.onnx")
        assert code == Exit.DONE, made
        assert made["parity"]["passed"]
        assert made["opset"]["ai.onnx"] >= 13
        onnxruntime.InferenceSession(folder / "made.onnx")
    code, refused = run(capsys, "boost.json", "--data", "rows.npy", "--int8")
    assert code != Exit.DONE
    assert "no matrix product" in refused["error"]["problem"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["image.onnx", "--to", "torchscript"], "export.no_way", "Only PyTorch models"),
        (["image.onnx"], "export.no_way", "is the model itself"),
        (["image.onnx", "--to", "torchscript", "--int8"], "export.no_way", "int8 is made of ONNX"),
        (["image.onnx", "-o", "no/such/place.onnx"], "export.no_way", "cannot be written"),
        (["fixed.onnx", "-o", "a.onnx"], "model.unsupported", "[4, 3, 6, 6]"),
        (["sized.onnx", "-o", "a.onnx"], "model.unsupported", "'height'"),
        (["empty.onnx", "-o", "a.onnx"], "model.corrupt", "is empty"),
        (["cut.onnx", "-o", "a.onnx"], "model.corrupt", "cannot load cut.onnx"),
        (["none.onnx", "-o", "a.onnx"], "model.no_such_file", "no file"),
        (["image.onnx", "--data", "flat.npy", "-o", "a.onnx"], "sample.mismatch", "[n, 108]"),
    ],
)
def test_what_cannot_be_written_is_said_and_nothing_is(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: str, said: str
) -> None:
    image_model(folder / "fixed.onnx", rows=4)
    image_model(folder / "sized.onnx", side="height")
    (folder / "empty.onnx").write_bytes(b"")
    (folder / "cut.onnx").write_bytes((folder / "image.onnx").read_bytes()[:2000])
    np.save(folder / "flat.npy", ROWS.reshape(40, -1))
    before = set(folder.iterdir())
    exit_code, answer = run(capsys, *words)
    assert exit_code != Exit.DONE
    assert answer["error"]["code"] == code, answer
    assert said in answer["error"]["problem"]
    assert answer["error"]["remedy"]
    assert set(folder.iterdir()) - before <= {folder / "home"}

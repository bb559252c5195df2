"""An archive for TorchServe, its program run as TorchServe does; the real one in integration."""

from __future__ import annotations

import importlib.util
import json
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
from onnx import parser

from seatrial.adapters.serving.onnxruntime import OnnxEngine
from seatrial.packaging.torchserve import model_archive
from seatrial.packaging.triton import Graph
from seatrial.registry.mar_file import model_in
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.wiring.deploying.remote_engines import graph_of
from tests.adapters import int8_graphs

COLUMNS = """
<ir_version: 9, opset_import: ["" : 18]>
columns (float[n] age, int64[n, 1] visits, string[n, 1] note)
  => (float[n] prediction, string[n] said)
{
  one = Constant <value = int64[1] {1}>()
  seen = Squeeze(visits, one)
  many = Cast <to = 1>(seen)
  prediction = Add(age, many)
  said = Squeeze(note, one)
}
"""
MATRIX = """
<ir_version: 9, opset_import: ["" : 18]>
matrix (float[n, 3] x) => (float[n] prediction) { prediction = ReduceSum(x) }
"""
IMAGE = """
<ir_version: 9, opset_import: ["" : 18]>
net (uint8[n, 2, 2] image) => (float[n, 2, 2] planes) { planes = Cast <to = 1> (image) }
"""
NARROW = """
<ir_version: 9, opset_import: ["" : 18]>
net (float16[n, 2] half, int8[n, 2] level) => (float[n, 2] sum) {
    a = Cast <to = 1> (half)
    b = Cast <to = 1> (level)
    sum = Add (a, b)
}
"""
RECORD = {"age": 1.5, "visits": 2, "note": "å"}


def signature(*features: Feature, matrix: bool = False) -> Signature:
    outputs = [Output(name="prediction", dtype=Dtype.FLOAT32)]
    if not matrix:
        outputs.append(Output(name="said", dtype=Dtype.STRING))
    return Signature(features=features, outputs=tuple(outputs), task=Task.OTHER, matrix=matrix)


SIGNATURE = signature(
    Feature(name="age", dtype=Dtype.FLOAT32),
    Feature(name="visits", dtype=Dtype.INT64),
    Feature(name="note", dtype=Dtype.STRING, nullable=True),
)


def archive() -> bytes:
    graph = onnx.ModelProto.SerializeToString(parser.parse_model(COLUMNS))
    made: Graph = graph_of(graph, SIGNATURE)
    return model_archive("m", SIGNATURE, made)


class Context:
    """What TorchServe tells a program, as far as ours asks."""

    def __init__(self, folder: Path) -> None:
        self.system_properties = {"model_dir": str(folder)}
        self.statuses: dict[int, int] = {}
        self.headers: dict[str, str] = {}

    def get_request_header(self, place: int, name: str) -> str | None:
        assert place == 0
        return self.headers.get(name)

    def set_response_status(self, *, code: int, phrase: str, idx: int) -> None:
        assert phrase
        self.statuses[idx] = code


@pytest.fixture
def program(tmp_path: Path) -> Any:
    return opened(archive(), tmp_path)


def opened(made: bytes, tmp_path: Path) -> Any:
    """The archive's program, as TorchServe starts it."""
    with zipfile.ZipFile(BytesIO(made)) as packed:
        packed.extractall(tmp_path)
    name = "seatrial_handler_under_test"
    spec = importlib.util.spec_from_file_location(name, tmp_path / "seatrial_handler.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert name not in sys.modules
    handler, context = module.SeatrialHandler(), Context(tmp_path)
    handler.initialize(context)
    return SimpleNamespace(handler=handler, context=context)


def test_the_same_graph_is_the_same_archive_with_its_manifest(tmp_path: Path) -> None:
    assert archive() == archive()
    path = tmp_path / "m.mar"
    path.write_bytes(archive())
    assert model_in(path) == "model.onnx"
    with zipfile.ZipFile(path) as packed:
        model = json.loads(packed.read("MAR-INF/MANIFEST.json"))["model"]
        assert set(packed.namelist()) >= {model["serializedFile"], model["handler"]}
    assert model["modelName"] == "m"


def test_each_request_of_a_batch_is_answered_alone(program: Any) -> None:
    good = {"body": {"instances": [RECORD, [2, 3.0, None]]}}
    raw = {"data": json.dumps({"instances": [RECORD]}).encode()}
    first, bad, third = program.handler.handle([good, {"body": b"{"}, raw], program.context)
    assert first["predictions"] == [
        {"prediction": 3.5, "said": "å"},
        {"prediction": 5.0, "said": ""},
    ]
    assert "error" in bad
    assert program.context.statuses == {1: 400}
    assert third["predictions"] == first["predictions"][:1]


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ({}, "instances"),
        ([], "instances"),
        ({"instances": []}, "instances"),
        ({"instances": [[1.5, 2]]}, "Row 0"),
        ({"instances": [RECORD, 5]}, "Row 1"),
        ({"instances": [{"age": 1}]}, "Row 0"),
        ({"instances": [RECORD | {"age": "x"}]}, "'age'"),
        ({"instances": [RECORD | {"age": None}]}, "'age'"),
        ({"instances": [RECORD | {"age": float("nan")}]}, "'age'"),
        ({"instances": [RECORD | {"age": 1e39}]}, "'age'"),
        ({"instances": [RECORD | {"age": 10**400}]}, "'age'"),
        ({"instances": [RECORD | {"age": [1.0]}]}, "'age'"),
        ({"instances": [RECORD, RECORD | {"age": [1.0, 2.0]}]}, "'age'"),
        ({"instances": [RECORD | {"visits": 1.5}]}, "'visits'"),
        ({"instances": [RECORD | {"visits": 2**63}]}, "'visits'"),
        ({"instances": [RECORD | {"visits": True}]}, "'visits'"),
        ({"instances": [RECORD | {"note": 5}]}, "'note'"),
    ],
)
def test_what_does_not_fit_is_the_clients_fault(program: Any, message: object, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        program.handler.predictions(message)


def test_columns_are_answered_as_columns_and_the_model_described(program: Any) -> None:
    columns = {"age": [1.5, 2.0], "visits": [2, 3], "note": ["å", ""]}
    (answer,) = program.handler.handle([{"body": {"inputs": columns}}], program.context)
    assert answer == {"outputs": {"prediction": [3.5, 5.0], "said": ["å", ""]}}
    program.context.headers["describe"] = "True"
    (told,) = program.handler.handle([{"body": None}], program.context)
    assert [tuple(one.values()) for one in told["inputs"]] == [
        ("age", "FP32", [-1]),
        ("visits", "INT64", [-1]),
        ("note", "BYTES", [-1]),
    ]
    assert [one["name"] for one in told["outputs"]] == ["prediction", "said"]


@pytest.mark.parametrize(
    "message",
    [
        {"inputs": []},
        {"inputs": {}},
        {"inputs": {"age": [1], "visits": [2], "note": ["x"], "more": [1]}},
        {"inputs": {"age": [1], "visits": [2, 3], "note": ["x"]}},
        {"inputs": {"age": [], "visits": [], "note": []}},
        {"inputs": {"age": 1, "visits": [2], "note": ["x"]}},
        {"inputs": {"age": [1], "visits": [2], "note": [5]}},
        {"inputs": {}, "instances": []},
        {"instances": 5},
        5,
    ],
)
def test_columns_that_do_not_fit_are_the_clients_fault(program: Any, message: object) -> None:
    (answer,) = program.handler.handle([{"body": message}], program.context)
    assert answer["error"]
    assert program.context.statuses == {0: 400}


def test_large_whole_numbers_stay_whole(program: Any) -> None:
    assert program.handler.predictions({"instances": [RECORD | {"visits": 2**53 + 1}]})


def test_images_of_bytes_go_in_as_bytes_and_what_is_no_pixel_does_not(tmp_path: Path) -> None:
    told = Signature(
        features=(Feature(name="image", dtype=Dtype.UINT8, shape=(2, 2)),),
        outputs=(Output(name="planes", dtype=Dtype.FLOAT32, width=4, shape=(2, 2)),),
        task=Task.OTHER,
        matrix=False,
    )
    graph = onnx.ModelProto.SerializeToString(parser.parse_model(IMAGE))
    program = opened(model_archive("m", told, graph_of(graph, told)), tmp_path)
    image = [[0, 255], [7, 2.0]]
    assert program.handler.predictions({"instances": [image, {"image": image}]}) == [image, image]
    for bad in (-1, 256, 0.5, None, "1", [0]):
        with pytest.raises(ValueError, match="'image'"):
            program.handler.predictions({"instances": [image, [[0, 1], [2, bad]]]})


def test_small_numbers_and_halves_are_held_against_their_type_there_too(tmp_path: Path) -> None:
    told = Signature(
        features=(
            Feature(name="half", dtype=Dtype.FLOAT16, shape=(2,)),
            Feature(name="level", dtype=Dtype.INT8, shape=(2,)),
        ),
        outputs=(Output(name="sum", dtype=Dtype.FLOAT32, width=2),),
        task=Task.OTHER,
        matrix=False,
    )
    graph = parser.parse_model(NARROW)
    packed = onnx.ModelProto.SerializeToString(graph)
    program = opened(model_archive("m", told, graph_of(packed, told)), tmp_path)
    row = {"half": [0.5, 65_504], "level": [-128, 127.0]}
    assert program.handler.predictions({"instances": [row]}) == [[-127.5, 65_631.0]]
    for bad in ({"half": [0, 1e6]}, {"level": [0, 128]}, {"level": [0, 0.5]}, {"half": [0, "1"]}):
        with pytest.raises(ValueError, match=repr(next(iter(bad)))):
            program.handler.predictions({"instances": [row | bad]})


def test_rows_that_would_move_each_other_run_one_by_one_there(tmp_path: Path) -> None:
    graph, rows = int8_graphs.int8_graph(), int8_graphs.ROWS
    told = int8_graphs.SIGNATURE
    handler = opened(model_archive("m", told, graph_of(graph, told)), tmp_path).handler
    wanted = OnnxEngine(graph, told).predict(rows)["prediction"].tolist()
    assert handler.predictions({"instances": rows.tolist()}) == wanted
    handler._alone = False
    assert handler.predictions({"instances": rows.tolist()}) != wanted


def test_a_matrix_is_one_input() -> None:
    three = [Feature(name=name, dtype=Dtype.FLOAT32) for name in "abc"]
    graph = onnx.ModelProto.SerializeToString(parser.parse_model(MATRIX))
    told = signature(*three, matrix=True)
    with zipfile.ZipFile(BytesIO(model_archive("m", told, graph_of(graph, told)))) as packed:
        read = json.loads(packed.read("signature.json"))
    assert read["graph_inputs"] == ["x"]
    assert read["described"]["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [-1, 3]}]

"""A row has one answer, whoever asks beside it, of graphs that scale by the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from seatrial.adapters.export.onnx_alone import is_alone, one_by_one
from seatrial.adapters.export.quantize_onnx import quantize
from seatrial.adapters.native.onnx_model import load_onnx
from seatrial.adapters.serving.onnxruntime import OnnxEngine
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(20, 16)).astype(np.float32)
ROWS[7] *= 40  # which alone would set the scale of all
SIGNATURE = Signature(
    features=tuple(Feature(name=f"x{k}", dtype=Dtype.FLOAT32) for k in range(16)),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT32, width=8),),
    task=Task.OTHER,
    matrix=True,
)


@pytest.fixture(scope="module")
def full() -> bytes:
    weights = RANDOM.normal(size=(16, 8)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["rows", "weights"], ["prediction"])],
        "product",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 16])],
        [helper.make_tensor_value_info("prediction", TensorProto.FLOAT, ["n", 8])],
        [numpy_helper.from_array(weights, "weights")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(made.SerializeToString())


@pytest.fixture(scope="module")
def int8(full: bytes) -> bytes:
    made = quantize(None, graph=full)["onnx"]
    assert isinstance(made, bytes)
    return made


def test_what_scales_by_the_batch_is_known(full: bytes, int8: bytes) -> None:
    assert not is_alone(full)
    assert is_alone(int8)


def test_rows_have_the_same_answers_in_any_company(int8: bytes, tmp_path: Path) -> None:
    engine = OnnxEngine(int8, SIGNATURE)
    whole = engine.predict(ROWS)["prediction"]
    alone = np.concatenate([engine.predict(ROWS[k : k + 1])["prediction"] for k in range(20)])
    assert whole.tolist() == alone.tolist()
    (tmp_path / "int8.onnx").write_bytes(int8)
    native = load_onnx(tmp_path / "int8.onnx").predict(ROWS, SIGNATURE)["prediction"]
    assert native.tolist() == whole.tolist()
    together = engine._asked(ROWS)["prediction"]
    assert np.abs(together - whole).max() > 1e-3  # which is what is spared


def test_no_rows_and_one_are_asked_at_once() -> None:
    asked: list[int] = []

    def run(batch: object) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        rows = np.asarray(batch, np.float32)
        asked.append(len(rows))
        return {"sum": rows.sum(axis=1)}

    assert one_by_one(run, ROWS[:0])["sum"].shape == (0,)
    assert one_by_one(run, ROWS[:1])["sum"].shape == (1,)
    assert asked == [0, 1]
    assert one_by_one(run, ROWS)["sum"].tolist() == ROWS.sum(axis=1).tolist()

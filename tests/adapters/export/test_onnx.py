from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from seatrial.adapters.export.onnx import export
from seatrial.adapters.serving.onnxruntime import OnnxEngine
from seatrial.packaging.export import Form
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task

COLUMNS = [["a", "float32"], ["b", "float32"]]
SIGNATURE = Signature(
    features=tuple(Feature(name=n, dtype=Dtype.FLOAT32) for n in "ab"),
    outputs=(Output(name="score", dtype=Dtype.FLOAT32),),
    task=Task.REGRESSION,
    matrix=True,
)


def linear(rows: object = "n", output: str = "score") -> bytes:
    weights = numpy_helper.from_array(np.array([[2.0], [3.0]], np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], [output])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, 2])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [rows, 1])],
        [weights],
    )
    opsets = [helper.make_opsetid("", 17)]
    made: bytes = helper.make_model(graph, ir_version=8, opset_imports=opsets).SerializeToString()
    return made


def given(model: object, *, form: str = Form.FLOAT32, matrix: bool = True) -> dict[str, object]:
    return export(model, columns=COLUMNS, matrix=matrix, outputs=["score"], form=form)


def test_a_file_that_fits_answers_as_it_is():
    made = given(linear())
    answer = OnnxEngine(made["onnx"], SIGNATURE).predict(np.array([[1, 1], [0, 2]], np.float32))
    assert answer["score"].tolist() == [5, 6]
    assert made["opset"] == {"ai.onnx": 17}
    assert made["wide"] is None


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (b"not onnx at all", "The ONNX file is not valid"),
        (linear()[:-20], "The ONNX file is not valid"),
        (None, "given as bytes, not NoneType"),
        (linear(output="y"), "no output 'score', only ['y']"),
        (linear(rows=1), "takes 1 rows at a time"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_the_reason(model, reason):
    made = given(model)
    assert made["onnx"] is None
    assert reason in str(made["reason"])


def test_an_input_that_is_no_feature_is_refused():
    assert "'x' is no feature" in str(given(linear(), matrix=False)["reason"])


def test_there_is_no_second_form():
    assert given(linear(), form=Form.FLOAT64)["onnx"] is None

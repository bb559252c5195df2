from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from seatrial.adapters.serving.onnxruntime import GraphUnusable, OnnxEngine
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task

MATRIX = Signature(
    features=tuple(Feature(name=n, dtype=Dtype.FLOAT64) for n in "ab"),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT64),),
    task=Task.REGRESSION,
    matrix=True,
)
COLUMNS = Signature(
    features=(
        Feature(name="size", dtype=Dtype.INT64),
        Feature(name="town", dtype=Dtype.STRING, nullable=True),
    ),
    outputs=(
        Output(name="size_out", dtype=Dtype.INT64, width=1),
        Output(name="town_out", dtype=Dtype.STRING),
    ),
    task=Task.OTHER,
    matrix=False,
)


def model(nodes, inputs, outputs, constants=()) -> bytes:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, t, ["n", w]) for n, t, w in inputs],
        [helper.make_tensor_value_info(n, t, ["n", None]) for n, t in outputs],
        list(constants),
    )
    opsets = [helper.make_opsetid("", 18)]
    made: bytes = helper.make_model(graph, ir_version=8, opset_imports=opsets).SerializeToString()
    return made


def linear(output: str = "prediction") -> bytes:
    weights = numpy_helper.from_array(np.array([[2.0], [3.0]], np.float32), "w")
    return model(
        [helper.make_node("MatMul", ["x", "w"], [output])],
        [("x", TensorProto.FLOAT, 2)],
        [(output, TensorProto.FLOAT)],
        [weights],
    )


def echo(town: int = TensorProto.STRING) -> bytes:
    return model(
        [
            helper.make_node("Identity", ["size"], ["size_out"]),
            helper.make_node("Identity", ["town"], ["town_out"]),
        ],
        [("size", TensorProto.INT64, 1), ("town", town, 1)],
        [("size_out", TensorProto.INT64), ("town_out", town)],
    )


def test_answers_have_the_shape_and_dtype_of_the_signature():
    answer = OnnxEngine(linear(), MATRIX).predict(np.array([[1.0, 1.0], [0.5, 2.0]]))
    assert answer["prediction"].tolist() == [5, 7]
    assert answer["prediction"].dtype == np.float64


def test_columns_go_in_by_name_and_a_missing_string_as_the_empty_one():
    batch = {
        "town": np.array(["Bern", None], dtype=object),
        "size": np.array([3, 4]),
    }
    answer = OnnxEngine(echo(), COLUMNS).predict(batch)
    assert answer["size_out"].tolist() == [[3], [4]]
    assert answer["town_out"].tolist() == ["Bern", ""]


@pytest.mark.parametrize(
    ("graph", "signature", "problem"),
    [
        (b"no graph", MATRIX, "cannot load the graph"),
        (linear("other"), MATRIX, "no output 'prediction'"),
        (echo(), replace(MATRIX, outputs=COLUMNS.outputs), "2 inputs, not one matrix"),
        (
            linear(),
            replace(COLUMNS, outputs=MATRIX.outputs),
            "input 'x' is no feature",
        ),
        (echo(TensorProto.UINT64), COLUMNS, "'town' has a type no feature can have"),
    ],
)
def test_a_graph_that_does_not_fit_is_refused_with_a_remedy(graph, signature, problem):
    with pytest.raises(GraphUnusable, match=problem) as raised:
        OnnxEngine(graph, signature)
    assert raised.value.remedy

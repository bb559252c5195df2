"""A product of matrices, in full and with int8 weights: rows that move each other."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from seatrial.adapters.export.quantize_onnx import quantize
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(20, 16)).astype(np.float32)
ROWS[7] *= 40  # which alone would set the scale of all
WEIGHTS = RANDOM.normal(size=(16, 8)).astype(np.float32)
SIGNATURE = Signature(
    features=tuple(Feature(name=f"x{k}", dtype=Dtype.FLOAT32) for k in range(16)),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT32, width=8),),
    task=Task.OTHER,
    matrix=True,
)


def full_graph() -> bytes:
    """The product of rows and weights."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["rows", "weights"], ["prediction"])],
        "product",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 16])],
        [helper.make_tensor_value_info("prediction", TensorProto.FLOAT, ["n", 8])],
        [numpy_helper.from_array(WEIGHTS, "weights")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(made.SerializeToString())


def int8_graph() -> bytes:
    """The same, as `seatrial export --int8` writes it."""
    made = quantize(None, graph=full_graph())["onnx"]
    assert isinstance(made, bytes)
    return made

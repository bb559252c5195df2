"""Weights beside a graph come into its file, and every reader finds them there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper, parser

from seatrial.adapters.export.onnx_external import joined

ROWS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def net() -> onnx.ModelProto:
    """Two products, each with its own weights."""
    made = parser.parse_model("""
        <ir_version: 9, opset_import: ["": 18]>
        net (float[n, 4] rows) => (float[n, 2] found) {
            hidden = MatMul (rows, first)
            found = MatMul (hidden, second)
        }
    """)
    rng = np.random.default_rng(1)
    for name, shape in (("first", (4, 64)), ("second", (64, 2))):
        weights = rng.normal(size=shape).astype(np.float32)
        made.graph.initializer.append(numpy_helper.from_array(weights, name))
    made.metadata_props.add(key="kept", value="yes")
    return made


@pytest.mark.parametrize("threshold", [0, 600, 1 << 20])
def test_a_graph_and_its_weights_are_one_file_again(tmp_path: Path, threshold: int) -> None:
    whole = net()
    want = onnxruntime.InferenceSession(whole.SerializeToString()).run(None, {"rows": ROWS})[0]
    onnx.save(whole, tmp_path / "m.onnx", save_as_external_data=True, size_threshold=threshold)
    skeleton = onnx.load(tmp_path / "m.onnx", load_external_data=False)
    content = joined(skeleton, tmp_path)
    for file in tmp_path.iterdir():
        file.unlink()
    found = onnxruntime.InferenceSession(content).run(None, {"rows": ROWS})[0]
    np.testing.assert_array_equal(found, want)
    read = onnx.load_from_string(content)
    onnx.checker.check_model(read)
    assert [t.name for t in read.graph.initializer] == ["first", "second"]
    assert [e.value for e in read.metadata_props] == ["yes"]

"""The text of Triton's files; its own schema reads them in `tests/integration/test_triton.py`."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.packaging.plan import elsewhere
from seatrial.packaging.triton import Backend, Graph, GraphUnfit, Mark, model_files, quoted
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving.engine import EngineKind
from seatrial.serving.oip import TensorSpec
from seatrial.testing.models import column_signature, matrix_signature, only

MARK = Mark(home="/home/x", endpoint="churn", version=2, digest="ab" * 32)
GRAPH = Graph(
    content=b"onnx",
    inputs=(TensorSpec(name="rows", datatype="FP32", shape=(-1, 3)),),
    outputs=(
        TensorSpec(name="label", datatype="INT64", shape=(-1,)),
        TensorSpec(name="probabilities", datatype="FP32", shape=(-1, 2)),
        TensorSpec(name="extra", datatype="FP32", shape=(-1, 2)),
    ),
    feature_of={},
)


def config(
    backend: Backend, graph: Graph = GRAPH, *, linger_s: float = 0.0, max_batch_rows: int = 64
) -> str:
    plan = elsewhere(only(EngineKind.ONNX), "triton")
    plan = replace(plan, linger_s=linger_s, max_batch_rows=max_batch_rows)
    files = model_files("churn-2", matrix_signature(), plan, graph, backend=backend, mark=MARK)
    assert files["1/model.onnx"] == b"onnx"
    assert ("1/model.py" in files) == (backend is Backend.PYTHON)
    assert Mark.of(files["seatrial.json"]) == MARK
    return files["config.pbtxt"].decode()


@given(st.text())
def test_a_string_is_read_back_as_it_was(text: str) -> None:
    written = quoted(text)
    assert written.isascii()
    assert "\n" not in written
    octal = re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), written[1:-1])
    assert octal.encode("latin-1").decode() == text


def test_batches_are_as_large_as_paid_where_the_model_was_packaged() -> None:
    text = config(Backend.PYTHON, linger_s=0.0025, max_batch_rows=64)
    assert "preferred_batch_size: [ 64 ]" in text
    assert "max_queue_delay_microseconds: 2500" in text
    assert "max_batch_size: 1024" in text
    assert "preferred" not in config(Backend.PYTHON, max_batch_rows=1)


def test_no_batch_is_waited_for_whose_rows_run_one_by_one_and_only_our_program_does_that() -> None:
    graph = replace(GRAPH, alone=True)
    text = config(Backend.PYTHON, graph, linger_s=0.0025)
    assert "dynamic_batching" not in text
    assert 'key: "seatrial_alone" value { string_value: "1" }' in text
    with pytest.raises(GraphUnfit, match="quantised") as refused:
        config(Backend.ONNXRUNTIME, graph)
    assert "backend to python" in refused.value.remedy


def test_the_graph_itself_is_described_by_its_own_names_and_types() -> None:
    text = config(Backend.ONNXRUNTIME)
    assert 'platform: "onnxruntime_onnx"' in text
    assert 'name: "rows" data_type: TYPE_FP32 dims: [ 3 ]' in text
    label = 'name: "label" data_type: TYPE_INT64 dims: [ 1 ] reshape { shape: [ ] }'
    assert label in text
    assert "extra" not in text


@pytest.mark.parametrize("backend", Backend)
def test_tensors_have_the_sizes_of_a_row(backend: Backend) -> None:
    signature = Signature(
        features=(Feature(name="image", dtype=Dtype.UINT8, shape=(4, 5, 3)),),
        outputs=(
            Output(name="planes", dtype=Dtype.FLOAT32, width=60, shape=(3, 4, 5)),
            Output(name="embedding", dtype=Dtype.FLOAT32, width=7),
            Output(name="label", dtype=Dtype.INT64),
        ),
        task=Task.OTHER,
        matrix=False,
    )
    graph = Graph(
        content=b"onnx",
        inputs=(TensorSpec(name="image", datatype="UINT8", shape=(-1, 4, 5, 3)),),
        outputs=(
            TensorSpec(name="planes", datatype="FP32", shape=(-1, 3, 4, 5)),
            TensorSpec(name="embedding", datatype="FP32", shape=(-1, 7)),
            TensorSpec(name="label", datatype="INT64", shape=(-1, 1)),
        ),
        feature_of={},
    )
    plan = elsewhere(only(EngineKind.ONNX), "triton")
    files = model_files("m", signature, plan, graph, backend=backend, mark=MARK)
    text = files["config.pbtxt"].decode()
    assert 'name: "image" data_type: TYPE_UINT8 dims: [ 4, 5, 3 ] }' in text
    assert 'name: "planes" data_type: TYPE_FP32 dims: [ 3, 4, 5 ] }' in text
    assert 'name: "embedding" data_type: TYPE_FP32 dims: [ 7 ] }' in text
    assert 'name: "label" data_type: TYPE_INT64 dims: [ 1 ] }' in text


def test_a_graph_that_takes_no_features_by_name_is_refused_with_the_way_out() -> None:
    plan = elsewhere(only(EngineKind.ONNX), "triton")
    with pytest.raises(GraphUnfit, match="python"):
        model_files("m", column_signature(), plan, GRAPH, backend=Backend.ONNXRUNTIME, mark=MARK)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"version": "1"}', b"\xff", b"null"])
def test_a_file_that_is_no_mark_is_nobodys(text: bytes) -> None:
    assert Mark.of(text) is None

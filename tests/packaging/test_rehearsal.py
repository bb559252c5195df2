"""Graphs run in a child process first."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from onnx import TensorProto, helper

from seatrial.packaging.rehearsal import GraphFails, Rehearsal
from seatrial.packaging.session import ModelSession
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task

SIGNATURE = Signature(
    features=(Feature(name="a", dtype=Dtype.FLOAT32), Feature(name="b", dtype=Dtype.FLOAT32)),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT32),),
    task=Task.REGRESSION,
    matrix=True,
)


def adding() -> bytes:
    graph = helper.make_graph(
        [
            helper.make_node(
                "ReduceSum", ["rows"], ["prediction"], keepdims=0, noop_with_empty_axes=0
            )
        ],
        "g",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("prediction", TensorProto.FLOAT, [])],
    )
    opset = [helper.make_opsetid("", 18)]
    content: bytes = helper.make_model(
        graph, opset_imports=opset, ir_version=10
    ).SerializeToString()
    return content


ROWS = {"few": np.array([[1.0, 2.0]], np.float32)}


def test_a_graph_answers_in_a_child_as_it_will_in_a_worker() -> None:
    with Rehearsal() as rehearsal:
        answer = rehearsal.run(adding(), SIGNATURE, ROWS)
    assert answer["few"]["prediction"].tolist() == [3.0]


def test_a_graph_that_ends_its_process_leaves_this_one_and_the_next_graph_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = ModelSession.run_graph

    def crashing(session: ModelSession, batch: object) -> object:
        assert session._child is not None
        os.kill(session._child.pid, signal.SIGSEGV)  # as a fault in native code would
        return run(session, batch)  # type: ignore[arg-type]

    with Rehearsal() as rehearsal:
        with monkeypatch.context() as patched:
            patched.setattr(ModelSession, "run_graph", crashing)
            with pytest.raises(GraphFails, match="SIGSEGV"):
                rehearsal.run(adding(), SIGNATURE, ROWS)
        assert rehearsal.run(adding(), SIGNATURE, ROWS)["few"]["prediction"].tolist() == [3.0]

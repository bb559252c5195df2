"""A bundle whose answers anybody can work out: the logarithm of the sum of a row's numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import parser

from seatrial.registry.bundle import Bundle, Contents
from seatrial.registry.golden import Golden
from seatrial.registry.manifest import Framework, Role
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving.engine import EngineKind
from seatrial.testing.models import only

NAMES = ("a", "b", "c")
SIGNATURE = Signature(
    features=tuple(Feature(name=name, dtype=Dtype.FLOAT32) for name in NAMES),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT32),),
    task=Task.REGRESSION,
    matrix=True,
)


def log_of_sums(root: Path) -> Bundle:
    """The bundle, written below ``root``; it answers NaN where the sum is below zero."""
    graph = parser.parse_model("""
        <ir_version: 9, opset_import: ["": 18]>
        sums (float[n, 3] rows) => (float[n] prediction) {
            axes = Constant <value_ints = [1]> ()
            sums = ReduceSum <keepdims = 0> (rows, axes)
            prediction = Log (sums)
        }
    """)
    artefact = root / "graph.onnx"
    artefact.write_bytes(graph.SerializeToString())
    contents = Contents(
        name="sums",
        framework=Framework(name="onnx", version="1.17.0"),
        python="3.11.7",
        signature=SIGNATURE,
        source_sha256="ab" * 32,
        artefacts={Role.ONNX: artefact},
        requirements="numpy==2.0.0\n",
        golden=Golden(
            inputs=np.ones((1, 3), np.float32),
            outputs={"prediction": np.log(np.array([3], np.float32))},
        ),
        profile={},
        plan=only(EngineKind.ONNX).as_dict(),
    )
    return Bundle.create(root / "bundles", contents)

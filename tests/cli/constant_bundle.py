"""A bundle that answers a constant, for commands that take bundles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import parser

from seatrial.registry.bundle import Bundle, Contents
from seatrial.registry.golden import Golden
from seatrial.registry.manifest import Framework, Role
from seatrial.serving.engine import EngineKind
from seatrial.testing.models import matrix_signature, only

GRAPH = """
<ir_version: 10, opset_import: ["": 18]>
constant (float[n, 3] rows) => (int64[1] label, float[1, 2] probabilities) {
    size = Constant <value_ints = [1, 2]> ()
    probabilities = ConstantOfShape (size)
    label = Shape <start = 0, end = 1> (rows)
}
"""


def make(root: Path, *, age: float, trusted: bool = False) -> Bundle:
    """A bundle that answers a constant; another one for each age."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "graph").write_bytes(parser.parse_model(GRAPH).SerializeToString())
    return Bundle.create(
        root / "bundles",
        Contents(
            name="churn",
            framework=Framework(name="scikit-learn", version="1.5.2"),
            python="3.11.7",
            signature=matrix_signature(),
            source_sha256="ab" * 32,
            artefacts={Role.ONNX: root / "graph"},
            requirements="numpy==2.0.0\n",
            golden=Golden(
                inputs=np.full((1, 3), age, np.float32),
                outputs={
                    "label": np.array([1]),
                    "probabilities": np.array([[0.25, 0.75]], np.float32),
                },
            ),
            profile={},
            plan=only(EngineKind.ONNX, inline=True).as_dict(),
            trusted=trusted,
        ),
    )

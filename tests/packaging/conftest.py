from pathlib import Path

import numpy as np
import pytest

from seatrial.registry.bundle import Bundle, Contents
from seatrial.registry.golden import Golden
from seatrial.registry.manifest import Framework, Role
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A matrix model named like a YAML boolean, whose artefact is never run."""
    artefact = tmp_path / "export.onnx"
    artefact.write_bytes(b"onnx")
    rows = np.array([[0.5, 1.0], [np.nan, 2.0], [np.inf, 3.0], [0.25, 4.0]], dtype=np.float32)
    scores = np.array([[0.75, 0.25], [0.5, 0.5], [0.0, 1.0], [1.0, 0.0]], dtype=np.float32)
    contents = Contents(
        name="on",
        framework=Framework(name="scikit-learn", version="1.5.2"),
        python="3.11.7",
        signature=Signature(
            features=(
                Feature(name="a", dtype=Dtype.FLOAT32, nullable=True),
                Feature(name="b", dtype=Dtype.FLOAT32),
            ),
            outputs=(
                Output(name="label", dtype=Dtype.STRING, classes=("no", "yes")),
                Output(name="probabilities", dtype=Dtype.FLOAT32, width=2, classes=("no", "yes")),
            ),
            task=Task.CLASSIFICATION,
            matrix=True,
        ),
        source_sha256="ab" * 32,
        artefacts={Role.ONNX: artefact},
        requirements="numpy==2.0.0\nonnxruntime==1.20.0\n",
        golden=Golden(
            inputs=rows,
            outputs={
                "label": np.array(["no", "yes", "yes", "no"], dtype=object),
                "probabilities": scores,
            },
        ),
        profile={},
        plan={},
    )
    return Bundle.create(tmp_path / "bundles", contents)

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seatrial.registry.bundle import Bundle, Contents
from seatrial.registry.golden import Golden
from seatrial.registry.manifest import Framework, Role
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from tests.registry.packed_class import CODE


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a Python class, and what it reads."""
    made = tmp_path / "shop"
    (made / "data").mkdir(parents=True)
    (made / "net.py").write_text(CODE)
    (made / "near.py").write_text("def f(): import pandas\n")
    (made / "data" / "größe 1.bin").write_bytes(b"\0" * 5000)
    return made


@pytest.fixture
def contents(tmp_path: Path) -> Contents:
    """A small but complete model of mixed columns."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "export.onnx").write_bytes(bytes(range(256)) * 8)
    (source / "churn.pkl").write_bytes(b"\x80\x04not really a pickle.")
    return Contents(
        name="churn",
        framework=Framework(name="scikit-learn", version="1.5.2"),
        python="3.11.7",
        signature=Signature(
            features=(
                Feature(name="age", dtype=Dtype.FLOAT64, nullable=True),
                Feature(name="plan", dtype=Dtype.STRING, categories=("basic", "pro")),
            ),
            outputs=(Output(name="label", dtype=Dtype.INT64),),
            task=Task.CLASSIFICATION,
            matrix=False,
        ),
        source_sha256="ab" * 32,
        artefacts={Role.ONNX: source / "export.onnx", Role.NATIVE: source / "churn.pkl"},
        requirements="numpy==2.0.0\nonnxruntime==1.20.0\n",
        golden=Golden(
            inputs={
                "age": np.array([31.5, np.nan]),
                "plan": np.array(["pro", "basic"], dtype=object),
            },
            outputs={"label": np.array([0, 1])},
        ),
        profile={"rows": 2, "age": {"mean": 31.5}},
        plan={"schema": 1, "steps": []},
        parity={"largest_difference": 1e-07},
    )


@pytest.fixture
def bundle(tmp_path: Path, contents: Contents) -> Bundle:
    return Bundle.create(tmp_path / "bundles", contents)


@pytest.fixture
def changed() -> Callable[[Contents], Contents]:
    """The same model packaged with other libraries, hence another bundle."""
    return lambda contents: replace(contents, requirements="numpy==2.1.0\n")

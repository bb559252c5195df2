"""Every engine in this process against the suite that defines one."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier

from seatrial.adapters.export.sklearn import export
from seatrial.adapters.serving.onnxruntime import OnnxEngine
from seatrial.packaging.export import Form, arguments
from seatrial.packaging.random_rows import random_rows
from seatrial.registry.signature import Batch, Dtype, Feature, Output, Signature, Task
from seatrial.testing.engine_suite import EngineSuite
from seatrial.testing.models import FakeEngine, column_signature

IRIS = Signature(
    features=tuple(Feature(name=f"x{j}", dtype=Dtype.FLOAT64) for j in range(4)),
    outputs=(
        Output(name="label", dtype=Dtype.INT64),
        Output(name="probabilities", dtype=Dtype.FLOAT64, width=3),
    ),
    task=Task.CLASSIFICATION,
    matrix=True,
)


class OfIris:
    @pytest.fixture
    def signature(self) -> Signature:
        return IRIS

    @pytest.fixture
    def batch(self) -> Batch:
        return np.ascontiguousarray(load_iris().data[::11])


@pytest.fixture(scope="module")
def graphs() -> dict[str, object]:
    x, y = load_iris(return_X_y=True)
    model = GradientBoostingClassifier(n_estimators=3, random_state=0).fit(x, y)
    return export(model, **arguments(IRIS, Form.FLOAT32))


class TestOnnxEngine(OfIris, EngineSuite):
    @pytest.fixture
    def engine(self, graphs: dict[str, bytes]) -> OnnxEngine:
        return OnnxEngine(graphs["onnx"], IRIS)


class TestOnnxEngineWide(OfIris, EngineSuite):
    @pytest.fixture
    def engine(self, graphs: dict[str, bytes]) -> OnnxEngine:
        return OnnxEngine(graphs["wide"], IRIS)


class TestFakeEngine(EngineSuite):
    @pytest.fixture
    def signature(self) -> Signature:
        return column_signature()

    @pytest.fixture
    def batch(self, signature: Signature) -> Batch:
        return random_rows(signature, 8, seed=0)

    @pytest.fixture
    def engine(self, signature: Signature) -> FakeEngine:
        return FakeEngine(signature)

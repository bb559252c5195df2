import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.errors import Invalid
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.registry.signature_record import (
    SignatureUnreadable,
    signature_from_dict,
    signature_to_dict,
)

_values = st.none() | st.one_of(
    st.lists(st.text(), max_size=4).map(tuple),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4).map(tuple),
)
_features = st.builds(
    Feature,
    name=st.text(),
    dtype=st.sampled_from([dtype for dtype in Dtype if not dtype.narrow]),
    nullable=st.booleans(),
    categories=_values,
) | st.builds(
    Feature,
    name=st.text(),
    dtype=st.sampled_from([dtype for dtype in Dtype if dtype is not Dtype.STRING]),
    shape=st.lists(st.integers(1, 300), min_size=1, max_size=7).map(tuple),
)
_outputs = st.builds(
    Output,
    name=st.text(),
    dtype=st.sampled_from(Dtype),
    width=st.none() | st.integers(1, 1000),
    classes=_values,
)
_signatures = st.builds(
    Signature,
    features=st.lists(_features, min_size=1, max_size=5, unique_by=lambda f: f.name).map(tuple),
    outputs=st.lists(_outputs, min_size=1, max_size=3).map(tuple),
    task=st.sampled_from(Task),
    matrix=st.just(value=False),
    named=st.booleans(),
)


def plain() -> dict[str, Any]:
    signature = Signature(
        features=(Feature(name="age", dtype=Dtype.FLOAT32),),
        outputs=(Output(name="label", dtype=Dtype.STRING, classes=("no", "yes")),),
        task=Task.CLASSIFICATION,
        matrix=True,
    )
    return signature_to_dict(signature)


@given(_signatures)
def test_a_signature_comes_back_equal_through_json(signature: Signature) -> None:
    assert signature_from_dict(json.loads(json.dumps(signature_to_dict(signature)))) == signature


def test_numpy_scalars_of_an_estimator_become_plain_values() -> None:
    classes = tuple(np.array([3, 5]))
    signature = Signature(
        features=(Feature(name="x0", dtype=Dtype.FLOAT32),),
        outputs=(Output(name="label", dtype=Dtype.INT64, classes=classes),),
        task=Task.CLASSIFICATION,
        matrix=True,
    )
    assert '"classes": [3, 5]' in json.dumps(signature_to_dict(signature))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda d: d.pop("task"), "task"),
        (lambda d: d.update(surprise=1), "surprise"),
        (lambda d: d.update(matrix="yes"), "matrix"),
        (lambda d: d["features"][0].update(dtype="float8"), "features[0].dtype"),
        (lambda d: d["outputs"][0].update(classes=["a", 1]), "'label'"),
        (lambda d: d["outputs"][0].update(classes=[True]), "outputs[0].classes"),
    ],
)
def test_a_wrong_record_is_refused_naming_the_field(change: Any, named: str) -> None:
    data = plain()
    change(data)
    with pytest.raises(SignatureUnreadable) as caught:
        signature_from_dict(data)
    assert named in caught.value.problem


_IMAGE = Feature(name="image", dtype=Dtype.FLOAT32, shape=(3, 8, 8))
_MAP = Output(name="map", dtype=Dtype.FLOAT32, width=4, shape=(2, 2))


def test_a_tensor_comes_back_with_its_shape_which_others_do_not_write() -> None:
    signature = Signature(features=(_IMAGE,), outputs=(_MAP,), task=Task.OTHER, matrix=False)
    assert signature.row_bytes == 3 * 8 * 8 * 4
    assert signature_from_dict(json.loads(json.dumps(signature_to_dict(signature)))) == signature
    assert "shape" not in json.dumps(plain())


@pytest.mark.parametrize(
    "change",
    [
        {"shape": (0, 2)},
        {"shape": (1,) * 8},
        {"nullable": True},
        {"categories": (1, 2)},
    ],
)
def test_a_tensor_no_model_can_have_is_refused(change: dict[str, Any]) -> None:
    feature = replace(_IMAGE, **change)
    with pytest.raises(Invalid, match="'image' cannot have the shape"):
        Signature(features=(feature,), outputs=(_MAP,), task=Task.OTHER, matrix=False)


def test_an_answer_has_as_many_values_as_its_shape_holds() -> None:
    wrong = replace(_MAP, width=5)
    with pytest.raises(Invalid, match="'map' cannot have the shape"):
        Signature(features=(_IMAGE,), outputs=(wrong,), task=Task.OTHER, matrix=False)


def test_tensors_are_no_matrix() -> None:
    with pytest.raises(Invalid, match="one value each"):
        Signature(features=(_IMAGE,), outputs=(_MAP,), task=Task.OTHER, matrix=True)

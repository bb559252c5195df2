"""Features that are tensors, in every dialect: the same rows in, the same batch out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving.codec.description import model_metadata
from seatrial.serving.codec.dialect import Model
from seatrial.serving.codec.mlflow import InvocationDialect
from seatrial.serving.codec.tfserving import PredictDialect
from seatrial.serving.codec.v2 import InferDialect
from seatrial.serving.exchange import BadInput, Limits, Request
from seatrial.serving.validate import Contract

IMAGE = Feature(name="image", dtype=Dtype.FLOAT32, shape=(2, 3))
OUTPUTS = (Output(name="map", dtype=Dtype.FLOAT32, width=4, shape=(2, 2)),)
ONE = Signature(features=(IMAGE,), outputs=OUTPUTS, task=Task.OTHER, matrix=False)
MIXED = Signature(
    features=(
        IMAGE,
        Feature(name="age", dtype=Dtype.INT64),
        Feature(name="words", dtype=Dtype.STRING, shape=(2,)),
    ),
    outputs=OUTPUTS,
    task=Task.OTHER,
    matrix=False,
)
ROWS = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
NESTED = ROWS.tolist()
WORDS = [["a", "b"], ["c", "d"]]
DIALECTS: dict[str, Any] = {
    "v2": InferDialect(),
    "tf": PredictDialect(),
    "mlflow": InvocationDialect(),
}


def batch(dialect: str, message: object, signature: Signature = ONE) -> Any:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    ask = DIALECTS[dialect].parse(Request("POST", "/", b"", {}, body))
    return codec(dialect, signature).batch(ask)


def codec(dialect: str, signature: Signature = ONE) -> Any:
    return DIALECTS[dialect].codec(Model("seen", 3, Contract(signature, Limits())))


def tensor(**changed: Any) -> dict[str, Any]:
    flat = ROWS.ravel().tolist()
    one = {"name": "image", "shape": [2, 2, 3], "datatype": "FP32", "data": flat}
    return {"inputs": [one | changed]}


@pytest.mark.parametrize(
    ("dialect", "message"),
    [
        ("v2", tensor()),
        ("v2", tensor(data=NESTED)),
        ("v2", tensor(datatype="FP64")),
        ("tf", {"instances": NESTED}),
        ("tf", {"instances": [{"image": row} for row in NESTED]}),
        ("tf", {"inputs": {"image": NESTED}}),
        ("tf", {"inputs": NESTED}),
        ("mlflow", {"inputs": NESTED}),
        ("mlflow", {"inputs": {"image": NESTED}}),
        ("mlflow", {"instances": NESTED}),
        ("mlflow", {"dataframe_split": {"columns": ["image"], "data": [[r] for r in NESTED]}}),
        ("mlflow", {"dataframe_records": [{"image": row} for row in NESTED]}),
    ],
)
def test_rows_of_a_tensor_are_read_in_every_form(dialect: str, message: object) -> None:
    found = batch(dialect, message)
    np.testing.assert_array_equal(found["image"], ROWS)
    assert found["image"].dtype == np.float32


def test_raw_bytes_of_a_tensor_are_read() -> None:
    head = tensor(parameters={"binary_data_size": ROWS.nbytes})
    del head["inputs"][0]["data"]
    text = json.dumps(head).encode()
    headers = {b"inference-header-content-length": b"%d" % len(text)}
    ask = DIALECTS["v2"].parse(Request("POST", "/", b"", headers, text + ROWS.tobytes()))
    np.testing.assert_array_equal(codec("v2").batch(ask)["image"], ROWS)


def test_a_vector_alone_is_one_row_of_numbers_a_list() -> None:
    vector = Signature(
        features=(Feature(name="v", dtype=Dtype.INT64, shape=(3,)),),
        outputs=OUTPUTS,
        task=Task.OTHER,
        matrix=False,
    )
    assert batch("tf", {"instances": [[1, 2, 3], [4, 5, 6]]}, vector)["v"].tolist() == [
        [1, 2, 3],
        [4, 5, 6],
    ]


@pytest.mark.parametrize(
    ("dialect", "message"),
    [
        ("tf", {"instances": [[NESTED[0], 7, WORDS[0]], [NESTED[1], 8, WORDS[1]]]}),
        ("mlflow", {"inputs": {"image": NESTED, "age": [7, 8], "words": WORDS}}),
        (
            "v2",
            {
                "inputs": [
                    tensor()["inputs"][0],
                    {"name": "age", "shape": [2, 1], "datatype": "INT32", "data": [7, 8]},
                    {"name": "words", "shape": [2, 2], "datatype": "BYTES", "data": WORDS},
                ]
            },
        ),
    ],
)
def test_tensors_stand_beside_numbers_and_words(dialect: str, message: object) -> None:
    found = batch(dialect, message, MIXED)
    np.testing.assert_array_equal(found["image"], ROWS)
    assert found["age"].tolist() == [7, 8]
    assert found["words"].tolist() == WORDS


@pytest.mark.parametrize(
    ("dialect", "message", "why"),
    [
        ("v2", tensor(shape=[4, 3]), r"\[4, 3\]"),
        ("v2", tensor(shape=[2, 3, 2]), r"\[2, 3, 2\]"),
        ("v2", tensor(shape=[1, 1, 2, 2, 3]), "has the shape"),
        ("v2", tensor(shape=[1] * 20), "has the shape"),
        ("v2", tensor(shape=[2, 2, 3], data=[1.0]), "has 1 values but its shape"),
        ("v2", tensor(data=[[[1, 2, 3], [4, 5]], NESTED[1]]), "does not hold 3 values"),
        ("v2", tensor(name="picture"), "no value for the feature 'image'"),
        ("tf", {"instances": [[[1, 2, 3]]]}, "has 1 values where 2 belong in row 0"),
        ("tf", {"instances": [*NESTED, [[1, 2, 3], [4, 5]]]}, "where 3 belong in row 2"),
        ("tf", {"instances": [1, 2]}, "has 1 where 2 belong in row 0"),
        ("tf", {"instances": [NESTED[0], [[1, 2, 3], [4, "x", 6]]]}, "'x' in row 1, value 4"),
        ("tf", {"instances": [[[1, 2, 3], [4, None, 6]]]}, "missing in row 0, value 4"),
        ("tf", {"instances": [[[1, 2, 3], [4, 1e39, 6]]]}, "too large for float32 in row 0"),
        ("tf", {"instances": []}, "no rows"),
    ],
)
def test_what_has_another_shape_is_the_clients_fault(
    dialect: str, message: object, why: str
) -> None:
    with pytest.raises(BadInput, match=why) as refused:
        batch(dialect, message)
    assert refused.value.remedy


def test_raw_bytes_of_another_shape_are_refused() -> None:
    head = tensor(shape=[2, 3, 2], parameters={"binary_data_size": ROWS.nbytes})
    del head["inputs"][0]["data"]
    text = json.dumps(head).encode()
    headers = {b"inference-header-content-length": b"%d" % len(text)}
    ask = DIALECTS["v2"].parse(Request("POST", "/", b"", headers, text + ROWS.tobytes()))
    with pytest.raises(BadInput, match="has the shape") as refused:
        codec("v2").batch(ask)
    assert "[n, 2, 3]" in refused.value.remedy


def test_an_answer_of_several_sizes_keeps_them() -> None:
    answer = {"map": np.arange(8, dtype=np.float32).reshape(2, 2, 2)}
    ask = DIALECTS["v2"].parse(Request("POST", "/", b"", {}, json.dumps(tensor()).encode()))
    said = json.loads(codec("v2").reply(ask, answer, 2).body)["outputs"][0]
    assert said["shape"] == [2, 2, 2]
    assert said["data"] == list(range(8))
    ask = DIALECTS["tf"].parse(Request("POST", "/", b"", {}, b'{"instances": [1]}'))
    body = json.loads(codec("tf").reply(ask, answer, 2).body)
    assert body == {"predictions": answer["map"].tolist()}


def test_the_metadata_say_the_shapes() -> None:
    said: Any = model_metadata("seen", [3], MIXED)
    assert [t["shape"] for t in said["inputs"]] == [[-1, 2, 3], [-1], [-1, 2]]
    assert said["outputs"][0]["shape"] == [-1, 2, 2]

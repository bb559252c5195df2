import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving.codec.dialect import Model
from seatrial.serving.codec.tfexamples import ExamplesDialect
from seatrial.serving.exchange import BadInput, Limits, Request
from seatrial.serving.validate import Contract
from seatrial.testing.models import column_signature, matrix_signature

CLASSIFY, REGRESS = ExamplesDialect(classify=True), ExamplesDialect(classify=False)
RECORD = {"age": 1.5, "visits": 3, "member": True, "plan": "pro", "note": "hi"}
IMAGE = Signature(
    features=(Feature(name="image", dtype=Dtype.FLOAT32, shape=(2, 2)),),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT32),),
    task=Task.REGRESSION,
    matrix=False,
)


def asked(dialect: ExamplesDialect, signature: Signature, message: object) -> tuple[Any, Any]:
    ask = dialect.parse(Request("POST", "/", b"", {}, json.dumps(message).encode()))
    return dialect.codec(Model("churn", 3, Contract(signature, Limits()))), ask


def batch_of(dialect: ExamplesDialect, signature: Signature, message: object) -> Any:
    codec, ask = asked(dialect, signature, message)
    return codec.batch(ask)


@pytest.mark.parametrize(
    "message",
    [
        {"examples": [{"age": 1, "income": 2, "tenure": 3}, {"age": 4, "income": 5, "tenure": 3}]},
        {"context": {"tenure": 3}, "examples": [{"age": 1, "income": 2}, {"age": 4, "income": 5}]},
        {
            "signature_name": "serving_default",
            "context": {"tenure": [3], "age": 9},
            "examples": [{"age": [1], "income": 2}, {"age": 4, "income": [5]}],
        },
    ],
)
def test_examples_are_rows_that_share_a_context(message: object) -> None:
    codec, ask = asked(CLASSIFY, matrix_signature(), message)
    assert codec.batch(ask).tolist() == [[1, 2, 3], [4, 5, 3]]


def test_each_class_comes_with_its_score() -> None:
    codec, ask = asked(CLASSIFY, matrix_signature(), {"examples": []})
    likely = np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)
    reply = codec.reply(ask, {"label": np.array([1, 0]), "probabilities": likely}, 2)
    assert json.loads(reply.body) == {
        "result": [[["0", 0.25], ["1", 0.75]], [["0", 0.5], ["1", 0.5]]]
    }


def test_a_number_comes_for_each_row() -> None:
    codec, ask = asked(REGRESS, column_signature(), {"examples": [RECORD]})
    assert codec.batch(ask)["age"].tolist() == [1.5]
    reply = codec.reply(ask, {"prediction": np.array([0.5])}, 1)
    assert json.loads(reply.body) == {"result": [0.5]}


def test_a_text_may_be_base64_anywhere() -> None:
    text = {"b64": b64encode("å".encode()).decode()}
    message = {"context": {"plan": {"b64": "cHJv"}}, "examples": [RECORD | {"note": [text]}]}
    del message["examples"][0]["plan"]
    codec, ask = asked(REGRESS, column_signature(), message)
    assert codec.batch(ask)["note"].tolist() == ["å"]
    assert codec.batch(ask)["plan"].tolist() == ["pro"]


@pytest.mark.parametrize("image", [[1, 2, 3, 4], [[1, 2], [3, 4]]])
def test_a_tensor_comes_flat_or_nested(image: object) -> None:
    codec, ask = asked(REGRESS, IMAGE, {"examples": [{"image": image}]})
    assert codec.batch(ask)["image"].tolist() == [[[1, 2], [3, 4]]]


@pytest.mark.parametrize(
    ("signature", "message", "why"),
    [
        (matrix_signature(), {}, "examples"),
        (matrix_signature(), {"examples": 5}, "examples"),
        (matrix_signature(), {"examples": [[1, 2, 3]]}, "examples"),
        (matrix_signature(), {"examples": []}, "no rows"),
        (matrix_signature(), {"examples": [{"age": 1}]}, "no value for the feature 'income'"),
        (matrix_signature(), {"examples": [{}], "signature_name": "x"}, "no signature 'x'"),
        (
            matrix_signature(),
            {"examples": [{"age": [1, 2], "income": 1, "tenure": 1}]},
            r"'age' has \[1, 2\] in row 0",
        ),
        (column_signature(), {"examples": [RECORD]}, "no score for each class"),
    ],
)
def test_what_does_not_fit_is_the_clients_fault(
    signature: Signature, message: object, why: str
) -> None:
    with pytest.raises(BadInput, match=why):
        batch_of(CLASSIFY, signature, message)


@pytest.mark.parametrize(
    ("signature", "message", "why"),
    [
        (matrix_signature(), {"examples": [{}]}, "more than one number"),
        (IMAGE, {"examples": [{"image": [1, 2, 3]}]}, "3 values in row 0"),
        (column_signature(), {"examples": [RECORD | {"note": {"b64": "%"}}]}, "base64"),
        (column_signature(), {"examples": [RECORD | {"note": {"b64": "/w=="}}]}, "base64"),
        (replace(IMAGE, task=Task.OTHER), {"examples": [{"image": "x"}]}, "image"),
    ],
)
def test_numbers_that_cannot_be_are_named(signature: Signature, message: object, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        batch_of(REGRESS, signature, message)

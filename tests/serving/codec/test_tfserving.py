import json
from typing import Any

import numpy as np
import pytest

from seatrial.registry.signature import Signature
from seatrial.serving.codec.dialect import Model
from seatrial.serving.codec.tfserving import PredictDialect
from seatrial.serving.exchange import BadInput, Limits, Request
from seatrial.serving.validate import Contract
from seatrial.testing.models import column_signature, matrix_signature

DIALECT = PredictDialect()
RECORD = {"age": None, "visits": 3, "member": True, "plan": "pro", "note": "hi"}


def codec(signature: Signature) -> Any:
    return DIALECT.codec(Model("churn", 3, Contract(signature, Limits())))


def parse(message: object) -> Any:
    return DIALECT.parse(Request("POST", "/", b"", {}, json.dumps(message).encode()))


@pytest.mark.parametrize(
    "message",
    [
        {"instances": [[1, 2, 3], [4, 5, 6]]},
        {"signature_name": "serving_default", "inputs": [[1, 2, 3], [4, 5, 6]]},
        {"inputs": {"x": [[1, 2, 3], [4, 5, 6]]}},
        {"inputs": {"tenure": [3, 6], "age": [1, 4], "income": [[2], [5]]}},
        {"instances": [{"age": 1, "income": 2, "tenure": 3}, {"age": 4, "income": 5, "tenure": 6}]},
    ],
)
def test_rows_and_columns_give_the_same_batch(message: object) -> None:
    batch = codec(matrix_signature()).batch(parse(message))
    assert batch.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_objects_may_hold_every_dtype() -> None:
    batch = codec(column_signature()).batch(parse({"instances": [RECORD, RECORD]}))
    assert batch["plan"].tolist() == ["pro", "pro"]
    assert np.isnan(batch["age"]).all()


def test_texts_may_be_base64() -> None:
    text = {"b64": "w6U="}
    made = codec(column_signature())
    batch = made.batch(parse({"instances": [RECORD | {"note": text}, RECORD]}))
    assert batch["note"].tolist() == ["å", "hi"]
    columns = {name: [value] for name, value in (RECORD | {"note": text}).items()}
    assert made.batch(parse({"inputs": columns}))["note"].tolist() == ["å"]


def test_what_is_nested_too_deeply_is_refused() -> None:
    deep = b'{"instances":' + b"[" * 900 + b'{"b64":""}' + b"]" * 900 + b"}"
    with pytest.raises(BadInput, match="nested too deeply"):
        DIALECT.parse(Request("POST", "/", b"", {}, deep))


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({}, "either instances or inputs"),
        ({"instances": [[1, 2, 3]], "inputs": [[1, 2, 3]]}, "either instances or inputs"),
        ({"instances": [[1, 2, 3]], "signature_name": "other"}, "no signature 'other'"),
        ({"instances": 5}, "instances is 5, not a list"),
        ({"inputs": None}, "inputs is None, not a list"),
        ({"instances": []}, "no rows"),
        ({"instances": [[1, 2]]}, "Row 0 has 2 values"),
        ({"inputs": {"age": 1, "income": [2], "tenure": [3]}}, "'age' is 1, not a list"),
        ({"inputs": {"age": [1]}}, "no value for the feature 'income'"),
        ({"inputs": {}}, "no value for the feature 'age'"),
    ],
)
def test_what_does_not_fit_is_the_clients_fault(message: object, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        codec(matrix_signature()).batch(parse(message))


PREDICTION = {
    "label": np.array([1, 0]),
    "probabilities": np.array([[0.25, 0.75], [0.5, 0.5]], np.float32),
}


def test_the_reply_has_the_form_of_the_request() -> None:
    made = codec(matrix_signature())
    rows = made.reply(parse({"instances": [[1, 2, 3]] * 2}), PREDICTION, 2)
    assert json.loads(rows.body) == {
        "predictions": [
            {"label": 1, "probabilities": [0.25, 0.75]},
            {"label": 0, "probabilities": [0.5, 0.5]},
        ]
    }
    columns = made.reply(parse({"inputs": [[1, 2, 3]] * 2}), PREDICTION, 2)
    assert json.loads(columns.body) == {
        "outputs": {"label": [1, 0], "probabilities": [[0.25, 0.75], [0.5, 0.5]]}
    }


def test_a_single_output_has_no_name() -> None:
    made = codec(column_signature())
    prediction = {"prediction": np.array([0.5])}
    reply = made.reply(parse({"instances": [RECORD]}), prediction, 1)
    assert json.loads(reply.body) == {"predictions": [0.5]}
    reply = made.reply(parse({"inputs": {}}), prediction, 1)
    assert json.loads(reply.body) == {"outputs": [0.5]}


def test_the_key_is_among_the_parameters() -> None:
    assert parse({"instances": [], "parameters": {"seatrial_key": "u"}}).key == b"u"

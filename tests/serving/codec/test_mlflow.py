import json
from typing import Any

import numpy as np
import pytest

from seatrial.registry.signature import Signature
from seatrial.serving.codec.dialect import Model
from seatrial.serving.codec.mlflow import InvocationDialect
from seatrial.serving.exchange import BadInput, Limits, Request, UnsupportedMedia
from seatrial.serving.validate import Contract
from seatrial.testing.models import column_signature, matrix_signature

DIALECT = InvocationDialect()


def codec(signature: Signature) -> Any:
    return DIALECT.codec(Model("churn", 3, Contract(signature, Limits())))


def parse(message: object) -> Any:
    return DIALECT.parse(Request("POST", "/", b"", {}, json.dumps(message).encode()))


def csv(text: str | bytes) -> Any:
    body = text.encode() if isinstance(text, str) else text
    headers = {b"content-type": b"text/csv; charset=utf-8"}
    return DIALECT.parse(Request("POST", "/", b"", headers, body))


# As mlflow.pyfunc.scoring_server.client writes pandas frames and numpy arrays.
@pytest.mark.parametrize(
    "message",
    [
        {
            "dataframe_split": {
                "index": [0, 1],
                "columns": ["age", "income", "tenure"],
                "data": [[1, 2, 3], [4, 5, 6]],
            }
        },
        {
            "dataframe_split": {
                "columns": ["tenure", "age", "income"],
                "data": [[3, 1, 2], [6, 4, 5]],
            }
        },
        {"dataframe_split": {"data": [[1.0, 2, 3], [4, 5, 6]]}},
        {
            "dataframe_records": [
                {"age": 1, "income": 2, "tenure": 3},
                {"age": 4, "income": 5, "tenure": 6},
            ]
        },
        {"instances": [[1, 2, 3], [4, 5, 6]], "params": {}},
        {"inputs": [[1, 2, 3], [4, 5, 6]]},
        {"inputs": {"age": [1, 4], "income": [2, 5], "tenure": [3, 6]}},
    ],
)
def test_all_four_forms_give_the_same_batch(message: object) -> None:
    batch = codec(matrix_signature()).batch(parse(message))
    assert batch.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_csv_is_read_by_its_header() -> None:
    ask = csv('\ufeffplan,age,visits,member,note\npro,,3,True,"a, b"\nbasic,1.5,4.0,false,\n')
    batch = codec(column_signature()).batch(ask)
    assert {name: values.tolist()[1] for name, values in batch.items()} == {
        "age": 1.5,
        "visits": 4,
        "member": False,
        "plan": "basic",
        "note": None,
    }
    assert np.isnan(batch["age"][0])
    assert batch["note"][0] == "a, b"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "CSV body is empty"),
        ("age,income,tenure\n", "no rows"),
        ("age,income,tenure\n1,2\n", "Row 0 does not have one value for each of the 3 columns"),
        ("age,income,income\n1,2,3\n", "'income' appears twice"),
        ("age,income\n1,2\n", "no value for the feature 'tenure'"),
        ("age,income,tenure,zip\n1,2,3,4\n", "'zip', which is not a feature"),
        ("age,income,tenure\n1,2,3\n1,x,3\n", "'income' has 'x' in row 1"),
        ("age,income,tenure\n1,1_0,3\n", "'income' has '1_0' in row 0"),
        ("age,income,tenure\n1,,3\n", "'income' is missing in row 0"),
        ("age,income,tenure\n1,inf,3\n", "'income' is infinite"),
        ("age,income,tenure\n1,nan,3\n", "'income' is missing"),
        ('age,income,tenure\n1,"2,3\n', "not CSV"),
        (b"age\xff", "not CSV"),
    ],
)
def test_bad_csv_is_the_clients_fault(text: str | bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        codec(matrix_signature()).batch(csv(text))


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({}, "exactly one of dataframe_split"),
        ({"instances": [], "inputs": []}, "exactly one of"),
        ({"dataframe_split": {"columns": ["a", "a"], "data": []}}, "'a' appears twice"),
        ({"dataframe_split": {"columns": ["a"], "data": 3}}, "not a list of rows"),
        ({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, "1 columns"),
        ({"dataframe_split": {"columns": ["age"], "data": [[1]]}}, "no value for .* 'income'"),
        ({"dataframe_split": []}, "Expected `object`"),
        ({"dataframe_records": [1]}, "Expected `object`"),
        ({"dataframe_records": []}, "no rows"),
    ],
)
def test_what_does_not_fit_is_the_clients_fault(message: object, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        codec(matrix_signature()).batch(parse(message))


def test_made_up_names_do_not_matter() -> None:
    plain = matrix_signature(["x0", "x1"])
    unnamed = Signature(
        features=plain.features, outputs=plain.outputs, task=plain.task, matrix=True, named=False
    )
    message = {"dataframe_split": {"columns": [0, 1], "data": [[1, 2]]}}
    assert codec(unnamed).batch(parse(message)).tolist() == [[1, 2]]
    with pytest.raises(BadInput):
        codec(plain).batch(parse(message))


def test_a_body_that_is_neither_json_nor_csv_is_not_read() -> None:
    with pytest.raises(UnsupportedMedia, match=r"'text/xml'.*application/json or text/csv"):
        DIALECT.parse(Request("POST", "/", b"", {b"content-type": b"text/xml"}, b""))


def test_a_reply_holds_predictions_and_nothing_else() -> None:
    prediction = {"label": np.array([1, 0]), "probabilities": np.zeros((2, 2), np.float32)}
    reply = codec(matrix_signature()).reply(parse({"inputs": []}), prediction, 2)
    assert json.loads(reply.body) == {"predictions": [1, 0]}


def test_the_key_is_among_the_params() -> None:
    assert parse({"inputs": [], "params": {"seatrial_key": "u"}}).key == b"u"
    assert csv("a\n1\n").key is None

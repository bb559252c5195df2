import json
from typing import Any

import numpy as np
import pytest

from seatrial.registry.signature import Batch, Signature
from seatrial.serving.codec.dialect import Model
from seatrial.serving.codec.v2 import (
    HEADER_LENGTH,
    Infer,
    InferCall,
    InferDialect,
    InferReply,
    Tensor,
    Wanted,
)
from seatrial.serving.exchange import BadInput, BadOutput, Limits, Reply, Request
from seatrial.serving.validate import Contract
from seatrial.testing.models import column_signature, matrix_signature

DIALECT = InferDialect()
PREDICTION = {
    "label": np.array([1, 0]),
    "probabilities": np.array([[0.25, 0.75], [0.5, 0.5]], np.float32),
}


def codec(signature: Signature) -> Any:
    return DIALECT.codec(Model("churn", 3, Contract(signature, Limits())))


def request(message: object, raw: bytes = b"") -> Request:
    head = message if isinstance(message, bytes) else json.dumps(message).encode()
    headers = {HEADER_LENGTH: str(len(head)).encode()} if raw else {}
    return Request("POST", "/", b"", headers, head + raw)


def read(message: object, raw: bytes = b"", signature: Signature | None = None) -> Batch:
    return codec(signature or matrix_signature()).batch(DIALECT.parse(request(message, raw)))


def tensor(data: object, shape: list[int], name: str = "x", datatype: str = "FP32") -> dict:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def write(message: dict[str, Any], prediction: Any = PREDICTION) -> Reply:
    ask = DIALECT.parse(request({"inputs": []} | message))
    return codec(matrix_signature()).reply(ask, prediction, 2)


VALUES = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


@pytest.mark.parametrize(
    "inputs",
    [
        [tensor(VALUES, [2, 3])],
        [tensor([VALUES[:3], VALUES[3:]], [2, 3], name="anything", datatype="FP64")],
        [tensor([1, 2, 3, 4, 5, 6], [2, 3], datatype="INT32")],
        [
            tensor([1.0, 4.0], [2], "age"),
            tensor([[3.0], [6.0]], [2, 1], "tenure"),
            tensor([2, 5], [2, 1], "income", "UINT8"),
        ],
    ],
)
def test_rows_come_as_one_matrix_or_one_tensor_per_feature(inputs: list[dict]) -> None:
    batch = read({"inputs": inputs})
    assert batch.dtype == np.float32  # type: ignore[union-attr]
    assert batch.tolist() == [VALUES[:3], VALUES[3:]]  # type: ignore[union-attr]


@pytest.mark.parametrize("datatype", ["FP32", "FP64", "FP16", "INT8", "UINT64"])
def test_binary_tensors_are_converted_to_the_models_dtype(datatype: str) -> None:
    from seatrial.serving.codec.tensor import DATATYPES

    raw = np.array(VALUES, DATATYPES[datatype]).tobytes()
    described = {"name": "x", "shape": [2, 3], "datatype": datatype}
    described["parameters"] = {"binary_data_size": len(raw)}
    assert read({"inputs": [described]}, raw).tolist() == [VALUES[:3], VALUES[3:]]  # type: ignore[union-attr]


def test_columns_of_every_dtype_come_as_json_or_binary() -> None:
    raw = b"\x03\x00\x00\x00pro"
    batch = read(
        {
            "inputs": [
                {
                    "name": "plan",
                    "shape": [1],
                    "datatype": "BYTES",
                    "parameters": {"binary_data_size": len(raw)},
                },
                tensor([None], [1], "age", "FP64"),
                tensor([7], [1, 1], "visits", "INT64"),
                tensor([True], [1], "member", "BOOL"),
                tensor([None], [1], "note", "BYTES"),
            ]
        },
        raw,
        column_signature(),
    )
    assert isinstance(batch, dict)
    assert np.isnan(batch["age"][0])  # type: ignore[call-overload]
    assert [batch[name][0] for name in ("visits", "member", "plan", "note")] == [
        7,
        True,
        "pro",
        None,
    ]


@pytest.mark.parametrize(
    ("inputs", "why", "facts"),
    [
        ([], "no value for the feature 'age'", {"field": "age"}),
        ([tensor(VALUES[:3], [3])], "shape \\[3\\]. Send the shape \\[n, 3\\]", {"field": "x"}),
        ([tensor(VALUES, [3, 2])], "shape \\[3, 2\\]", {"field": "x"}),
        ([tensor(VALUES, [-2, 3])], "none of them negative", {"field": "x"}),
        ([tensor(VALUES, [10**30, 3])], "sizes", {"field": "x"}),
        ([tensor([], [0, 3])], "no rows", {}),
        ([tensor(VALUES[:5], [2, 3])], "5 values but its shape", {"field": "x"}),
        ([tensor([1, 2, None], [1, 3])], "'tenure' is missing", {"field": "tenure", "row": 0}),
        ([tensor([1, True, 3], [1, 3])], "'income' has True", {"field": "income", "row": 0}),
        ([tensor([1, 2, 1e39], [1, 3])], "infinite or too large", {"field": "tenure", "row": 0}),
        ([tensor([1], [1], "age")] * 2, "appears twice", {"field": "age"}),
        (
            [tensor([1], [1], n) for n in ("age", "income", "tenure", "zip")],
            "'zip', which is not a feature",
            {"field": "zip"},
        ),
        ([tensor(VALUES[:3], [1, 3], datatype="FP8")], "'FP8', which is not known", {"field": "x"}),
        ([{"name": "x", "shape": [1, 3], "datatype": "FP32"}], "not a list", {"field": "x"}),
    ],
)
def test_what_does_not_fit_is_named(inputs: list[dict], why: str, facts: dict) -> None:
    with pytest.raises(BadInput, match=why) as refused:
        read({"inputs": inputs})
    assert refused.value.facts == facts


@pytest.mark.parametrize(
    ("size", "raw", "why"),
    [
        (12, b"", "is not in the body"),
        (-1, bytes(12), "is not in the body"),
        (True, bytes(12), "is not in the body"),
        ("12", bytes(12), "is not in the body"),
        (16, bytes(12), "is not in the body"),
        (8, bytes(12), "8 bytes long"),
        (12, bytes(16), "4 bytes that belong to no tensor"),
    ],
)
def test_binary_sizes_must_agree_with_the_body(size: object, raw: bytes, why: str) -> None:
    described = {"name": "x", "shape": [1, 3], "datatype": "FP32"}
    with pytest.raises(BadInput, match=why):
        read({"inputs": [described | {"parameters": {"binary_data_size": size}}]}, raw)


@pytest.mark.parametrize("length", [b"", b"-1", b"x", b"0", b"99999", b"9" * 50, b"+2"])
def test_a_header_length_must_lie_in_the_body(length: bytes) -> None:
    with pytest.raises(BadInput, match="Inference-Header-Content-Length"):
        DIALECT.parse(Request("POST", "/", b"", {HEADER_LENGTH: length}, b'{"inputs":[]}'))


def test_a_reply_has_all_outputs_as_json_and_the_id() -> None:
    reply = write({"id": "q7"})
    assert json.loads(reply.body) == {
        "model_name": "churn",
        "model_version": "3",
        "id": "q7",
        "outputs": [
            {"name": "label", "datatype": "INT64", "shape": [2], "data": [1, 0]},
            {
                "name": "probabilities",
                "datatype": "FP32",
                "shape": [2, 2],
                "data": [0.25, 0.75, 0.5, 0.5],
            },
        ],
    }
    assert reply.headers == ((b"x-seatrial-version", b"3"),)


def test_outputs_are_sent_as_asked_for() -> None:
    reply = write(
        {
            "outputs": [
                {"name": "probabilities", "parameters": {"binary_data": True}},
                {"name": "label"},
            ]
        }
    )
    length = int(dict(reply.headers)[HEADER_LENGTH])
    described = json.loads(reply.body[:length])["outputs"]
    assert [o["name"] for o in described] == ["probabilities", "label"]
    assert described[1]["data"] == [1, 0]
    assert described[0]["parameters"]["binary_data_size"] == len(reply.body) - length
    sent = np.frombuffer(reply.body[length:], "<f4").reshape(described[0]["shape"])
    np.testing.assert_array_equal(sent, PREDICTION["probabilities"])


def test_all_outputs_are_binary_where_the_request_says_so() -> None:
    reply = write({"parameters": {"binary_data_output": True}})
    assert reply.content_type == b"application/octet-stream"
    length = int(dict(reply.headers)[HEADER_LENGTH])
    assert np.frombuffer(reply.body[length : length + 16], "<i8").tolist() == [1, 0]


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"name": "nope"}, "no output 'nope'. Ask for one of: 'label', 'probabilities'"),
        ({"name": "label", "parameters": {"classification": 1}}, "extension"),
        ({"name": "label", "parameters": {"shared_memory_region": "r"}}, "extension"),
    ],
)
def test_an_output_nobody_has_is_the_clients_fault(wanted: dict, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        write({"outputs": [wanted]})


@pytest.mark.parametrize(
    "prediction",
    [
        {"label": PREDICTION["label"]},
        PREDICTION | {"label": np.array([1, 0, 1])},
        PREDICTION | {"label": np.array([0.5, 1.0])},
        PREDICTION | {"probabilities": np.zeros((2, 3), np.float32)},
        PREDICTION | {"probabilities": np.zeros(2, np.float32)},
    ],
)
def test_an_answer_its_signature_does_not_promise_is_the_models_fault(prediction: Any) -> None:
    with pytest.raises(BadOutput):
        write({}, prediction)


def test_an_answer_of_the_same_kind_is_converted() -> None:
    close = PREDICTION | {"label": np.array([[1], [0]], np.int32)}
    close["probabilities"] = close["probabilities"].astype(np.float64)
    assert write({}, close).body == write({}).body


def test_names_are_escaped() -> None:
    model = Model('a"%d', 1, Contract(matrix_signature(), Limits()))
    ask = DIALECT.parse(request({"inputs": []}))
    reply = DIALECT.codec(model).reply(ask, PREDICTION, 2)
    assert json.loads(reply.body)["model_name"] == 'a"%d'


@pytest.mark.parametrize(
    ("parameters", "key", "timeout_s"),
    [
        (None, None, None),
        ({"seatrial_key": "user-7"}, b"user-7", None),
        ({"seatrial_key": 7, "timeout": 2_500_000}, b"7", 2.5),
        ({"seatrial_key": True, "timeout": -1}, None, None),
        ({"seatrial_key": ["x"], "timeout": "5"}, None, None),
    ],
)
def test_key_and_timeout_come_from_the_parameters(
    parameters: object, key: bytes | None, timeout_s: float | None
) -> None:
    ask = DIALECT.parse(request({"inputs": [], "parameters": parameters}))
    assert (ask.key, ask.timeout_s) == (key, timeout_s)


def call(raw: bytes, shape: list[int], outputs: list[Wanted] | None = None, **said: Any) -> Any:
    message = Infer([Tensor("x", shape, "FP32", raw)], "q", outputs, said or None)
    return DIALECT.parse(InferCall("POST", "/", b"", {}, b"", message))


def test_a_door_that_reads_and_writes_itself_gives_tensors_and_is_given_tensors() -> None:
    made = codec(matrix_signature())
    ask = call(np.array(VALUES, "<f4").tobytes(), [2, 3], seatrial_key="u1", timeout=2_000_000)
    assert (ask.key, ask.timeout_s) == (b"u1", 2.0)
    assert made.batch(ask).tolist() == [VALUES[:3], VALUES[3:]]
    reply = made.reply(ask, PREDICTION, 2)
    assert isinstance(reply, InferReply)
    assert (reply.status, reply.body, reply.model, reply.version) == (200, b"", "churn", 3)
    assert reply.id == "q"
    assert [(t.name, t.datatype, t.values.tolist()) for t in reply.tensors] == [
        ("label", "INT64", [1, 0]),
        ("probabilities", "FP32", [[0.25, 0.75], [0.5, 0.5]]),
    ]


def test_a_call_is_checked_as_a_body_is() -> None:
    made = codec(matrix_signature())
    for raw, shape in ((bytes(23), [2, 3]), (bytes(24), [2, -3]), (bytes(24), [1, 4])):
        with pytest.raises(BadInput):
            made.batch(call(raw, shape))
    with pytest.raises(BadInput):
        made.batch(call(np.array([np.nan] * 3, "<f4").tobytes(), [1, 3]))
    with pytest.raises(BadInput, match="'y'"):
        made.reply(call(bytes(24), [2, 3], [Wanted("y")]), PREDICTION, 2)

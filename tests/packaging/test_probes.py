"""What staging asks, and how it reads answers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seatrial.packaging import probes
from seatrial.packaging.http import Answer
from seatrial.packaging.probes import FORMS, Wrong, bad_requests, check_metadata, compare
from seatrial.registry.golden import Golden
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving.exchange import Reply, Request
from seatrial.serving.plane import DataPlane
from seatrial.testing.models import (
    column_signature,
    live_version,
    matrix_signature,
    router_of,
)
from seatrial.web.errors import error_reply

COLUMNS = {
    "age": np.array([1.5, np.nan]),
    "visits": np.array([1, 2]),
    "member": np.array([True, False]),
    "plan": np.array(["basic", "pro"], dtype=object),
    "note": np.array([None, "❄"], dtype=object),
}


def body(request: bytes) -> bytes:
    return request.partition(b"\r\n\r\n")[2]


def answer(content: bytes, **headers: str) -> Answer:
    return Answer(status=200, headers=headers, body=content, elapsed_s=0.0)


def test_missing_values_are_null_in_json() -> None:
    said = json.loads(body(FORMS[0].request("m", column_signature(), COLUMNS)))
    data = {tensor["name"]: tensor["data"] for tensor in said["inputs"]}
    assert data["age"] == [1.5, None]
    assert data["note"] == [None, "❄"]
    assert data["member"] == [True, False]


def test_binary_tensors_follow_the_header_in_order() -> None:
    request = FORMS[1].request("m", column_signature(), COLUMNS)
    length = int(request.split(b"inference-header-content-length: ")[1].split(b"\r\n")[0])
    head = json.loads(body(request)[:length])
    sizes = [tensor["parameters"]["binary_data_size"] for tensor in head["inputs"]]
    assert sum(sizes) == len(body(request)) - length
    assert sizes[:3] == [16, 16, 2]


def test_binary_answers_are_read_back() -> None:
    numbers = np.array([1.5, -2.0], dtype="<f4").tobytes()
    words = b"\x02\x00\x00\x00no\x03\x00\x00\x00yes"
    head = json.dumps(
        {
            "outputs": [
                {
                    "name": "p",
                    "datatype": "FP32",
                    "shape": [2],
                    "parameters": {"binary_data_size": 8},
                },
                {
                    "name": "label",
                    "datatype": "BYTES",
                    "shape": [2],
                    "parameters": {"binary_data_size": len(words)},
                },
            ]
        }
    ).encode()
    length = {"inference-header-content-length": str(len(head))}
    found = FORMS[1].read(answer(head + numbers + words, **length))
    assert found["p"].tolist() == [1.5, -2.0]
    assert found["label"].tolist() == ["no", "yes"]


@pytest.mark.parametrize("length", ["x", "-5", "99999"])
def test_a_wrong_header_length_is_said(length: str) -> None:
    with pytest.raises(Wrong, match="cannot be read"):
        FORMS[1].read(answer(b"{}", **{"inference-header-content-length": length}))


GOLDEN = Golden(inputs=np.zeros((2, 1)), outputs={}, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("seen", "message"),
    [
        ({}, "the output 'p' is missing"),
        ({"p": np.array([1.0])}, "expected"),
        ({"p": np.array([1.0, 2.1])}, "differs by 0.1"),
        ({"p": np.array([1.0, np.nan])}, "differs by nan"),
    ],
)
def test_answers_that_differ_are_said(seen: dict[str, object], message: str) -> None:
    with pytest.raises(Wrong, match=message):
        compare(seen, {"p": np.array([1.0, 2.0])}, GOLDEN)  # type: ignore[arg-type]


def test_the_largest_difference_within_tolerance_is_returned() -> None:
    worst = compare({"p": np.array([1.0, 2.001])}, {"p": np.array([1.0, 2.0])}, GOLDEN)
    assert worst == pytest.approx(0.001)


def test_numbers_and_text_of_the_same_label_are_equal() -> None:
    assert compare({"l": np.array(["1"], object)}, {"l": np.array([1])}, GOLDEN) == 0.0


def test_bad_requests_have_names_of_their_own_and_fit_the_kind_of_model() -> None:
    matrix = bad_requests("m", matrix_signature(), np.ones((3, 3), np.float32))
    columns = bad_requests("m", column_signature(), COLUMNS)
    for cases in (matrix, columns):
        names = [name for name, _ in cases]
        assert len(set(names)) == len(names) >= 15
    assert "missing value" in dict(matrix)
    assert "missing value" not in dict(columns)
    assert {"missing feature", "unknown feature"} <= dict(columns).keys()
    for cases in (matrix, columns):
        assert {"extra feature", "ragged rows", "more data than shape"} <= dict(cases).keys()


def test_a_nan_is_sent_as_bytes_where_none_may_be_and_only_there() -> None:
    matrix = dict(bad_requests("m", matrix_signature(), np.ones((3, 3), np.float32)))
    sent = np.frombuffer(body(matrix["NaN"])[-12:], "<f4")
    assert np.isnan(sent).tolist() == [True, False, False]
    assert "NaN" not in dict(bad_requests("m", column_signature(), COLUMNS))  # age may be missing


def test_the_unknown_category_is_that_of_a_feature_with_known_ones() -> None:
    columns = dict(bad_requests("m", column_signature(), COLUMNS))
    inputs = {t["name"]: t["data"] for t in json.loads(body(columns["unknown category"]))["inputs"]}
    assert (inputs["plan"], inputs["note"]) == (["no such category"], [None])
    assert COLUMNS["plan"][0] == "basic"  # the rows themselves are left as they were
    matrix = dict(bad_requests("m", matrix_signature(), np.ones((3, 3), np.float32)))
    assert "unknown category" not in matrix


def test_a_ragged_row_lacks_a_value_that_must_be_there() -> None:
    columns = dict(bad_requests("m", column_signature(), COLUMNS))
    whole, short = json.loads(body(columns["ragged rows"]))["instances"]
    assert whole.keys() - short.keys() == {"plan"}  # note, the last one, may be missing
    matrix = dict(bad_requests("m", matrix_signature(), np.ones((3, 3), np.float32)))
    assert [len(r) for r in json.loads(body(matrix["ragged rows"]))["instances"]] == [3, 2]


def test_metadata_must_name_every_column_with_its_type() -> None:
    signature = column_signature()
    said = {
        "inputs": [
            {"name": f.name, "datatype": probes._DATATYPES[f.dtype]} for f in signature.features
        ],
        "outputs": [{"name": "prediction"}],
    }
    assert check_metadata(json.dumps(said).encode(), signature).startswith("5 inputs")
    said["inputs"][0]["datatype"] = "FP32"
    with pytest.raises(Wrong, match="the inputs are"):
        check_metadata(json.dumps(said).encode(), signature)
    with pytest.raises(Wrong, match="cannot be read"):
        check_metadata(b"[]", signature)


@pytest.mark.parametrize("nullable", [False, True])
@pytest.mark.parametrize("dtype", list(Dtype))
def test_a_model_of_one_feature_refuses_every_bad_request(dtype: Dtype, nullable: bool) -> None:
    shape = (2,) if dtype.narrow else ()
    nullable = nullable and not (dtype.whole or shape or dtype is Dtype.BOOL)
    signature = Signature(
        features=(Feature(name="only", dtype=dtype, nullable=nullable, shape=shape),),
        outputs=(Output(name="prediction", dtype=Dtype.FLOAT64),),
        task=Task.REGRESSION,
        matrix=dtype.numeric and not shape,
    )
    column = np.full((1, *shape), "a" if dtype is Dtype.STRING else 1, dtype.numpy)
    row = column.reshape(1, 1) if signature.matrix else {"only": column}
    plane = DataPlane(router_of(live_version(signature, endpoint="m")), error_reply)

    def status(raw: bytes) -> int:
        head, _, sent = raw.partition(b"\r\n\r\n")
        line, *fields = head.split(b"\r\n")
        headers = {n.lower(): v.strip() for n, _, v in (f.partition(b":") for f in fields)}
        method, path, _ = line.decode().split()
        reply = plane.handle(Request(method, path, b"", headers, sent))
        assert isinstance(reply, Reply)
        return reply.status

    for form in FORMS:
        assert status(form.request("m", signature, row)) == 200
    answered = {n: status(raw) for n, raw in bad_requests("m", signature, row)}
    assert {name: s for name, s in answered.items() if not 400 <= s < 500} == {}
    assert signature.matrix or "unknown feature" in answered

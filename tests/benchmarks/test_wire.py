"""Requests keep their rows, replies give back what was encoded."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks.serving.wire import (
    HEADER_LENGTH,
    ask_binary,
    ask_json,
    ask_plain,
    read_inference,
    read_plain,
)

ROWS = arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.just(30)),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
)


@settings(deadline=None)
@given(ROWS)
def test_json_and_plain_requests_carry_every_number_exactly(rows: np.ndarray) -> None:
    tensor = json.loads(ask_json("m", rows).body)["inputs"][0]
    assert np.array_equal(np.float32(tensor["data"]).reshape(tensor["shape"]), rows)
    assert np.array_equal(np.float32(json.loads(ask_plain("/", rows).body)["instances"]), rows)


@settings(deadline=None)
@given(ROWS)
def test_a_binary_request_carries_its_tensor_after_the_head(rows: np.ndarray) -> None:
    call = ask_binary("m", rows)
    tensor = call.body[int(call.headers[HEADER_LENGTH]) :]
    assert np.array_equal(np.frombuffer(tensor, np.float32).reshape(rows.shape), rows)


def test_a_request_travels_with_its_length_and_headers() -> None:
    head, _, body = ask_json("m", np.zeros((1, 30), np.float32)).raw("h:1").partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v2/models/m/infer HTTP/1.1\r\nhost: h:1\r\n")
    assert f"content-length: {len(body)}".encode() in head


def test_reads_json_and_binary_outputs_of_one_reply() -> None:
    probabilities = np.array([[0.25, 0.75]], np.float32)
    head = json.dumps(
        {
            "outputs": [
                {"name": "label", "datatype": "INT64", "shape": [1], "data": [1]},
                {
                    "name": "probabilities",
                    "datatype": "FP32",
                    "shape": [1, 2],
                    "parameters": {"binary_data_size": 8},
                },
            ]
        }
    ).encode()
    answer = read_inference({HEADER_LENGTH: str(len(head))}, head + probabilities.tobytes())
    assert answer.label is not None
    assert answer.label.tolist() == [1]
    assert answer.probabilities is not None
    assert answer.probabilities.tolist() == [[0.25, 0.75]]


def test_what_a_server_does_not_say_is_none() -> None:
    assert read_plain({}, b'{"label": [1]}').probabilities is None

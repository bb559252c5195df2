"""TF Serving's gRPC services over loopback; its own client asks them in integration."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest

from seatrial.adapters.grpc.tfserving_messages import MODEL, PREDICTION, messages
from tests.adapters.grpc_bench import MAX_BODY_BYTES, Bench, opened

ROWS = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
FLOAT, DOUBLE, INT32, INT16, STRING, INT64, BOOL, HALF = 1, 2, 3, 5, 7, 9, 10, 19
COMPLEX = 8
Code = grpc.StatusCode


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with opened(PREDICTION, messages()) as bench:
        yield bench


def tensor(dtype: int = FLOAT, shape: tuple[int, ...] = (2, 3), **values: Any) -> dict[str, Any]:
    given = values or {"float_val": ROWS.ravel().tolist()}
    return {"dtype": dtype, "tensor_shape": {"dim": [{"size": n} for n in shape]}, **given}


def spec(name: str = "churn", **more: Any) -> dict[str, Any]:
    return {"name": name, **more}


@pytest.mark.parametrize(
    "given",
    [
        tensor(),
        tensor(tensor_content=ROWS.tobytes()),
        tensor(DOUBLE, double_val=ROWS.ravel().tolist()),
        tensor(INT32, int_val=[1, 2, 3, 4, 5, 6]),
        tensor(INT16, tensor_content=ROWS.astype("<i2").tobytes()),
        tensor(INT64, int64_val=[1, 2, 3, 4, 5, 6]),
        tensor(HALF, half_val=ROWS.astype("<f2").view("<u2").ravel().tolist()),
    ],
)
async def test_numbers_of_every_type_are_rows(bench: Bench, given: dict[str, Any]) -> None:
    answer = await bench.ask("Predict", model_spec=spec(), inputs={"x": given})
    np.testing.assert_array_equal(bench.churn.batches[-1], ROWS)
    assert list(answer.outputs["probabilities"].float_val) == [0.25] * 4
    assert [d.size for d in answer.outputs["probabilities"].tensor_shape.dim] == [2, 2]
    assert list(answer.outputs["label"].int64_val) == [0, 0]
    assert answer.model_spec.name == "churn"
    assert answer.model_spec.version.value == 3
    assert bench.recorder.seen == [(3, "ok")]
    assert bench.trailing["x-seatrial-version"] == "3"


async def test_the_last_value_stands_for_those_left_out(bench: Bench) -> None:
    given = tensor(shape=(4, 3), float_val=[1, 2, 7])
    await bench.ask("Predict", model_spec=spec(), inputs={"x": given})
    assert np.asarray(bench.churn.batches[-1]).tolist() == [[1, 2, 7]] + [[7, 7, 7]] * 3


async def test_columns_of_every_type_go_by_name(bench: Bench) -> None:
    inputs = {
        "age": tensor(DOUBLE, (2,), double_val=[1.5, float("nan")]),
        "visits": tensor(INT32, (2, 1), int_val=[1, 2]),
        "member": tensor(BOOL, (2,), bool_val=[True, False]),
        "plan": tensor(STRING, (2,), string_val=[b"pro"]),
        "note": tensor(STRING, (2,), string_val=["å".encode(), b""]),
    }
    request: dict[str, Any] = {
        "model_spec": spec("col", version={"value": 4}, signature_name="serving_default"),
        "inputs": inputs,
        "output_filter": ["prediction"],
    }
    answer = await bench.ask("Predict", **request)
    batch = bench.columns.batches[-1]
    assert isinstance(batch, dict)
    assert batch["note"].tolist() == ["å", ""]
    assert batch["plan"].tolist() == ["pro", "pro"]
    assert batch["visits"].tolist() == [1, 2]
    assert np.isnan(batch["age"][1])
    assert list(answer.outputs["prediction"].double_val) == [0.5, 0.5]


HUGE = tensor(shape=(2**40, 3), float_val=[1.0])
DEEP = tensor(shape=(1,) * 300, float_val=[1.0])


@pytest.mark.parametrize(
    ("fields", "code", "word"),
    [
        ({"model_spec": spec("nope")}, Code.NOT_FOUND, "nope"),
        ({"model_spec": spec("")}, Code.INVALID_ARGUMENT, "empty"),
        ({"model_spec": spec(version={"value": 9})}, Code.NOT_FOUND, "9"),
        ({"model_spec": spec(version={"value": -1})}, Code.NOT_FOUND, "churn"),
        ({"model_spec": spec(version_label="blue")}, Code.INVALID_ARGUMENT, "'blue'"),
        ({"model_spec": spec(signature_name="other")}, Code.INVALID_ARGUMENT, "'other'"),
        ({"output_filter": ["y"]}, Code.INVALID_ARGUMENT, "'y'"),
        ({"inputs": {}}, Code.INVALID_ARGUMENT, ""),
        ({"inputs": {"x": tensor(shape=(6,))}}, Code.INVALID_ARGUMENT, "'x'"),
        ({"inputs": {"x": tensor(shape=(1, 2, 3))}}, Code.INVALID_ARGUMENT, "'x'"),
        ({"inputs": {"x": tensor(shape=(), float_val=[1])}}, Code.INVALID_ARGUMENT, "'x'"),
        ({"inputs": {"x": tensor(shape=(-1, 3))}}, Code.INVALID_ARGUMENT, "no definite"),
        ({"inputs": {"x": tensor(shape=(1, 3))}}, Code.INVALID_ARGUMENT, "6 are in float_val"),
        ({"inputs": {"x": tensor(int_val=[1])}}, Code.INVALID_ARGUMENT, "0 are in float_val"),
        ({"inputs": {"x": HUGE}}, Code.INVALID_ARGUMENT, f"more than {MAX_BODY_BYTES}"),
        ({"inputs": {"x": DEEP}}, Code.INVALID_ARGUMENT, "no definite"),
        ({"inputs": {"x": tensor(tensor_content=b"123")}}, Code.INVALID_ARGUMENT, "3 bytes"),
        ({"inputs": {"x": tensor(COMPLEX)}}, Code.INVALID_ARGUMENT, "dtype 8"),
        ({"inputs": {"x": tensor(6, int_val=[300] * 6)}}, Code.INVALID_ARGUMENT, "INT8"),
        ({"inputs": {"x": tensor(INT32, int_val=[7], shape=(0, 3))}}, Code.INVALID_ARGUMENT, "0"),
        (
            {"inputs": {"x": tensor(STRING, string_val=[b"\xff"] * 6)}},
            Code.INVALID_ARGUMENT,
            "UTF-8",
        ),
        (
            {"inputs": {"x": tensor(STRING, (10_000, 1), string_val=[b"long" * 20])}},
            Code.INVALID_ARGUMENT,
            "more than",
        ),
        (
            {"inputs": {"x": tensor(tensor_content=bytes(300_000))}},
            Code.RESOURCE_EXHAUSTED,
            "",
        ),
    ],
)
async def test_bad_requests_are_refused_with_a_reason_and_blame_no_version(
    bench: Bench, fields: dict[str, Any], code: Any, word: str
) -> None:
    whole = {"model_spec": spec(), "inputs": {"x": tensor()}} | fields
    got, said = await bench.refused("Predict", **whole)
    assert got is code, said
    assert word in said
    assert {outcome for _, outcome in bench.recorder.seen} <= {"rejected"}


async def test_bytes_that_are_no_message_are_refused(bench: Bench) -> None:
    code, _ = await bench.refused("Predict", raw=b"\xff\xff\xff")
    assert code is Code.INVALID_ARGUMENT


async def test_a_clients_own_deadline_is_no_ones_fault(bench: Bench) -> None:
    request = {"model_spec": spec("slow"), "inputs": {"x": tensor()}}
    code, _ = await bench.refused("Predict", timeout_s=0.05, **request)
    assert code is Code.DEADLINE_EXCEEDED
    for _ in range(100):
        if bench.recorder.seen:
            break
        await asyncio.sleep(0.01)
    assert {outcome for _, outcome in bench.recorder.seen} <= {"rejected"}


async def test_the_signature_is_described(bench: Bench) -> None:
    described = await bench.ask(
        "GetModelMetadata", model_spec=spec("col"), metadata_field=["signature_def"]
    )
    packed = described.metadata["signature_def"]
    assert packed.type_url == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    defined = messages()["SignatureDefMap"].FromString(packed.value).signature_def
    signature = defined["serving_default"]
    assert {name: info.dtype for name, info in signature.inputs.items()} == {
        "age": DOUBLE,
        "visits": INT64,
        "member": BOOL,
        "plan": STRING,
        "note": STRING,
    }
    assert [dim.size for dim in signature.outputs["prediction"].tensor_shape.dim] == [-1]
    assert described.model_spec.version.value == 4
    code, said = await bench.refused("GetModelMetadata", model_spec=spec())
    assert (code, "signature_def" in said) == (Code.INVALID_ARGUMENT, True)
    code, _ = await bench.refused(
        "GetModelMetadata", model_spec=spec("nope"), metadata_field=["signature_def"]
    )
    assert code is Code.NOT_FOUND


async def test_loaded_versions_are_available(bench: Bench) -> None:
    bench.service = MODEL
    told = await bench.ask("GetModelStatus", model_spec=spec())
    assert [(one.version, one.state) for one in told.model_version_status] == [(3, 30)]
    code, _ = await bench.refused("GetModelStatus", model_spec=spec("nope"))
    assert code is Code.NOT_FOUND

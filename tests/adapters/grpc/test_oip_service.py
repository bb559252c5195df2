"""gRPC's door to the data plane, over loopback; Triton's own client asks it in integration."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import numpy as np
import pytest

from seatrial.adapters.grpc.oip_messages import SERVICE, messages
from seatrial.adapters.serving.oip_grpc import GrpcOip
from seatrial.serving.failures import EngineRefused
from seatrial.serving.oip import Tensor
from tests.adapters.grpc_bench import Bench, opened

ROWS = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
Code = grpc.StatusCode


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with opened(SERVICE, messages()) as bench:
        yield bench


def tensor(**changed: Any) -> dict[str, Any]:
    contents = {"fp32_contents": ROWS.ravel().tolist()}
    whole = {"name": "input", "datatype": "FP32", "shape": [2, 3], "contents": contents}
    return {name: value for name, value in (whole | changed).items() if value is not None}


RAW = tensor(contents=None)


async def test_server_and_models_are_described(bench: Bench) -> None:
    assert (await bench.ask("ServerLive")).live
    assert (await bench.ask("ServerReady")).ready
    assert (await bench.ask("ServerMetadata")).name == "seatrial"
    assert (await bench.ask("ModelReady", name="churn")).ready
    assert not (await bench.ask("ModelReady", name="churn", version="7")).ready
    described = await bench.ask("ModelMetadata", name="churn")
    (given,) = described.inputs
    assert (given.name, given.datatype, list(given.shape)) == ("input", "FP32", [-1, 3])
    code, said = await bench.refused("ModelMetadata", name="nope")
    assert code is Code.NOT_FOUND
    assert "'nope'" in said


@pytest.mark.parametrize("raw", [True, False])
async def test_rows_come_raw_or_typed_and_are_counted_like_any(bench: Bench, raw: bool) -> None:
    how = {"raw_input_contents": [ROWS.tobytes()]} if raw else {}
    given = RAW if raw else tensor()
    answer = await bench.ask(
        "ModelInfer", model_name="churn", model_version="3", id="q", inputs=[given], **how
    )
    np.testing.assert_array_equal(bench.churn.batches[-1], ROWS)
    assert (answer.model_name, answer.model_version, answer.id) == ("churn", "3", "q")
    assert [(o.name, o.datatype, list(o.shape)) for o in answer.outputs] == [
        ("label", "INT64", [2]),
        ("probabilities", "FP32", [2, 2]),
    ]
    assert np.frombuffer(answer.raw_output_contents[1], np.float32).tolist() == [0.25] * 4
    assert bench.recorder.seen == [(3, "ok")]
    assert bench.trailing["x-seatrial-version"] == "3"


async def test_only_the_outputs_asked_for_are_answered(bench: Bench) -> None:
    answer = await bench.ask(
        "ModelInfer", model_name="churn", inputs=[tensor()], outputs=[{"name": "label"}]
    )
    assert [output.name for output in answer.outputs] == ["label"]
    assert len(answer.raw_output_contents) == 1


async def test_columns_of_every_type_come_as_contents(bench: Bench) -> None:
    columns = {
        "age": ("FP64", {"fp64_contents": [1.5, np.inf]}),
        "visits": ("INT32", {"int_contents": [1, 2]}),
        "member": ("BOOL", {"bool_contents": [True, False]}),
        "plan": ("BYTES", {"bytes_contents": [b"pro", b"basic"]}),
        "note": ("BYTES", {"bytes_contents": ["å".encode(), b""]}),
    }
    inputs = [
        {"name": name, "datatype": datatype, "shape": [2], "contents": contents}
        for name, (datatype, contents) in columns.items()
    ]
    code, said = await bench.refused("ModelInfer", model_name="col", inputs=inputs)
    assert code is Code.INVALID_ARGUMENT
    assert "age" in said  # infinity arrived as that
    columns["age"][1]["fp64_contents"] = [1.5, np.nan]
    await bench.ask("ModelInfer", model_name="col", inputs=inputs)
    batch = bench.columns.batches[-1]
    assert isinstance(batch, dict)
    assert batch["note"].tolist() == ["å", ""]
    assert batch["visits"].tolist() == [1, 2]
    assert np.isnan(batch["age"][1])


@pytest.mark.parametrize(
    ("fields", "code", "word"),
    [
        ({"model_name": "nope", "inputs": [tensor()]}, Code.NOT_FOUND, "nope"),
        ({"model_name": "", "inputs": [tensor()]}, Code.INVALID_ARGUMENT, "empty"),
        ({"model_version": "x", "inputs": [tensor()]}, Code.NOT_FOUND, "churn"),
        ({"inputs": []}, Code.INVALID_ARGUMENT, ""),
        ({"inputs": [tensor(shape=[2, 4])]}, Code.INVALID_ARGUMENT, "input"),
        ({"inputs": [tensor(shape=[-1, 3])]}, Code.INVALID_ARGUMENT, "input"),
        ({"inputs": [tensor(shape=[])]}, Code.INVALID_ARGUMENT, "input"),
        ({"inputs": [tensor(shape=[2**40, 3])]}, Code.INVALID_ARGUMENT, "input"),
        ({"inputs": [tensor(datatype="FP99")]}, Code.INVALID_ARGUMENT, "FP99"),
        ({"inputs": [tensor(datatype="FP16")]}, Code.INVALID_ARGUMENT, "raw_input_contents"),
        ({"inputs": [tensor(datatype="INT64")]}, Code.INVALID_ARGUMENT, "int64_contents"),
        (
            {"inputs": [tensor(datatype="INT8", contents={"int_contents": [300]})]},
            Code.INVALID_ARGUMENT,
            "300",
        ),
        ({"inputs": [RAW], "raw_input_contents": [b"xyz"]}, Code.INVALID_ARGUMENT, "3 bytes"),
        ({"inputs": [RAW], "raw_input_contents": [b"", b""]}, Code.INVALID_ARGUMENT, "2 raw"),
        ({"inputs": [tensor()], "raw_input_contents": [b""]}, Code.INVALID_ARGUMENT, "two"),
        ({"inputs": [tensor(), tensor()]}, Code.INVALID_ARGUMENT, "input"),
        ({"inputs": [tensor()], "outputs": [{"name": "y"}]}, Code.INVALID_ARGUMENT, "'y'"),
        (
            {"inputs": [RAW], "raw_input_contents": [bytes(300_000)]},
            Code.RESOURCE_EXHAUSTED,
            "",
        ),
    ],
)
async def test_bad_requests_are_refused_with_a_reason_and_blame_no_version(
    bench: Bench, fields: dict[str, Any], code: Any, word: str
) -> None:
    got, said = await bench.refused("ModelInfer", **({"model_name": "churn"} | fields))
    assert got is code, said
    assert word in said
    assert {outcome for _, outcome in bench.recorder.seen} <= {"rejected"}


async def test_bytes_that_are_no_message_are_refused(bench: Bench) -> None:
    code, _ = await bench.refused("ModelInfer", raw=b"\xff\xff\xff")
    assert code is Code.INVALID_ARGUMENT


async def test_a_clients_own_deadline_is_no_ones_fault(bench: Bench) -> None:
    request = messages()["ModelInferRequest"](model_name="slow", inputs=[tensor()])
    async with grpc.aio.insecure_channel(bench.address) as channel:
        call = channel.unary_unary(f"/{SERVICE}/ModelInfer")
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await call(request.SerializeToString(), timeout=0.05)
    assert told.value.code() is Code.DEADLINE_EXCEEDED
    for _ in range(100):
        if bench.recorder.seen:
            break
        await asyncio.sleep(0.01)
    assert {outcome for _, outcome in bench.recorder.seen} <= {"rejected"}


async def test_a_key_is_sticky_and_parameters_are_those_of_http(bench: Bench) -> None:
    request = messages()["ModelInferRequest"](model_name="churn", inputs=[tensor()])
    request.parameters["seatrial_key"].string_param = "u1"
    request.parameters["binary_data_output"].bool_param = False  # not gRPC's to say
    async with grpc.aio.insecure_channel(bench.address) as channel:
        call = channel.unary_unary(f"/{SERVICE}/ModelInfer")(
            request.SerializeToString(),
            metadata=(("x-request-id", "r-7"), ("x-seatrial-version", "9")),
        )
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await call
        assert told.value.code() is Code.NOT_FOUND
        call = channel.unary_unary(f"/{SERVICE}/ModelInfer")(
            request.SerializeToString(), metadata=(("x-request-id", "r-7"),)
        )
        await call
        assert dict(await call.trailing_metadata() or ())["x-request-id"] == "r-7"


async def test_our_own_way_to_servers_elsewhere_asks_it(bench: Bench) -> None:
    server = GrpcOip(f"grpc://{bench.address}", connect_s=5.0)
    assert await server.ready("churn", 5.0)
    given = Tensor(name="input", datatype="FP32", values=ROWS)
    answer = await server.infer("churn", [given], ["probabilities"], 5.0)
    assert answer["probabilities"].tolist() == [[0.25, 0.25]] * 2
    with pytest.raises(EngineRefused, match="nope"):
        await server.metadata("nope", 5.0)
    await server.close()

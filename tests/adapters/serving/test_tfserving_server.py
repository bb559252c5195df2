"""TensorFlow Serving's interfaces as an engine; the server that is asked is seatrial's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest

from seatrial.adapters.grpc.tfserving_messages import PREDICTION, messages
from seatrial.adapters.serving.tfserving_server import TfServingGrpc, TfServingHttp
from seatrial.serving.elsewhere import Elsewhere
from seatrial.serving.exchange import Reply, Request
from seatrial.serving.failures import EngineMismatch, EngineRefused, EngineUnreachable
from seatrial.serving.oip import OipServer, Tensor
from seatrial.testing.memory_oip import OipWorld
from seatrial.testing.models import column_signature, matrix_signature
from tests.adapters.grpc_bench import Bench, opened
from tests.conformance.http_double import Answer, over_http

ROWS = np.array([[1, 2, 3], [4, 5, 6]], np.float32)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with opened(PREDICTION, messages()) as bench:
        yield bench


@pytest.fixture(params=["http", "grpc"])
async def server(bench: Bench, request: pytest.FixtureRequest) -> AsyncIterator[OipServer]:
    async def answer(method: str, path: str, body: bytes) -> Answer:
        found = bench.plane.handle(Request(method, path, b"", {}, body))
        reply = found if isinstance(found, Reply) else await found
        return reply.status, reply.body

    async with over_http(OipWorld(), answer) as url:
        server = (
            TfServingHttp(url, connect_s=5.0)
            if request.param == "http"
            else TfServingGrpc(f"grpc://{bench.address}", connect_s=1.0)
        )
        yield server
        await server.close()


@pytest.mark.parametrize("model", ["churn", "churn/3"])
async def test_a_bundle_is_held_against_it_and_answered_by_it(
    bench: Bench, server: OipServer, model: str
) -> None:
    engine = Elsewhere(server, model, matrix_signature())
    await engine.start()
    answer = await engine.predict(ROWS, 5.0)
    np.testing.assert_array_equal(answer["probabilities"], np.full((2, 2), 0.25))
    assert answer["label"].tolist() == [0, 0]
    assert {name: values.dtype for name, values in answer.items()} == {
        o.name: o.dtype.numpy for o in matrix_signature().outputs
    }
    np.testing.assert_array_equal(bench.churn.batches[-1], ROWS)


async def test_columns_of_every_type_go_there(bench: Bench, server: OipServer) -> None:
    engine = Elsewhere(server, "col", column_signature())
    await engine.start()
    batch = {
        "age": np.array([1.5, np.nan]),
        "visits": np.array([2**53 + 1, -1]),
        "member": np.array([True, False]),
        "plan": np.array(["pro", "basic"], object),
        "note": np.array(["å", None], object),
    }
    assert (await engine.predict(batch, 5.0))["prediction"].tolist() == [0.5, 0.5]
    seen = bench.columns.batches[-1]
    assert isinstance(seen, dict)
    assert seen["visits"].tolist() == [2**53 + 1, -1]
    assert seen["note"].tolist() == ["å", ""]
    np.testing.assert_array_equal(seen["age"], batch["age"])


@pytest.mark.parametrize("model", ["nope", "churn/9", "no such/1"])
async def test_what_is_not_there_is_unreachable(server: OipServer, model: str) -> None:
    with pytest.raises(EngineUnreachable, match="no model"):
        await Elsewhere(server, model, matrix_signature()).start()


async def test_another_model_under_the_name_is_a_mismatch(server: OipServer) -> None:
    with pytest.raises(EngineMismatch, match="'member'"):
        await Elsewhere(server, "col", matrix_signature()).start()


async def test_rows_that_it_refuses_are_told(server: OipServer) -> None:
    wrong = Tensor(name="x", datatype="FP32", values=np.zeros((2, 7), np.float32))
    with pytest.raises(EngineRefused):
        await server.infer("churn", [wrong], ["label"], 5.0)

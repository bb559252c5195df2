"""Rows that name an entity go through the data plane: completed before a version is picked."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Container
from typing import Any

import numpy as np
import pytest

from seatrial.kernel.errors import NotFound, SeatrialError, Unavailable
from seatrial.serving.exchange import Reply, Request
from seatrial.serving.plane import DataPlane
from seatrial.serving.router import Router
from seatrial.testing.models import (
    Remembering,
    column_signature,
    live_version,
    matrix_signature,
    router_of,
)
from seatrial.web.errors import error_reply

SIGNATURE = matrix_signature()
PREDICT = "/v1/models/churn:predict"
ENTITY = {"entity": {"user_id": 1}}
NAMED = dict(zip(SIGNATURE.names, (1.0, 2.0, 3.0), strict=True))
REST = {name: value for name, value in NAMED.items() if name != SIGNATURE.names[0]}


class FakeFilled:
    """Tells what a version takes, and may have a problem with it."""

    def __init__(self, problem: SeatrialError | None) -> None:
        self.problem = problem

    def fit(self, rows: list[Any], names: Container[str]) -> None:
        assert SIGNATURE.names[0] in names
        if self.problem is not None:
            raise self.problem


class FakeCompletion:
    """Puts the first feature in the place of an entity, after a turn of the loop."""

    def __init__(
        self, problem: SeatrialError | None = None, *, unfit: SeatrialError | None = None
    ) -> None:
        self.problem = problem
        self.unfit = unfit
        self.asked: list[tuple[str, int]] = []

    def look_up(self, endpoint: str, rows: list[Any]) -> Awaitable[FakeFilled] | None:
        self.asked.append((endpoint, len(rows)))
        wanted = [i for i, row in enumerate(rows) if isinstance(row, dict) and "entity" in row]
        return self._complete(rows, wanted) if wanted else None

    async def _complete(self, rows: list[Any], wanted: list[int]) -> FakeFilled:
        await asyncio.sleep(0)
        if self.problem is not None:
            raise self.problem
        for i in wanted:
            rows[i] = {k: v for k, v in rows[i].items() if k != "entity"} | {
                SIGNATURE.names[0]: NAMED[SIGNATURE.names[0]]
            }
        return FakeFilled(self.unfit)


@pytest.fixture
def router() -> Router:
    return router_of(live_version(SIGNATURE), live_version(column_signature(), endpoint="col"))


def recorded(router: Router) -> list[str]:
    assert isinstance(router._recorder, Remembering)
    return [outcome for _, outcome in router._recorder.seen]


def asked(path: str, body: object, **headers: str) -> Request:
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return Request("POST", path, b"", named, json.dumps(body).encode())


async def answer(plane: DataPlane, request: Request) -> Any:
    made = plane.handle(request)
    reply = made if isinstance(made, Reply) else await made
    return reply.status, json.loads(reply.body)


@pytest.mark.parametrize(
    ("path", "form", "headers"),
    [
        (PREDICT, "instances", {}),
        ("/invocations", "instances", {"x_seatrial_model": "churn"}),
        ("/invocations", "dataframe_records", {"x_seatrial_model": "churn"}),
    ],
)
async def test_a_completed_row_is_answered_like_one_that_came_whole(
    router: Router, path: str, form: str, headers: dict[str, str]
) -> None:
    completion = FakeCompletion()
    plane = DataPlane(router, error_reply, completion=completion)
    whole = await answer(plane, asked(path, {form: [NAMED, NAMED]}, **headers))
    assert whole[0] == 200
    mixed = await answer(plane, asked(path, {form: [REST | ENTITY, NAMED]}, **headers))
    assert mixed == whole
    assert completion.asked == [("churn", 2), ("churn", 2)]
    assert recorded(router) == ["ok", "ok"]


async def test_whole_rows_are_answered_at_once(router: Router) -> None:
    plane = DataPlane(router, error_reply, completion=FakeCompletion())
    assert isinstance(plane.handle(asked(PREDICT, {"instances": [NAMED]})), Reply)
    assert isinstance(plane.handle(asked(PREDICT, {"instances": [[1, 2, 3]]})), Reply)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PREDICT, {"instances": [[1, 2, 3]]}),
        (PREDICT, {"inputs": {name: [1.0] for name in SIGNATURE.names}}),
        (
            "/v2/models/churn/infer",
            {"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}]},
        ),
    ],
)
async def test_numbers_columns_and_tensors_are_never_looked_into(
    router: Router, path: str, body: object
) -> None:
    completion = FakeCompletion()
    plane = DataPlane(router, error_reply, completion=completion)
    assert (await answer(plane, asked(path, body)))[0] == 200
    assert completion.asked == []


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (NotFound("It is not there.", remedy="Send it.", row=0, field="a"), 404),
        (Unavailable("The store is down.", remedy="Wait."), 503),
    ],
)
async def test_what_cannot_be_completed_is_told_and_no_evidence_about_a_version(
    router: Router, problem: SeatrialError, status: int
) -> None:
    for completion in (FakeCompletion(problem), FakeCompletion(unfit=problem)):
        plane = DataPlane(router, error_reply, completion=completion)
        found, body = await answer(plane, asked(PREDICT, {"instances": [REST | ENTITY]}))
        assert (found, body["code"]) == (status, problem.code)
    assert recorded(router) == []


async def test_a_completed_row_that_does_not_fit_is_refused(router: Router) -> None:
    plane = DataPlane(router, error_reply, completion=FakeCompletion())
    status, body = await answer(plane, asked(PREDICT, {"instances": [ENTITY]}))
    assert (status, body["code"]) == (400, "serving.bad_input")
    assert recorded(router) == ["rejected"]


async def test_requests_that_arrive_together_are_completed_each(router: Router) -> None:
    plane = DataPlane(router, error_reply, completion=FakeCompletion())
    requests = [
        asked(PREDICT, {"instances": [row]}) for row in (NAMED, REST | ENTITY, NAMED, [1, 2, 3])
    ]
    made = plane.handle_together(requests, [plane.now()] * 4)
    replies = [one if isinstance(one, Reply) else await one for one in made]
    assert [reply.status for reply in replies] == [200] * 4
    assert len({reply.body for reply in replies}) == 1


async def test_without_completion_an_entity_is_a_feature_nobody_knows(router: Router) -> None:
    plane = DataPlane(router, error_reply)
    status, body = await answer(plane, asked(PREDICT, {"instances": [NAMED | ENTITY]}))
    assert status == 400
    assert "'entity'" in body["error"]


INFER = "/v2/models/churn/infer"
KEYS = {"name": "entity.user_id", "shape": [2], "datatype": "INT64", "data": [7, 8]}


def tensors(*more: object, datatype: str = "FP64") -> dict[str, object]:
    """Two rows: keys, and all features but the first, a tensor each."""
    rest = [
        {"name": name, "shape": [2, 1], "datatype": datatype, "data": [value, value]}
        for name, value in REST.items()
    ]
    return {"inputs": [KEYS, *rest, *more]}


async def test_tensors_that_name_entities_are_completed_as_rows_are(router: Router) -> None:
    completion = FakeCompletion()
    plane = DataPlane(router, error_reply, completion=completion)
    whole = [{"name": "x", "shape": [2, 3], "datatype": "FP64", "data": [1, 2, 3, 1, 2, 3]}]
    expected = await answer(plane, asked(INFER, {"inputs": whole}))
    assert await answer(plane, asked(INFER, tensors())) == expected
    assert await answer(plane, asked(INFER, tensors(datatype="FP32"))) == expected
    assert expected[0] == 200
    assert completion.asked == [("churn", 2)] * 2
    assert recorded(router) == ["ok"] * 3


async def test_binary_tensors_that_name_entities_are_completed(router: Router) -> None:
    plane = DataPlane(router, error_reply, completion=FakeCompletion())
    body = tensors()
    raw = np.array([7, 8], "<i8").tobytes()
    body["inputs"][0] = {  # type: ignore[index]
        "name": "entity.user_id",
        "shape": [2],
        "datatype": "INT64",
        "parameters": {"binary_data_size": len(raw)},
    }
    head = json.dumps(body).encode()
    headers = {b"inference-header-content-length": str(len(head)).encode()}
    made = plane.handle(Request("POST", INFER, b"", headers, head + raw))
    reply = made if isinstance(made, Reply) else await made
    assert reply.status == 200, reply.body


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"shape": [3], "data": [1, 2, 3]}, "'entity.user_id' has 3 values|has 2 values"),
        ({"shape": [1, 2]}, "has the shape"),
        ({"data": [7, "8"]}, "not an integer"),
        ({"datatype": "KEY"}, "not known"),
    ],
)
async def test_tensors_of_entities_that_do_not_fit_are_refused(
    router: Router, bad: dict[str, object], why: str
) -> None:
    plane = DataPlane(router, error_reply, completion=FakeCompletion())
    body = tensors()
    body["inputs"][0] = KEYS | bad  # type: ignore[index]
    status, told = await answer(plane, asked(INFER, body))
    assert status == 400
    assert re.search(why, told["error"]), told


async def test_without_completion_a_tensor_of_keys_is_a_feature_nobody_knows(
    router: Router,
) -> None:
    first = {"name": SIGNATURE.names[0], "shape": [2], "datatype": "FP64", "data": [1.0, 1.0]}
    status, told = await answer(DataPlane(router, error_reply), asked(INFER, tensors(first)))
    assert status == 400
    assert "entity.user_id" in told["error"]

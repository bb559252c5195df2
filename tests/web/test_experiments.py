"""The routes of experiments: guarded, bounded, and what they refuse is typed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from seatrial.adapters.labels.outcome_files import read_outcomes
from seatrial.experiments.desk import ExperimentDesk
from seatrial.kernel.clock import SystemClock
from seatrial.kernel.events import Draft
from seatrial.release.endpoint import EndpointState, start
from seatrial.release.projection import Endpoints
from seatrial.release.rollout import Plan, Staged, Step, decide
from seatrial.serving.plane import DataPlane
from seatrial.serving.record import Recorder
from seatrial.serving.router import Router
from seatrial.testing import MemoryStore
from seatrial.web.entrance import MAX_LABELS_BYTES, limit_of
from seatrial.web.errors import error_reply
from seatrial.web.experiments import experiments_router
from seatrial.web.guard import Guard
from seatrial.web.site import site

TOKEN = "correct horse battery staple"
HEADERS = {"authorization": f"Bearer {TOKEN}"}
DESIGN: dict[str, Any] = {
    "experiment": "offers",
    "endpoint": "m",
    "versions": {"today": 1, "next": 1},
    "variants": {"today": 1, "next": 1},
    "primary": {"name": "bought", "kind": "share"},
}
OUTCOME = {"user": "u", "metric": "bought", "value": 1, "id": "o"}


def passed(state: EndpointState) -> list[Draft]:
    assert state.rollout is not None
    return decide(state.rollout, Staged(passed=True, reason="fine"), stable=state.stable)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    store, clock = MemoryStore(clock=SystemClock()), SystemClock()
    endpoints = Endpoints(store)
    plan = Plan(steps=(Step(share=1.0, watch_s=0.0),))
    endpoints.change("m", lambda s: start(s, version=1, digest="d", target="production", plan=plan))
    endpoints.change("m", passed)
    desk, guard = ExperimentDesk(store, now=clock.now), Guard(token=TOKEN)
    plane = DataPlane(Router(Recorder(worker="w", clock=clock)), error_reply)
    app = site(plane, [experiments_router(desk, guard, read_outcomes)], guard)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as made:
        yield made


async def test_an_experiment_lives_over_http(client: httpx.AsyncClient) -> None:
    client.headers.update(HEADERS)
    design = {**DESIGN, "traffic": 0.1}
    assert (await client.post("/api/experiments", json=design)).json()["phase"] == "draft"
    begun = await client.post("/api/experiments/offers/start", json={"by": "ann"})
    assert begun.json()["phase"] == "running"
    wider = await client.post("/api/experiments/offers/widen", json={"traffic": 0.5})
    assert wider.json()["traffic"] == 0.5
    assert len((await client.get("/api/experiments")).json()) == 1
    taken = await client.post("/api/experiments/offers/outcomes", json=[OUTCOME])
    assert taken.json() == {"experiment": "offers", "n": 1}
    as_csv = await client.post(
        "/api/experiments/offers/outcomes", content=b"user,metric,value,id\nu,bought,1,o\n"
    )
    assert as_csv.json()["n"] == 1
    record = (await client.get("/api/experiments/offers")).json()
    assert (record["phase"], record["judgement"]) == ("running", None)
    ended = await client.post("/api/experiments/offers/stop", json={"reason": "over"})
    assert (ended.json()["phase"], ended.json()["reason"]) == ("stopped", "over")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("", DESIGN | {"variants": {"a": 1}}, 400, "config.invalid"),
        ("", DESIGN | {"experiment": "a b"}, 400, "experiment.not_startable"),
        ("", [], 422, "control.invalid_request"),
        ("/none/start", {}, 404, "experiment.unknown"),
        ("/none/outcomes", [OUTCOME], 404, "experiment.unknown"),
        ("/offers/outcomes", [OUTCOME], 409, "experiment.conflict"),
        ("/offers/stop", {}, 409, "experiment.conflict"),
        ("/offers/widen", {"traffic": 1}, 409, "experiment.conflict"),
        ("/offers/widen", {"traffic": 1.5}, 422, "control.invalid_request"),
        ("/offers/widen", {}, 422, "control.invalid_request"),
        ("/none/widen", {"traffic": 1}, 404, "experiment.unknown"),
        ("/offers/start", {"colour": 1}, 422, "control.invalid_request"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_a_code(
    client: httpx.AsyncClient, path: str, body: Any, status: int, code: str
) -> None:
    client.headers.update(HEADERS)
    await client.post("/api/experiments", json=DESIGN)
    answer = await client.post(f"/api/experiments{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("path", ["", "/offers", "/offers/start", "/offers/outcomes"])
async def test_without_the_token_nothing_is_told_or_done(
    client: httpx.AsyncClient, path: str
) -> None:
    for method in ("GET", "POST"):
        answer = await client.request(method, f"/api/experiments{path}", json=DESIGN)
        assert answer.status_code in (403, 405)


def test_outcomes_may_be_a_file() -> None:
    assert limit_of("/api/experiments/offers/outcomes") == MAX_LABELS_BYTES
    assert limit_of("/api/experiments/offers/start") < MAX_LABELS_BYTES

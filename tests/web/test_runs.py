"""The routes of trainings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from seatrial.serving.exchange import Limits
from seatrial.serving.plane import DataPlane
from seatrial.testing.memory_store import MemoryStore
from seatrial.testing.models import router_of
from seatrial.testing.tracker_suite import a_run, ended, losses
from seatrial.training.runs import facts
from seatrial.training.runs.book import RunBook
from seatrial.training.runs.desk import RunDesk
from seatrial.web.errors import error_reply
from seatrial.web.guard import Guard
from seatrial.web.runs import runs_router
from seatrial.web.site import site

Client = Callable[..., httpx.AsyncClient]


@pytest.fixture
def client(tmp_path: Path) -> Client:
    store = MemoryStore()
    book = RunBook(store)
    for id_, parent in (("a", None), ("b", None), ("a.0", "a")):
        run = ended(a_run(tmp_path, id=id_, parent=parent), loss=0.5)
        begun = replace(run, ending=None, latest={})
        assert run.ending is not None
        told = [facts.started(begun), facts.reported(losses([1.0, float("nan")]))]
        book.append(id_, [*told, facts.ended(run.ending)])

    def make(*, token: str | None = None, address: str = "127.0.0.1") -> httpx.AsyncClient:
        plane = DataPlane(router_of(), error_reply, Limits())
        app = site(plane, [runs_router(RunDesk(store), Guard(token=token))])
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1234))
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")

    return make


async def test_runs_are_told_in_short_and_whole(client: Client) -> None:
    async with client() as http:
        runs = (await http.get("/api/runs")).json()
        trials = (await http.get("/api/runs", params={"search": "a"})).json()
        one = (await http.get("/api/runs/a")).json()
        few = (await http.get("/api/runs?last=1")).json()
    assert {run["id"] for run in runs} == {"a", "b"}
    assert [run["id"] for run in trials] == ["a.0"]
    assert one["curves"] == {"loss": [[0, 1.0], [1, None]]}
    assert one["status"] == "finished"
    assert len(few) == 1


async def test_two_runs_are_told_beside_each_other(client: Client) -> None:
    async with client() as http:
        found = (await http.get("/api/runs/a/beside/b")).json()
    assert found["runs"] == ["a", "b"]
    assert found["metrics"]["loss"] == [0.5, 0.5]


async def test_a_run_that_is_not_there_is_404(client: Client) -> None:
    async with client() as http:
        answer = await http.get("/api/runs/nope")
        wrong = await http.get("/api/runs?last=0")
    assert (answer.status_code, answer.json()["code"]) == (404, "training.unknown_run")
    assert wrong.status_code == 422


async def test_others_may_not_look(client: Client) -> None:
    async with client(address="10.0.0.9") as http:
        assert (await http.get("/api/runs")).status_code == 403

"""The routes of the watch: what programs read of it, and how they answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.finding import Finding, Labels, Level, Phrase
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.serving.exchange import Limits
from seatrial.serving.plane import DataPlane
from seatrial.testing import MemoryStore
from seatrial.testing.models import router_of
from seatrial.web.errors import error_reply
from seatrial.web.guard import Guard
from seatrial.web.site import site
from seatrial.web.watch import watch_router

TOKEN = "correct-horse"
LABELS = Labels(endpoint="churn", kind="latency")
PATH = f"/api/alerts/{LABELS.key}"
ROUTES = [
    ("GET", "/api/endpoints/churn/watch"),
    ("GET", "/api/alerts"),
    ("POST", f"{PATH}/acknowledge"),
    ("POST", f"{PATH}/close"),
    ("GET", "/api/silences"),
    ("POST", "/api/silences"),
    ("DELETE", "/api/silences/1"),
]

Client = Callable[..., httpx.AsyncClient]


@pytest.fixture
def store() -> MemoryStore:
    """An endpoint whose latency is in trouble."""
    store = MemoryStore()
    found = Finding(labels=LABELS, level=Level.WARNING, what=Phrase("p95 is 250 ms."))
    AlertBook(store).observe([found], now=datetime.now(UTC))
    return store


@pytest.fixture
def client(store: MemoryStore) -> Client:
    def make(*, token: str | None = None, address: str = "127.0.0.1") -> httpx.AsyncClient:
        plane = DataPlane(router_of(), error_reply, Limits())
        app = site(plane, [watch_router(WatchDesk(store), Guard(token=token))])
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1234))
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")

    return make


async def test_a_view_holds_the_alerts_with_what_to_do_in_both_languages(client: Client) -> None:
    answer = await client().get("/api/endpoints/churn/watch")
    assert answer.status_code == 200
    [alert] = answer.json()["alerts"]
    assert alert["finding"]["what"]["en"] == "p95 is 250 ms."
    assert {"en", "zh"} == set(alert["steps"][0])
    assert alert["steps"][0]["zh"] != alert["steps"][0]["en"]


async def test_an_endpoint_nobody_knows_is_404(client: Client) -> None:
    assert (await client().get("/api/endpoints/none/watch")).status_code == 404


async def test_alerts_are_listed_of_all_or_one_and_with_or_without_those_that_ended(
    client: Client,
) -> None:
    async with client() as http:
        assert [a["key"] for a in (await http.get("/api/alerts")).json()] == [LABELS.key]
        assert (await http.get("/api/alerts?endpoint=price")).json() == []
        await http.post(f"{PATH}/close", json={"note": "fixed"})
        assert (await http.get("/api/alerts?ended=false")).json() == []
        [ended] = (await http.get("/api/alerts")).json()
    assert (ended["phase"], ended["reason"]) == ("resolved", "fixed")


async def test_somebody_cares(client: Client) -> None:
    answer = await client().post(f"{PATH}/acknowledge", json={"by": "ann", "note": "on it"})
    assert answer.json()["acknowledged_by"] == "ann"


@pytest.mark.parametrize("wish", ["acknowledge", "close"])
async def test_an_unknown_alert_is_404_and_one_that_ended_409(wish: str, client: Client) -> None:
    async with client() as http:
        assert (await http.post(f"/api/alerts/0000/{wish}", json={})).status_code == 404
        await http.post(f"{PATH}/close", json={})
        answer = await http.post(f"{PATH}/{wish}", json={})
    assert answer.status_code == 409
    assert answer.json()["code"] == "monitoring.alert_conflict"


async def test_of_many_who_close_an_alert_at_once_one_did(client: Client) -> None:
    async with client() as http:
        posts = (http.post(f"{PATH}/close", json={"by": f"p{i}"}) for i in range(6))
        answers = await asyncio.gather(*posts)
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5


async def test_silences_are_begun_listed_and_ended(client: Client) -> None:
    wanted: dict[str, Any] = {"match": {"kind": ["latency"]}, "for_s": 60, "why": "x", "by": "ann"}
    async with client() as http:
        begun = (await http.post("/api/silences", json=wanted)).json()
        assert [one["id"] for one in (await http.get("/api/silences")).json()] == [begun["id"]]
        assert (await http.delete(f"/api/silences/{begun['id']}")).status_code == 204
        assert (await http.get("/api/silences")).json() == []
        assert (await http.delete("/api/silences/77")).status_code == 404


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"for_s": 0},
        {"for_s": -1},
        {"for_s": 1e12},
        {"for_s": "soon"},
        {"for_s": 60, "match": {"colour": ["red"]}},
        {"for_s": 60, "match": {"kind": "latency"}},
        {"for_s": 60, "match": {str(i): [] for i in range(50)}},
        {"for_s": 60, "why": "x" * 501},
        {"for_s": 60, "by": ""},
        {"for_s": 60, "until": "ever"},
        [],
    ],
)
async def test_a_silence_that_is_none_is_refused(wanted: Any, client: Client) -> None:
    async with client() as http:
        answer = await http.post("/api/silences", json=wanted)
        assert answer.status_code in (400, 422)
        assert (await http.get("/api/silences")).json() == []


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_is_for_those_who_may(method: str, path: str, client: Client) -> None:
    body = {"json": {"for_s": 60}} if method == "POST" else {}
    async with client(token=TOKEN) as http:
        refused = [
            await http.request(method, path, headers=headers, **body)
            for headers in ({}, {"authorization": "Bearer wrong"})
        ]
    async with client(address="192.0.2.7") as http:
        refused.append(await http.request(method, path, **body))
    assert {answer.status_code for answer in refused} <= {401, 403}

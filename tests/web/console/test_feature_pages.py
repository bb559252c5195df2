"""The page of features as a browser gets it, and the route under it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from parsed_page import ParsedPage

from seatrial.features.config import LookupConfig
from seatrial.features.desk import FeatureDesk
from seatrial.features.online import Read, State
from seatrial.features.plan import plan_of
from seatrial.features.tally import Tally
from seatrial.features.view import (
    Field,
    Origin,
    Reference,
    Repository,
    Service,
    ValueType,
    View,
)
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.finding import Finding, Labels, Level, Phrase
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.web.features import features_router
from seatrial.web.guard import Guard

HOSTILE = "<img src=x onerror=alert(1)>"
ZH = {"accept-language": "zh"}
NOW_S = 1_700_000_000
VIEW = View(
    name="stats",
    online_name="stats",
    join_keys=(Field("user_id", ValueType.INT64),),
    features=(Field("average", ValueType.DOUBLE),),
    ttl_us=86_400 * 10**6,
)
REPOSITORY = Repository(
    project="p",
    views=(VIEW,),
    services=(Service(name="activity", features=(Reference("stats", "average"),)),),
    origins={"stats": Origin(kind="FileSource", name="s", place=HOSTILE, materialized_us=1)},
)
CONFIG = LookupConfig(service="activity", columns={"average": "order_value"}, max_age="12h")
SKEW = {
    "at": "2026-01-01T00:00:00+00:00",
    "features": {"stats:average": {"n": 1000, "n_different": 40, "level": "critical"}},
}


@pytest.fixture
def repository() -> list[Repository]:
    return [REPOSITORY]


@pytest.fixture(autouse=True)
def features(world: Any, repository: list[Repository]) -> FeatureDesk:
    world.features = FeatureDesk(
        lambda: repository[0],
        {"churn": CONFIG},
        world.store,
        compared=lambda endpoint: SKEW,
        now_s=lambda: float(NOW_S),
    )
    return world.features


def count(world: Any, *reads: Read, refused: str | None = None) -> None:
    tally, plan = Tally(), plan_of(CONFIG, REPOSITORY)
    for read in reads:
        tally.count("churn", plan.columns[0], read, NOW_S * 10**6)
    if refused:
        tally.refuse("churn", refused)
    world.store.beat("worker/s/0", {"beside": {"features": tally.snapshot()}})


async def shown(browse: Any, **headers: Any) -> str:
    async with browse() as http:
        reply = await http.get("/features", **headers)
    assert reply.status_code == 200
    page = ParsedPage(reply.text)
    assert "img" not in page.names()
    return " ".join(page.text.split())


async def test_it_says_how_features_stand(world: Any, browse: Any) -> None:
    hours = 3600 * 10**6
    count(
        world,
        *[Read(State.PRESENT, value, 2 * hours) for value in (2.5, 1200.0, -3.0)],
        Read(State.NULL, None, hours),
        Read(State.STALE, None, 30 * hours),
    )
    text = await shown(browse)
    for said in (
        "No alert.",
        "stats:averageInput order_value",
        "-3 … 1,200",
        "60 %",
        "20 %",
        "counts 12 h",
        "40 of 1,000",
        "no older than 12 h",
        HOSTILE,
        "FileSource",
    ):
        assert said in text, said
    text = await shown(browse, headers=ZH)
    assert "没有告警。" in text
    assert "1,000 个中有 40 个" in text


async def test_alerts_and_what_is_not_served_come_first(world: Any, browse: Any) -> None:
    count(world, refused=f"order_value {HOSTILE} would not be filled any more.")
    labels = Labels(endpoint="churn", kind="feature_freshness", feature="stats:average")
    book = AlertBook(world.store)
    what = Phrase(f"{HOSTILE} is old.", "太旧。")
    for minutes in (20, 10, 0):
        now = datetime.now(UTC) - timedelta(minutes=minutes)
        book.observe([Finding(labels=labels, level=Level.CRITICAL, what=what)], now=now)
    text = await shown(browse)
    assert "Freshness of a feature · stats:average" in text
    assert "No alert." not in text
    assert "What was applied last is not served:" in text
    assert "特征新鲜度" in await shown(browse, headers=ZH)


async def test_without_requests_and_views_it_says_what_to_do(
    world: Any, browse: Any, repository: list[Repository]
) -> None:
    assert "No request has named an entity" in await shown(browse)
    repository[0] = replace(REPOSITORY, views=(), services=())
    text = await shown(browse)
    assert "seatrial features apply" in text
    assert "no feature service" in text


async def test_the_route_tells_the_same(world: Any, features: FeatureDesk) -> None:
    count(world, Read(State.PRESENT, 2.5, 1))
    app = FastAPI()
    app.include_router(features_router(features, WatchDesk(world.store), Guard(token=None)))
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        told = (await http.get("/api/features")).json()
    assert told["endpoints"][0]["features"][0]["states"] == {"present": 1}
    assert told["alerts"] == []
    assert {"views", "services", "project", "problem", "at"} <= told.keys()

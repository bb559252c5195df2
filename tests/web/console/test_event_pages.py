"""The page of events as a browser gets it, and the route under it."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI
from parsed_page import ParsedPage

from seatrial.events.config import EventsConfig
from seatrial.events.desk import EventDesk
from seatrial.events.journal import IN, OUT, Rejected, opened, published, received
from seatrial.kernel.errors import Denied
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.release.desk import Desk
from seatrial.testing.memory_store import MemoryStore
from seatrial.web.console.pages import console_router
from seatrial.web.events import events_router
from seatrial.web.guard import Guard

HOSTILE = "<img src=x onerror=alert(1)>"
CONFIG = EventsConfig.model_validate(
    {"broker": {"kind": "redis", "url": "redis://h"}, "publish": {"source": "/s"}, "receive": {}}
)


@pytest.fixture
def store():
    store = MemoryStore()
    store.append(OUT, [opened("a", 0), published(5, 1234)], expected=0)
    rejected = Rejected(
        place="seatrial.requests/7", type=HOSTILE, id="1", code="c.d", problem="No."
    )
    counts = {("seatrial.labels.arrived", "taken"): 3, ("other", "rejected"): 1}
    store.append(IN, [received(["x"], counts, [rejected])], expected=0)
    return store


def client(store, *, token=None):
    guard = Guard(token=token)
    desk = EventDesk(store, CONFIG)
    app = FastAPI()
    app.include_router(events_router(desk, guard))
    app.include_router(console_router(Desk(store), WatchDesk(store), guard, events=desk))
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", ["Events", "1,234", "taken in", "another type", "No process moves events"]),
        ("zh", ["事件", "1,234", "已接收", "其他类型", "没有进程在传递事件"]),
    ],
)
async def test_the_page_says_how_events_go(store, language, says):
    async with client(store) as browser:
        reply = await browser.get("/events", headers={"accept-language": language})
    assert reply.status_code == 200
    text = ParsedPage(reply.text).text
    assert [word for word in says if word not in text] == []
    assert HOSTILE not in reply.text


async def test_what_stands_still_is_told(store):
    store.beat(
        "events/out",
        {"problem": "Redis is away.", "code": "c", "since": "2030-01-01T00:00:00+00:00",
         "n_behind": 7, "oldest": None},
    )  # fmt: skip
    async with client(store) as browser:
        part = await browser.get("/console/events")
        record = (await browser.get("/api/events")).json()
    assert "Redis is away." in part.text
    assert record["publish"]["n_behind"] == 7
    assert record["receive"]["rejected"][0]["place"] == "seatrial.requests/7"


async def test_trouble_is_told_in_chinese_with_what_was_said(store):
    store.beat(
        "events/out",
        {"problem": "Redis is away.", "code": "events.broker_unavailable", "since": None},
    )
    rejected = Rejected(
        place="t/8", type=None, id=None, code="events.event_invalid", problem="is no JSON"
    )
    store.append(IN, [received(["y"], {("other", "rejected"): 1}, [rejected])], expected=1)
    async with client(store) as browser:
        part = await browser.get("/console/events", headers={"accept-language": "zh"})
    assert "消息服务器没有应答，会自动重试。（原文：Redis is away.）" in part.text
    assert "消息不是 CloudEvents 格式的事件。（原文：is no JSON）" in part.text


async def test_strangers_see_nothing(store):
    async with client(store, token="secret") as browser:
        with pytest.raises(Denied):
            await browser.get("/api/events")
        assert "1,234" not in (await browser.get("/events")).text

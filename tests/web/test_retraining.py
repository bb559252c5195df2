"""The routes and pages of retraining: guarded, in both languages, and no home for hostile text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from seatrial.kernel.errors import Conflict, SeatrialError
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.release.desk import Desk
from seatrial.testing.memory_store import MemoryStore
from seatrial.web.console.pages import console_router
from seatrial.web.errors import error_reply
from seatrial.web.guard import Guard
from seatrial.web.retraining import retraining_router

TOKEN = "correct horse battery staple"
HEADERS = {"authorization": f"Bearer {TOKEN}"}
HOSTILE = "<img src=x onerror=alert(1)>"
AT = "2030-01-01T00:00:00+00:00"


class Busy(Conflict):
    """Of this test."""

    code = "test.busy"


class FakeDesk:
    """Answers as told, and keeps what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.status = "waiting"
        self.step = "approve"
        self.refuses = False
        self.left_to = ""
        self.at_rest = False
        self.causes = [{"id": "1", "rule": HOSTILE, "reason": HOSTILE, "at": AT, "asks": True}]

    def views(self) -> list[dict[str, Any]]:
        return [self.view("churn")]

    def view(self, name: str) -> dict[str, Any]:
        step = {
            "name": self.step,
            "status": self.status,
            "attempt": 2,
            "reason": HOSTILE,
            "error": {"code": "x.y", "problem": HOSTILE, "remedy": "Look.", "facts": {}},
            "output": None,
            "log": [HOSTILE, "epoch 3"],
            "by": "",
        }
        last = {
            "run": "retraining/churn-1",
            "at": AT,
            "by": "anna",
            "causes": self.causes,
            "outcome": "",
            "reason": "",
            "trained_s": 1.0,
        }
        return {
            "name": name,
            "endpoint": "churn",
            "training": "train.py:train",
            "source": "log",
            "steps": ["rows", "train", "approve"],
            "status": self.status,
            "step": self.step,
            "last": last,
            "next": {"says": "cooling", "reason": "it cools", "pending": self.causes},
            "run": {
                "id": "retraining/churn-1",
                "status": "cancelled" if self.at_rest else self.status,
                "step": None if self.at_rest else self.step,
                "outcome": "cancelled" if self.at_rest else "",
                "reason": "",
                "left_to": self.left_to,
                "causes": self.causes,
                "steps": [step],
                "live": {"share": 0.5, "note": HOSTILE, "lines": ["epoch 4"]},
            },
            "history": [last],
        }

    def history(self, name: str) -> list[dict[str, Any]]:
        return [{"run": f"retraining/{name}-1"}]

    def _done(self, *asked: Any) -> dict[str, Any]:
        if self.refuses:
            raise Busy("It is busy.", remedy="Wait.")
        self.asked.append(asked)
        return self.view("churn")

    def now(self, name: str, *, by: str, reason: str = "") -> dict[str, Any]:
        return self._done("now", name, by, reason)

    def retry(self, name: str, *, by: str, reason: str = "") -> dict[str, Any]:
        return self._done("retry", name, by, reason)

    def approve(self, name: str, *, by: str, reason: str = "") -> dict[str, Any]:
        return self._done("approve", name, by, reason)

    def cancel(self, name: str, *, by: str, reason: str = "") -> dict[str, Any]:
        return self._done("cancel", name, by, reason)

    def take_over(
        self, name: str, step: str, output: Mapping[str, Any] | str, *, by: str, reason: str = ""
    ) -> dict[str, Any]:
        return self._done("take-over", name, step, output, by, reason)


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def client(desk: FakeDesk) -> httpx.AsyncClient:
    store, guard, app = MemoryStore(), Guard(token=TOKEN), FastAPI()
    app.include_router(retraining_router(desk, guard))
    app.include_router(console_router(Desk(store), WatchDesk(store), guard, retraining=desk))

    @app.exception_handler(SeatrialError)
    async def refused(request: Any, error: SeatrialError) -> Any:
        from fastapi.responses import Response

        reply = error_reply(error, request.url.path)
        return Response(reply.body, reply.status)

    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, client=("127.0.0.1", 1)), base_url="http://localhost"
    )


@pytest.mark.parametrize("wish", ["now", "retry", "approve", "cancel"])
async def test_a_wish_over_http_reaches_the_desk(
    wish: str, client: httpx.AsyncClient, desk: FakeDesk
) -> None:
    body = {"reason": "because", "by": "anna"}
    path = f"/api/retraining/churn/{wish}"
    assert (await client.post(path, json=body)).status_code == 403
    assert desk.asked == []
    answer = await client.post(path, json=body, headers=HEADERS)
    assert answer.status_code == 200
    assert desk.asked == [(wish, "churn", "anna", "because")]


async def test_an_output_over_http_is_an_object(client: httpx.AsyncClient, desk: FakeDesk) -> None:
    path = "/api/retraining/churn/take-over"
    good = {"step": "approve", "output": {"approved": True}, "by": "anna"}
    assert (await client.post(path, json=good, headers=HEADERS)).status_code == 200
    assert desk.asked == [("take-over", "churn", "approve", {"approved": True}, "anna", "")]
    for bad in ({"step": "x"}, {**good, "output": "text"}, {**good, "more": 1}):
        assert (await client.post(path, json=bad, headers=HEADERS)).status_code == 422


@pytest.mark.parametrize("path", ["", "/churn", "/churn/history"])
async def test_reading_over_http_is_guarded(path: str, client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/api/retraining{path}")).status_code == 403
    assert (await client.get(f"/api/retraining{path}", headers=HEADERS)).status_code == 200


@pytest.mark.parametrize(("language", "word"), [("en", "Approve"), ("zh", "批准")])
@pytest.mark.parametrize("path", ["/retraining/churn", "/console/retraining/churn"])
async def test_the_page_speaks_the_language_and_escapes(
    path: str, language: str, word: str, client: httpx.AsyncClient
) -> None:
    answer = await client.get(path, headers={**HEADERS, "accept-language": language})
    assert answer.status_code == 200
    assert word in answer.text
    assert HOSTILE not in answer.text
    assert "epoch 4" in answer.text


async def test_who_may_not_sees_the_log_in(client: httpx.AsyncClient) -> None:
    answer = await client.get("/retraining/churn")
    assert (answer.status_code, "epoch" in answer.text) == (403, False)


@pytest.mark.parametrize("wish", ["now", "retry", "approve", "cancel"])
async def test_a_button_reaches_the_desk(
    wish: str, client: httpx.AsyncClient, desk: FakeDesk
) -> None:
    path = f"/console/retraining/churn/{wish}"
    assert (await client.post(path)).status_code == 403
    assert desk.asked == []
    assert (await client.post(path, headers=HEADERS)).status_code == 200
    assert desk.asked == [(wish, "churn", "console", "")]


async def test_what_a_person_writes_in_place_of_a_step_reaches_the_desk(
    client: httpx.AsyncClient, desk: FakeDesk
) -> None:
    form = {"step": "approve", "output": '{"approved": true}', "reason": "seen"}
    path = "/console/retraining/churn/take-over"
    assert (await client.post(path, data=form, headers=HEADERS)).status_code == 200
    assert desk.asked == [
        ("take-over", "churn", "approve", '{"approved": true}', "console", "seen")
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_refusal_is_told_on_the_page(
    language: str, client: httpx.AsyncClient, desk: FakeDesk
) -> None:
    desk.refuses = True
    headers = {**HEADERS, "accept-language": language}
    answer = await client.post("/console/retraining/churn/retry", headers=headers)
    assert "It is busy." in answer.text


async def test_a_button_nobody_knows_is_told(client: httpx.AsyncClient, desk: FakeDesk) -> None:
    answer = await client.post("/console/retraining/churn/dance", headers=HEADERS)
    assert "Nobody knows how to" in answer.text
    assert desk.asked == []


@pytest.mark.parametrize(("language", "words"), [("en", "left to"), ("zh", "步骤由")])
async def test_a_run_that_is_left_to_an_orchestrator_says_so(
    language: str, words: str, client: httpx.AsyncClient, desk: FakeDesk
) -> None:
    async def page() -> str:
        headers = HEADERS | {"accept-language": language}
        return (await client.get("/retraining/churn", headers=headers)).text

    assert words not in await page()
    desk.left_to = HOSTILE
    shown = await page()
    assert words in shown
    assert HOSTILE not in shown


@pytest.mark.parametrize(
    ("language", "said", "rule"),
    [("en", "console wants it", "by hand"), ("zh", "在控制台请求", "人工")],
)
async def test_reasons_are_told_in_the_language_and_who_asks_is_named(
    language: str, said: str, rule: str, client: httpx.AsyncClient, desk: FakeDesk
) -> None:
    by_hand = {"id": "2", "rule": "by hand", "reason": "console wants it", "at": AT, "asks": False}
    desk.causes = [by_hand]
    headers = HEADERS | {"accept-language": language}
    shown = (await client.get("/retraining/churn", headers=headers)).text
    asking, _, run = shown.partition('<section aria-label="')[2].partition("</section>")
    for part in (asking, run):
        assert said in part
        assert rule in part


async def test_a_step_can_be_taken_over_only_while_a_run_stands_at_one(
    client: httpx.AsyncClient, desk: FakeDesk
) -> None:
    async def page() -> str:
        return (await client.get("/retraining/churn", headers=HEADERS)).text

    assert 'class="at-rest"' not in await page()
    desk.at_rest = True
    shown = await page()
    assert 'class="at-rest"' in shown
    assert shown.count(">cancelled<") == 1
